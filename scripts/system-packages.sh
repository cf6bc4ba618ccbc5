#!/bin/sh
# Install what the real-device tests need, where we may: Debian or Ubuntu, as root.
# Anywhere else this does nothing and the tests name what is missing.
set -eu
packages="xvfb x11-utils x11-xserver-utils xdotool ffmpeg pulseaudio pulseaudio-utils libpulse0 libxcb1 libxcb-shm0 gcc libc6-dev chromium"
# Node of another origin brings its own npm and does not go together with Debian's.
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
command -v apt-get >/dev/null 2>&1 || exit 0
[ "$(id -u)" = 0 ] || exit 0
missing=""
for package in $packages; do
	dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get -o DPkg::Lock::Timeout=500 -qq update
# shellcheck disable=SC2086  # a list of names
apt-get -o DPkg::Lock::Timeout=500 -qq install -y --no-install-recommends $missing >/dev/null
