#!/bin/sh
# Build source archive and wheel, install the wheel into a clean environment of each supported
# Python found here, and record three seconds with it: `make wheels`, or
#     sh scripts/try_wheels.sh [PYTHON ...]
# Then the same without a compiler: that wheel has no compiled loops, and records all the same.
set -eu
cd "$(dirname "$0")/.."
home=$(pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

find_pythons() {
	for version in 3.11 3.12 3.13; do
		for python in "$(command -v "python$version" || :)" "$HOME/.pyenv/versions/$version".*/bin/python; do
			# pyenv puts a stand-in onto the PATH for versions that are not chosen: try it.
			if "$python" -c "import sys; sys.exit('%d.%d' % sys.version_info[:2] != '$version')" 2>/dev/null; then
				echo "$python"
				break
			fi
		done
	done
}

# environment NAME PYTHON WHEEL: a clean environment with nothing but the wheel and what it needs
environment() {
	"$2" -m venv "$work/$1"
	"$work/$1/bin/python" -m pip install --quiet --disable-pip-version-check "$3"
}

# try NAME PYTHON WHEEL true|false: install, record, look for the compiled loops
try() {
	environment "$1" "$2" "$3"
	(
		cd "$work/$1" # not the sources: what is installed is to be run
		bin/onetake --version
		bin/onetake demo --duration 3 || [ $? = 5 ] # 5: saved, on a machine that was too busy
		bin/python -c "
from importlib.util import find_spec
for room in ('audio', 'video'):
    found = find_spec(f'onetake.{room}._kernel') is not None
    assert found is ('$4' == 'true'), (room, found)
"
		bin/onetake completion bash | grep -q selftest
	)
}

[ $# -gt 0 ] || set -- $(find_pythons)
[ $# -gt 0 ] || { echo "no supported Python was found; name one" >&2; exit 1; }

"$1" -m venv "$work/build"
"$work/build/bin/python" -m pip install --quiet --disable-pip-version-check build
rm -rf dist
"$work/build/bin/python" -m build --outdir dist . >"$work/build.log" 2>&1 || { cat "$work/build.log"; exit 1; }
ls -l dist

for python in "$@"; do
	echo "== $python"
	try "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" "$python" "$home"/dist/*.whl true
done

echo "== without a compiler"
CC=false "$work/build/bin/python" -m pip wheel --quiet --disable-pip-version-check --no-deps \
	--wheel-dir "$work/pure" "$home"/dist/*.tar.gz
try pure "$1" "$work"/pure/*.whl false
echo "wheels: $# Pythons and the one without a compiler recorded"
