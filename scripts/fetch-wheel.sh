#!/usr/bin/env bash
# Downloads one pinned Python wheel through pip and checks its sha256. Wheels serve only as archives
# here: none is installed and none of their Python code runs, so a wheel may be for a platform or a
# Python version other than this machine's.
#
#   scripts/fetch-wheel.sh NAME==VERSION SHA256 PLATFORM PYTHON-VERSION ABI FOLDER
#
# Prints the path of the wheel in FOLDER. Temporary files stay in FOLDER, and pip keeps what it
# downloads in the user's cache. PYTHON names another interpreter than python3.
set -euo pipefail

[ $# -eq 6 ] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
package=$1 sha=$2 platform=$3 python_version=$4 abi=$5 folder=$6

fail() {
	printf 'fetch-wheel: %s\n' "$@" >&2
	exit 1
}

python=${PYTHON:-python3}
if "$python" -m pip --version >/dev/null 2>&1; then
	pip=("$python" -m pip)
elif pip3 --version >/dev/null 2>&1; then
	pip=(pip3)
elif pip --version >/dev/null 2>&1; then
	pip=(pip)
else
	fail "no pip found: install it (python3-pip in most distributions) or name an interpreter that has it with PYTHON=..."
fi

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
# pip downloads into TMPDIR before it moves the file, which may be too large for /tmp.
export TMPDIR=$folder
printf '%s --hash=sha256:%s\n' "$package" "$sha" >"$folder/requirements.txt"

quiet=(-q)
if [ -t 2 ]; then quiet=(); fi
# ${quiet[@]+...}: bash before 4.4 treats an empty array as unset.
if ! "${pip[@]}" download ${quiet[@]+"${quiet[@]}"} --disable-pip-version-check --no-input --no-deps --require-hashes \
	--only-binary=:all: --platform "$platform" --python-version "$python_version" \
	--implementation cp --abi "$abi" --dest "$folder" -r "$folder/requirements.txt" </dev/null >&2; then
	fail "pip could not get $package for $platform with the pinned sha256" \
		"a version that is not found means an index that lacks it, or a pip older than 20 (this one: $("${pip[@]}" --version | cut -d' ' -f2))" \
		"a hash that does not match means a damaged or altered file: nothing of it is used"
fi

wheels=("$folder"/*.whl)
if [ ! -f "${wheels[0]}" ] || [ ${#wheels[@]} -ne 1 ]; then fail "pip left ${#wheels[@]} wheels in $folder, want one"; fi
printf '%s\n' "${wheels[0]}"
