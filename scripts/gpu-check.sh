#!/usr/bin/env bash
# Checks and measures dtl-tf on a GPU: gpu-check.sh BIN OUT [GROUP ...]
#
# BIN has dtl-tf, benchstep and the compiled tests (capi.test, graph.test, dtl.test); `make gpu-binaries` builds them into .deps/gpu. They must find
# libtensorflow's CUDA build (LD_LIBRARY_PATH). OUT receives one log a step and summary.txt. Each step has a limit in seconds, and
# a step that fails does not stop the rest. The groups, in the order in which they run if none is named:
#
#   doctor   the driver, the card and what TensorFlow finds
#   tests    kernels, layers, golden vectors and precisions on the card
#   step     a training step of DTL on ViT-B/16: precisions, recompute modes, batch sizes
#   torch    the same step in PyTorch, if python3 has it: eager and compiled
#   chunk    chunk sizes of the recomputed blocks
#   xla      the step under XLA
#   demo     DTL on digits
#   compare  all methods side by side
#
# STEPS=20 is the number of training steps that are timed.
set -u
bin=$(cd "$1" && pwd) out=$2
shift 2
mkdir -p "$out"
out=$(cd "$out" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
groups=${*:-doctor tests step torch chunk xla demo compare}
steps=${STEPS:-20}

note() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }

# step NAME SECONDS COMMAND...: runs a command under a limit, with its output in NAME.log.
step() {
	local name=$1 limit=$2 code=0 begun=$SECONDS
	shift 2
	timeout "$limit" "$@" >"$out/$name.log" 2>&1 </dev/null || code=$?
	note "$(printf '%-28s exit %d, %d s' "$name" "$code" $((SECONDS - begun)))"
	if [ "$code" -ne 0 ]; then tail -n 3 "$out/$name.log" | cut -c1-300 | tee -a "$out/summary.txt"; fi
	return 0
}

# Summarises the answers of a worker: the median of the timed steps and the peak.
# shellcheck disable=SC2016 # Python, not shell
median='
import json, statistics, sys
answers = [json.loads(line) for line in sys.stdin if line.startswith("{")]
seconds = [a["seconds"] for a in answers if "seconds" in a]
peak = {k: v for a in answers if "process" in a for k, v in a.items()}
rest = seconds[5:] or seconds
if not rest: sys.exit("no step was timed")
print("first %.2f s, median %.2f ms, least %.2f ms;" % (seconds[0], 1e3 * statistics.median(rest), 1e3 * min(rest)),
      ", ".join("%s %.0f MiB" % (k, v / 2**20) for k, v in peak.items() if k != "resident"))'

commands() { for ((i = 0; i < steps + 5; i++)); do echo step; done; echo peak; }

# worker NAME SECONDS COMMAND...: times the steps of a worker (benchstep or bench_torch.py).
worker() {
	local name=$1 limit=$2 code=0 begun=$SECONDS line
	shift 2
	commands | timeout "$limit" "$@" >"$out/$name.log" 2>"$out/$name.err" || code=$?
	line=$(python3 -c "$median" <"$out/$name.log" 2>&1 | tail -n 1)
	note "$(printf '%-28s exit %d, %d s: %s' "$name" "$code" $((SECONDS - begun)) "$line")"
	if [ "$code" -ne 0 ]; then tail -n 3 "$out/$name.err" | cut -c1-300 | tee -a "$out/summary.txt"; fi
	return 0
}

ours() { # NAME BATCH PRECISION [FLAG ...]
	local name=$1 batch=$2 precision=$3
	shift 3
	worker "$name" "${LIMIT:-60}" "$bin/benchstep" -device gpu -batch "$batch" -precision "$precision" -trace "$out/$name.trace" "$@"
}

theirs() { # NAME BATCH PRECISION [FLAG ...]
	local name=$1 batch=$2 precision=$3
	shift 3
	worker "$name" 120 env -u LD_LIBRARY_PATH python3 "$root/scripts/bench_torch.py" --threads 8 --device cuda --batch "$batch" --precision "$precision" "$@"
}

check_doctor() {
	step nvidia-smi 20 nvidia-smi
	step doctor 60 "$bin/dtl-tf" doctor
	grep -i -A1 -E 'gpu|device' "$out/doctor.log" | head -n 20
}

check_tests() {
	local -
	export NVIDIA_TF32_OVERRIDE=0
	for package in graph/capi graph dtl; do
		local flags=(-test.timeout 240s)
		[ "$package" != dtl ] || flags+=(-gpu)
		step "test-${package##*/}" 250 env -C "$root/$package" "$bin/${package##*/}.test" "${flags[@]}"
		grep -E '^ *--- FAIL' "$out/test-${package##*/}.log" | head -n 40 | tee -a "$out/summary.txt"
	done
}

check_step() {
	for batch in ${BATCHES:-32 128}; do
		for mode in activations none blocks; do
			ours "bf16-$mode-$batch" "$batch" bf16 -recompute "$mode"
		done
		ours "bf16-cache-$batch" "$batch" bf16 -store bf16
		ours "tf32-activations-$batch" "$batch" fp32
	done
	NVIDIA_TF32_OVERRIDE=0 ours fp32-activations-32 32 fp32
	ours fp16-activations-32 32 fp16
	ours bf16-full-32 32 bf16 -method full
	ours bf16-lora-32 32 bf16 -method lora
}

check_chunk() {
	TF_GPU_ALLOCATOR=cuda_malloc_async ours bf16-async-32 32 bf16
	TF_GPU_ALLOCATOR=cuda_malloc_async ours bf16-async-blocks-32 32 bf16 -recompute blocks
	ours bf16-chunk-32 32 bf16 -recompute blocks -chunk 1048576
	for chunk in ${CHUNKS:-1048576 2097152 25165824 100663296}; do
		ours "bf16-chunk-$chunk" 128 bf16 -chunk "$chunk"
	done
}

check_xla() {
	for mode in ${XLA_MODES:-activations none blocks}; do
		XLA_FLAGS="${XLA_FLAGS:-} --xla_dump_to=$out/dump-$mode" ours "bf16-xla-$mode-32" 32 bf16 -xla -recompute "$mode"
		# XLA's own account: weights and step together, and the temporaries of the step.
		grep -hE 'Total bytes used|preallocated-temp' "$out/dump-$mode"/*buffer-assignment.txt | cut -c1-120 >"$out/bf16-xla-$mode-32.memory"
		sort "$out/bf16-xla-$mode-32.memory" | grep -E '[0-9]{8}' | tail -n 6 | tee -a "$out/summary.txt"
		rm -rf "$out/dump-$mode"
	done
	TF_GPU_ALLOCATOR=cuda_malloc_async ours bf16-xla-async-32 32 bf16 -xla
	ours bf16-xla-activations-128 128 bf16 -xla
	ours tf32-xla-activations-32 32 fp32 -xla
	ours bf16-xla-cache-32 32 bf16 -xla -store bf16
	ours bf16-xla-full-32 32 bf16 -xla -method full
	[ -n "${XLA_MODES:-}" ] || ours bf16-xla-lora-32 32 bf16 -xla -method lora
}

check_torch() {
	env -u LD_LIBRARY_PATH python3 -c 'import torch; print("torch", torch.__version__, torch.cuda.get_device_name())' 2>&1 | tail -n 1 | tee -a "$out/summary.txt"
	for batch in ${BATCHES:-32 128}; do
		theirs "torch-bf16-$batch" "$batch" bf16
		theirs "torch-bf16-compiled-$batch" "$batch" bf16 --compile
	done
	theirs torch-fp32-32 32 fp32
	theirs torch-tf32-32 32 fp32 --tf32
	theirs torch-fp16-32 32 fp16
}

check_demo() {
	step demo 120 "$bin/dtl-tf" fine-tune --data "$root/data/digits" --method dtl --epochs 20 --lr 0.01 --out "$out/demo" --overwrite
	tail -n 5 "$out/demo.log" | cut -c1-200 | tee -a "$out/summary.txt"
}

check_compare() {
	step compare-bf16 240 "$bin/dtl-tf" compare --backbone vit_b16 --batch 32 --precision bf16 --results "$out/results"
	tail -n 40 "$out/compare-bf16.log" | cut -c1-200 | tee -a "$out/summary.txt"
}

for group in $groups; do
	case $group in
	doctor | tests | step | torch | chunk | xla | demo | compare) "check_$group" ;;
	*) note "unknown group $group" ;;
	esac
done
