#!/usr/bin/env bash
# Builds what scripts/gpu-check.sh runs: gpu-binaries.sh FOLDER [GO-BUILD-FLAG ...]
#
# FOLDER gets bin/ with the program benchstep and the compiled tests, the tests' files, PyTorch's side of the measurements, and the script.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$1
shift
rm -rf "$folder"
mkdir -p "$folder/bin" "$folder/scripts"
go build "$@" -o "$folder/bin/benchstep" ./scripts/benchstep
for package in graph/capi graph dtl; do
	go test -c "$@" -o "$folder/bin/${package##*/}.test" "./$package"
	mkdir -p "$folder/$package" # a test runs in its package's folder
	if [ -d "$package/testdata" ]; then cp -r "$package/testdata" "$folder/$package/"; fi
done
cp scripts/bench_torch.py scripts/bench_sizes.py "$folder/scripts/"
cp scripts/gpu-check.sh go.mod "$folder/" # go.mod is where tests look for the root of the repository
