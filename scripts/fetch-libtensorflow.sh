#!/usr/bin/env bash
# Puts the pinned libtensorflow (library and C headers) into .deps/libtensorflow/{lib,include}.
#
#   scripts/fetch-libtensorflow.sh                        the build that is there, else the CPU build
#   GPU=1 scripts/fetch-libtensorflow.sh                  the CUDA build (Linux x86-64), and CUDA's libraries (fetch-cuda.sh)
#   GPU=0 scripts/fetch-libtensorflow.sh                  the CPU build, even if the CUDA build is there
#   LIBTENSORFLOW=/usr/local scripts/fetch-libtensorflow.sh   check yours and fetch nothing
#
# The PyPI wheel contains the whole C API; its Python code is neither unpacked nor used. All work
# happens in a temporary folder that is renamed at the end, so an interruption leaves no partial result.
set -euo pipefail

# The C API that graft v0.10.0 was generated from. Change both together (go.mod). Later versions: docs/libtensorflow.md.
version=2.18.1

root=$(cd "$(dirname "$0")/.." && pwd)
deps=$root/.deps
target=$deps/libtensorflow
gpu=${GPU:-}

say() { printf '%s\n' "$@" >&2; }
fail() {
	printf 'libtensorflow: %s\n' "$@" >&2
	exit 1
}

case $gpu in '' | 0 | 1) ;; *) fail "GPU=$gpu: allowed are 1 (CUDA build) and 0 (CPU build)" ;; esac

if [ -n "${LIBTENSORFLOW:-}" ]; then
	for file in include/tensorflow/c/c_api.h 'lib/libtensorflow.*' 'lib/libtensorflow_framework.*'; do
		# shellcheck disable=SC2086 # the pattern is meant to expand
		(cd "$LIBTENSORFLOW" 2>/dev/null && ls $file >/dev/null 2>&1) ||
			fail "LIBTENSORFLOW=$LIBTENSORFLOW has no $file" \
				"name the folder that holds lib/ and include/ of TensorFlow ${version%.*} (or a later one: docs/libtensorflow.md), or leave the variable out to fetch it"
	done
	exit 0
fi

# One wheel per platform, for one Python version: the C library is the same for all versions.
cpu='' cuda='' tested=yes
case $(uname -s)/$(uname -m) in
Linux/x86_64)
	platform=manylinux2014_x86_64
	cpu="tensorflow-cpu 810c75d7149d2da0cb2092187817b0dcabb80728ca9f9cf3a61f3f42fadd1298 230"
	cuda="tensorflow c9f87e5d2a680a4595f5dc30daf6bbaec9d4129b46d7ef1b2af63c46ac7d2828 616"
	;;
Linux/aarch64 | Linux/arm64)
	platform=manylinux2014_aarch64 tested=no
	cpu="tensorflow 8a6485edd2148f70d011dbd1d8dc2c775e91774a5a159466e83d0d1f21580944 232"
	;;
Darwin/arm64)
	platform=macosx_12_0_arm64 tested=no
	cpu="tensorflow 661029cd769b311db910b79a3a6ef50a5a61ecc947172228c777a49989722508 240"
	;;
Darwin/x86_64)
	fail "TensorFlow $version was not published for Intel Macs (2.16.2 was the last)" \
		"build it yourself and name it with LIBTENSORFLOW=/path/with/lib+include"
	;;
*)
	fail "there is no TensorFlow $version wheel for $(uname -s) on $(uname -m)" \
		"name a build of your own with LIBTENSORFLOW=/path/with/lib+include"
	;;
esac
[ "$gpu" != 1 ] || [ -n "$cuda" ] || fail "GPU=1: the CUDA build exists for Linux x86-64 only"

stamp_of() { # "NAME SHA MEGABYTES" -> the line that marks a complete unpacking
	# shellcheck disable=SC2086 # three words
	set -- $1
	printf '%s==%s sha256:%s' "$1" "$version" "$2"
}

# Whether a complete copy of an acceptable build is there.
present() {
	[ -f "$target/STAMP" ] || return 1
	local have
	have=$(cat "$target/STAMP")
	case $gpu in
	1) [ "$have" = "$(stamp_of "$cuda")" ] ;;
	0) [ "$have" = "$(stamp_of "$cpu")" ] ;;
	*) [ "$have" = "$(stamp_of "$cpu")" ] || { [ -n "$cuda" ] && [ "$have" = "$(stamp_of "$cuda")" ]; } ;;
	esac
}

# CUDA's own libraries, which are no part of the wheel. The library's run path finds them in .deps/libtensorflow/nvidia.
fetch_cuda() {
	[ "$gpu" != 1 ] || "$root/scripts/fetch-cuda.sh"
}

if present; then
	fetch_cuda
	exit 0
fi

if compgen -G '/lib/ld-musl-*' >/dev/null && ! compgen -G '/lib*/ld-linux-*' >/dev/null; then
	fail "the TensorFlow wheels need glibc and this machine has musl (Alpine?)" \
		"name a build of your own with LIBTENSORFLOW=/path/with/lib+include"
fi

mkdir -p "$deps"
# Of two makes at the same time, the second waits for the first. The lock of a dead owner is taken over.
lock=$deps/lock
waited=0
until mkdir "$lock" 2>/dev/null; do
	[ -w "$deps" ] || fail "$deps is not writable"
	owner=$(cat "$lock/pid" 2>/dev/null || true)
	if { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; } || { [ -z "$owner" ] && [ $waited -gt 10 ]; }; then
		rm -rf "$lock"
		continue
	fi
	[ $waited -ne 1 ] || say "waiting for process $owner, which is fetching libtensorflow"
	waited=$((waited + 1))
	sleep 1
done
echo $$ >"$lock/pid"
work=$deps/tmp.$$
trap 'rm -rf "$work" "$lock"' EXIT
trap 'exit 130' INT TERM HUP
if present; then # the other make has fetched it
	fetch_cuda
	exit 0
fi
rm -rf "$deps"/tmp.* || true # left by a killed run
mkdir "$work"

if [ "$gpu" = 1 ]; then build=$cuda; else build=$cpu; fi
read -r name sha megabytes <<<"$build"
say "fetching libtensorflow $version from the wheel $name ($megabytes MB, once)"
[ "$gpu" != 1 ] || say "on a machine with an NVIDIA driver, CUDA's libraries follow as far as they are missing: up to 1,600 MB, together 2.2 GB and 3.8 GB unpacked"
[ $tested = yes ] || say "note: dtl-tf is untested on this platform"
wheel=$("$root/scripts/fetch-wheel.sh" "$name==$version" "$sha" "$platform" 3.11 cp311 "$work/wheel") ||
	fail "nothing was changed; run again, or name a library that you have with LIBTENSORFLOW=/path/with/lib+include"
"${PYTHON:-python3}" "$root/scripts/unpack_libtensorflow.py" "$wheel" "$work/new"
printf "%s\n" "$(stamp_of "$build")" >"$work/new/STAMP"
if [ -e "$target" ]; then
	if [ -e "$target/nvidia" ]; then mv "$target/nvidia" "$work/new/"; fi
	mv "$target" "$work/old"
fi
mv "$work/new" "$target"
fetch_cuda
