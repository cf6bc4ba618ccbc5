#!/bin/sh
# Builds dist/onetake.app on a Mac: sh packaging/macos/build.sh
#
#   ONETAKE_SIGN_IDENTITY   "Developer ID Application: ..."; without it the signature is ad hoc, and
#                           macOS forgets the permissions at every build
#   ONETAKE_NOTARY_PROFILE  keychain profile of `xcrun notarytool store-credentials`; without it the
#                           bundle is not notarised and opens on this Mac only
set -eu
cd "$(dirname "$0")/../.."
python3 -m venv build/macos-venv
build/macos-venv/bin/python -m pip install --quiet . "pyinstaller>=6.11,<7"
ONETAKE_VERSION=$(build/macos-venv/bin/python -c 'import onetake; print(onetake.__version__)')
export ONETAKE_VERSION
build/macos-venv/bin/pyinstaller --noconfirm --distpath dist --workpath build/macos \
  packaging/macos/onetake.spec
codesign --force --deep --options runtime --timestamp=none \
  --entitlements packaging/macos/entitlements.plist \
  --sign "${ONETAKE_SIGN_IDENTITY:--}" dist/onetake.app
codesign --verify --deep --strict dist/onetake.app
if [ -n "${ONETAKE_NOTARY_PROFILE:-}" ]; then
  # Notarisation wants a secure timestamp, which an ad hoc signature cannot have.
  codesign --force --deep --options runtime --timestamp \
    --entitlements packaging/macos/entitlements.plist \
    --sign "$ONETAKE_SIGN_IDENTITY" dist/onetake.app
  ditto -c -k --keepParent dist/onetake.app build/onetake.zip
  xcrun notarytool submit build/onetake.zip --keychain-profile "$ONETAKE_NOTARY_PROFILE" --wait
  xcrun stapler staple dist/onetake.app
fi
