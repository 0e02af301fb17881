#!/usr/bin/env bash
# Finds this machine's CUDA libraries and links them into the folder where this bundle's TensorFlow looks for them:
#
#   link-cuda.sh [FOLDER ...]
#
# Looks in the FOLDERs first, then in Python's packages, in CUDA's usual places and in LD_LIBRARY_PATH. If only CUDA 13 is installed, its cuBLAS,
# cuFFT and cuSOLVER are linked under CUDA 12's names, which worked on an H100; libcudart.so.12 must be the real one, which the bundle has.
# Exits with 1 if a library is missing.
set -euo pipefail
root=$(cd "$(dirname "$0")" && pwd)
into=$root/nvidia/cuda_runtime/lib
compiler=$root/nvidia/cuda_nvcc

places=("$@")
while IFS= read -r folder; do [ -d "$folder" ] && places+=("$folder"); done < <(
	python3 -c 'import site, sys
for p in dict.fromkeys(sys.path + site.getsitepackages()):
    if p: print(p + "/nvidia"), print(p + "/triton/backends/nvidia")' 2>/dev/null || true
	printf '%s\n' /usr/local/cuda*/lib64 /usr/local/cuda*/nvvm /usr/local/cuda*/bin /usr/lib/x86_64-linux-gnu /usr/lib64
	tr ':' '\n' <<<"${LD_LIBRARY_PATH:-}"
	echo "$into" # the bundle's own libcudart
)

find_first() { # NAME: the first file of that name below the places
	local place file
	for place in "${places[@]}"; do
		file=$(find -L "$place" -maxdepth 4 -name "$1" -type f -print -quit 2>/dev/null || true)
		if [ -n "$file" ]; then readlink -f "$file"; return; fi
	done
}

missing=0
link() { # FOLDER WANTED OTHER...: links the first of these files that is found as FOLDER/WANTED
	local folder=$1 wanted=$2 name file sibling
	shift
	for name in "$@"; do
		file=$(find_first "$name")
		[ -n "$file" ] || continue
		mkdir -p "$folder"
		if [ "$file" != "$(readlink -f "$folder/$wanted")" ]; then ln -sfn "$file" "$folder/$wanted"; fi
		# What the library itself loads, such as cuDNN's parts and CUDA 13's libraries under their own names.
		if [[ $wanted == lib*.so* ]]; then
			for sibling in "${file%/*}"/lib{cu,nv}*.so*; do
				[ ! -e "$sibling" ] || [ -e "$folder/${sibling##*/}" ] || ln -s "$sibling" "$folder/${sibling##*/}"
			done
		fi
		printf '%-20s %s\n' "$wanted" "$file"
		return
	done
	printf '%-20s not found\n' "$wanted"
	missing=$((missing + 1))
}

link "$into" libcudart.so.12
link "$into" libcublas.so.12 libcublas.so.13
link "$into" libcublasLt.so.12 libcublasLt.so.13
link "$into" libcufft.so.11 libcufft.so.12
link "$into" libcusolver.so.11 libcusolver.so.12
link "$into" libcusparse.so.12
link "$into" libcudnn.so.9
link "$into" libnvJitLink.so.12 libnvJitLink.so.13
optional=$missing
link "$into" libnvrtc.so.12 libnvrtc.so.13
link "$into" libcupti.so.12 libcupti.so.13
# XLA's compiler
link "$compiler/bin" ptxas
link "$compiler/nvvm/libdevice" libdevice.10.bc
if [ "$optional" -gt 0 ]; then
	echo "TensorFlow needs all of the first eight: install the missing ones, or name their folder" >&2
	exit 1
fi
