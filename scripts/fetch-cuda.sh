#!/usr/bin/env bash
# Puts CUDA's and cuDNN's libraries where TensorFlow's CUDA build looks for them, as far as this machine lacks them:
# .deps/libtensorflow/nvidia/PART. The wheels are those that tensorflow 2.18.1 requires, without cuRAND and NCCL, which nothing loads.
#
#   scripts/fetch-cuda.sh           if this machine has an NVIDIA driver
#   CUDA=1 scripts/fetch-cuda.sh    in any case, as for an image that is built elsewhere
#   CUDA=0 scripts/fetch-cuda.sh    nothing
#
# PART names after it, such as cuda_runtime, limit it to these.
# A library counts as there if the loader finds it (LD_LIBRARY_PATH or the system's folders) in a version that is late enough.
# Each wheel is unpacked into a temporary folder that is renamed, so an interruption leaves no partial result and the next call goes on.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
target=$root/.deps/libtensorflow/nvidia

# PART, WHEEL==VERSION, SHA256, MB to fetch, MB unpacked, the least version that counts, and the files of which all must be there.
wheels='
cuda_runtime nvidia-cuda-runtime-cu12==12.5.82  3e79a060e126df40fd3a068f3f787eb000fa51b251ec6cd97d09579632687115   1    1 12   libcudart.so.12
cublas       nvidia-cublas-cu12==12.5.3.2       ca070ad70e9fa6654084575d01bd001f30cc4665e33d4bb9fc8e0f321caa034b 363  552 12   libcublas.so.12 libcublasLt.so.12
cufft        nvidia-cufft-cu12==11.2.3.61       9a6e8df162585750f61983a638104a48c756aa13f9f48e19ab079b38e3c828b8 193  279 11   libcufft.so.11
cusolver     nvidia-cusolver-cu12==11.6.3.83    93cfafacde4428b71778eeb092ec615a02a3d05404da1bcf91c53e3fa1bce42b 130  218 11   libcusolver.so.11
cusparse     nvidia-cusparse-cu12==12.5.1.3     016df8e993c437e8301e62739f01775cba988fd5253cd4c64173f8e8d2f8e752 218  296 12   libcusparse.so.12
nvjitlink    nvidia-nvjitlink-cu12==12.5.82     f9b37bc5c8cf7509665cb6ada5aaa0ce65618f2332b7d3e78e9790511f111212  21   55 12   libnvJitLink.so.12
cudnn        nvidia-cudnn-cu12==9.3.0.75        9ad9c6929ebb5295eb4a1728024666d1c88283373e265a0c5c883e6f9d5cd76d 577  886 9.3  libcudnn.so.9
cuda_nvrtc   nvidia-cuda-nvrtc-cu12==12.5.82    3dbd97b0104b4bfbc3c4f8c79cd2496307c89c43c29a9f83125f1d76296ff3fd  25   68 12   libnvrtc.so.12
cuda_cupti   nvidia-cuda-cupti-cu12==12.5.82    bde77a5feb66752ec61db2adfe47f56b941842825b4c7e2068aff27c9d107953  14   44 12   libcupti.so.12
cuda_nvcc    nvidia-cuda-nvcc-cu12==12.5.82     b03e545b8e8c3ce7ebcd7fc44063180ff52ff01d064ece2127ed90a04ef12cd0  22   59 12   ptxas libdevice.10.bc
'

say() { printf '%s\n' "$@" >&2; }
fail() {
	printf 'cuda: %s\n' "$@" >&2
	exit 1
}

case ${CUDA:-} in
0) exit 0 ;;
1) ;;
'') # the driver's library, which no wheel has
	if ! ldconfig -p 2>/dev/null | grep -q 'libcuda\.so\.1 ' && ! [ -e /proc/driver/nvidia/version ] && ! command -v nvidia-smi >/dev/null; then
		say "no NVIDIA driver here, so CUDA's libraries are not fetched (CUDA=1 fetches them); the program runs on the processor"
		exit 0
	fi
	;;
*) fail "CUDA=$CUDA: allowed are 1 (fetch the libraries that are missing) and 0 (fetch none)" ;;
esac

# The machine's libraries, in the loader's order. The folders of the system come from ldconfig.
system=$(ldconfig -p 2>/dev/null | sed -n 's/.*x86-64.* => //p' || true)
find_library() { # NAME: its path
	local folder folders=()
	IFS=: read -r -a folders <<<"${LD_LIBRARY_PATH:-}"
	for folder in ${folders[@]+"${folders[@]}"}; do
		if [ -e "$folder/$1" ]; then
			echo "$folder/$1"
			return
		fi
	done
	grep "/$1\$" <<<"$system" | head -n 1 || true
}
# XLA looks for its compiler below these only (runner/machine/xla.go).
find_compiler() {
	local folder below=bin
	[ "$1" = ptxas ] || below=nvvm/libdevice
	for folder in /usr/local/cuda-12.5 /usr/local/cuda; do
		if [ -e "$folder/$below/$1" ]; then
			echo "$folder/$below/$1"
			return
		fi
	done
}
at_least() { [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# Whether the machine has all files of a wheel. The version is in the name of the file that a library's name links to.
has() { # LEAST FILE...
	local least=$1 name path version
	shift
	for name in "$@"; do
		case $name in
		lib*.so*)
			path=$(find_library "$name")
			[ -n "$path" ] || return 1
			version=$(readlink -f "$path")
			version=${version##*.so.}
			if ! at_least "$version" "$least"; then
				say "note: $path has version $version, TensorFlow needs $least or later"
				return 1
			fi
			;;
		*) [ -n "$(find_compiler "$name")" ] || return 1 ;;
		esac
	done
}

find_needed() { # PART...: the wheels to fetch
	needed='' megabytes=0 unpacked=0
	local part wheel sha fetched size least files
	while read -r part wheel sha fetched size least files; do
		[ -n "$part" ] || continue
		[ $# -eq 0 ] || [[ " $* " == *" $part "* ]] || continue
		if [ "$(cat "$target/$part/STAMP" 2>/dev/null)" = "$wheel sha256:$sha" ]; then continue; fi
		# shellcheck disable=SC2086 # a list of names
		if [ "${CUDA:-}" != 1 ] && has "$least" $files; then continue; fi
		needed+="$part $wheel $sha $fetched $size"$'\n'
		megabytes=$((megabytes + fetched)) unpacked=$((unpacked + size))
	done <<<"$wheels"
}
find_needed "$@"
if [ -z "$needed" ]; then exit 0; fi

# Of two calls at the same time, the second waits for the first. The lock ends with the process.
mkdir -p "$target"
exec 9>"$target/.lock"
if ! flock -n 9; then
	say "waiting for another process that is fetching CUDA's libraries"
	flock 9
	find_needed "$@"
	if [ -z "$needed" ]; then exit 0; fi
fi

count=$(grep -c . <<<"$needed")
say "this machine lacks $count of CUDA's parts: fetching $megabytes MB, which become $unpacked MB in $target (once; CUDA=0 leaves them out)"
free=$(($(df -Pk "$target" | awk 'NR == 2 { print $4 }') / 1024))
[ "$free" -gt $((unpacked + 700)) ] || fail "$target has $free MB left, $((unpacked + 700)) are needed" "make room, or install CUDA 12.5 and cuDNN 9.3 on this machine"

rm -rf "$target"/.tmp.* || true # left by a killed run
work=$target/.tmp.$$
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
export PIP_NO_CACHE_DIR=1 # pip would keep a second copy of each wheel
at=0 begun=$SECONDS
while read -r part wheel sha fetched size; do
	at=$((at + 1))
	say "($at of $count) $wheel, $fetched MB"
	mkdir -p "$work"
	file=$("$root/scripts/fetch-wheel.sh" "$wheel" "$sha" manylinux2014_x86_64 3.11 none "$work/wheel") ||
		fail "what was fetched before stays; run again to go on, or CUDA=0 to do without"
	"${PYTHON:-python3}" "$root/scripts/unpack_cuda.py" "$file" "$part" "$work/new"
	printf '%s sha256:%s\n' "$wheel" "$sha" >"$work/new/STAMP"
	rm -rf "${target:?}/$part"
	mv "$work/new" "$target/$part"
	rm -rf "$work"
done < <(printf '%s' "$needed")
# cuDNN looks for NVRTC in ../../nvrtc/lib. TensorFlow's run path leaves out CUPTI's folder.
if [ -d "$target/cuda_nvrtc" ]; then ln -sfn cuda_nvrtc "$target/nvrtc"; fi
if [ -d "$target/cuda_cupti" ]; then
	mkdir -p "$target/cuda_runtime/lib"
	ln -sfn ../../cuda_cupti/lib/libcupti.so.12 "$target/cuda_runtime/lib/libcupti.so.12"
fi
say "CUDA's libraries are in place, after $((SECONDS - begun)) s; bin/dtl-tf doctor lists them"
