#!/usr/bin/env bash
# Checks and measures dtl-tf on a GPU: check/gpu-check.sh OUT [GROUP ...]
#
# Runs from an unpacked bundle of `make bundle GPU=1 CHECK=1` and needs nothing else but CUDA's libraries (link-cuda.sh looks for them) and, for
# the group torch, a python3 with torch. OUT receives one log a step and summary.txt. Each step has a limit in seconds, a step that fails
# does not stop the rest, and all together stop after BUDGET seconds (default 460): what did not run is named, and a second call with its
# groups runs it. The groups, in the order in which they run if none is named:
#
#   doctor   the driver, the card and what TensorFlow finds
#   tests    kernels, layers, golden vectors and precisions on the card, with InplaceUpdate and the settings for GPUs
#   step     a training step of DTL on ViT-B/16, batch 32 and 128, in all precisions
#   torch    the same step in PyTorch: autocast, eager and compiled
#   demo     DTL on digits
#   compare  all methods side by side at batch 32, in bf16, fp32 and fp16
#
# And by name only:
#
#   xla      the step under XLA
#   chunk    chunk sizes of the recomputed blocks, recompute modes
#
# STEPS=20 is the number of training steps that are timed, BATCHES='32 128' the batch sizes, BACKBONE=vit_b16 the backbone. DEVICE=cpu tries the
# script without a card.
set -u
[ $# -ge 1 ] || { sed -n '2,23s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
bundle=$(cd "$here/.." && pwd)
out=$1
shift
mkdir -p "$out"
out=$(cd "$out" && pwd)
groups=${*:-doctor tests step torch demo compare}
steps=${STEPS:-20} batches=${BATCHES:-32 128} backbone=${BACKBONE:-vit_b16} device=${DEVICE:-gpu}
program=$bundle/bin/dtl-tf
end=$((SECONDS + ${BUDGET:-460}))

note() { printf '%s\n' "$*" | tee -a "$out/summary.txt"; }

# limit SECONDS: the least of it and what is left of the budget.
limit() {
	local left=$((end - SECONDS))
	echo $(($1 < left ? $1 : left))
}

# begin NAME: whether there is time for a step.
begin() {
	[ $((end - SECONDS)) -ge 5 ] || { note "$(printf '%-28s left out: no time' "$1")"; return 1; }
}

# used_memory FILE: writes the largest number of MiB in use on the card, sampled until it is killed; the same for everything that is measured.
used_memory() {
	local most=0 now
	while sleep 0.3; do
		now=$(nvidia-smi --query-gpu=memory.used --format=csv,noheader,nounits 2>/dev/null | head -n 1)
		if [ "${now:-0}" -gt "$most" ] 2>/dev/null; then
			most=$now
			echo "$most" >"$1"
		fi
	done
}

# step NAME SECONDS COMMAND...: runs a command under a limit, with its output in NAME.log.
step() {
	local name=$1 seconds=$2 code=0 begun=$SECONDS
	shift 2
	begin "$name" || return 0
	timeout --kill-after=5 "$(limit "$seconds")" "$@" >"$out/$name.log" 2>&1 </dev/null || code=$?
	note "$(printf '%-28s exit %d, %d s' "$name" "$code" $((SECONDS - begun)))"
	if [ "$code" -ne 0 ]; then tail -n 3 "$out/$name.log" | cut -c1-300 | tee -a "$out/summary.txt"; fi
	return 0
}

# show NAME LINES: the end of a step's output, into the summary.
show() { [ ! -e "$out/$1.log" ] || tail -n "$2" "$out/$1.log" | tee -a "$out/summary.txt"; }

# summarise: the median of the timed steps and the peak, from a worker's lines of JSON.
summarise() {
	awk '
		match($0, /"seconds": *[0-9.eE+-]+/) { n++; s[n] = substr($0, RSTART, RLENGTH); sub(/.*: */, "", s[n]); s[n] += 0 }
		/"process"|"at_most"|"resident"/ && /"bytes"/ { peak = $0 }
		END {
			if (!n) { print "no step was timed"; exit }
			first = n > 5 ? 6 : 1
			for (i = first; i <= n; i++) t[++m] = s[i]
			for (i = 1; i <= m; i++) for (j = i + 1; j <= m; j++) if (t[j] < t[i]) { x = t[i]; t[i] = t[j]; t[j] = x }
			median = m % 2 ? t[(m + 1) / 2] : (t[m / 2] + t[m / 2 + 1]) / 2
			printf "first %.2f s, median %.2f ms, least %.2f ms;", s[1], 1000 * median, 1000 * t[1]
			gsub(/[{}" ]/, "", peak)
			split(peak, field, ",")
			for (i = 1; i in field; i++) if (split(field[i], pair, ":") == 2 && pair[1] != "resident") printf " %s %.0f MiB", pair[1], pair[2] / 1048576
		}'
}

# worker NAME SECONDS COMMAND...: times the steps of a worker (benchstep or bench_torch.py).
worker() {
	local name=$1 seconds=$2 code=0 begun=$SECONDS sampler=''
	shift 2
	begin "$name" || return 0
	rm -f "$out/$name.used"
	if command -v nvidia-smi >/dev/null; then
		used_memory "$out/$name.used" &
		sampler=$!
	fi
	{ for ((i = 0; i < steps + 5; i++)); do echo step; done; echo peak; } |
		timeout --kill-after=5 "$(limit "$seconds")" "$@" >"$out/$name.log" 2>"$out/$name.err" || code=$?
	if [ -n "$sampler" ]; then kill "$sampler"; wait "$sampler" 2>/dev/null; fi
	note "$(printf '%-28s exit %d, %d s: %s; card %s MiB' "$name" "$code" $((SECONDS - begun)) "$(summarise <"$out/$name.log")" "$(cat "$out/$name.used" 2>/dev/null || echo '?')")"
	if [ "$code" -ne 0 ]; then tail -n 3 "$out/$name.err" | cut -c1-300 | tee -a "$out/summary.txt"; fi
	return 0
}

ours() { # NAME BATCH PRECISION [FLAG ...]
	local name=$1 batch=$2 precision=$3
	shift 3
	worker "$name" 60 "$here/bin/benchstep" -device "$device" -backbone "$backbone" -batch "$batch" -precision "$precision" -trace "$out/$name.trace" "$@"
}

theirs() { # NAME BATCH PRECISION [FLAG ...]
	local name=$1 batch=$2 precision=$3
	shift 3
	worker "$name" 90 env -u LD_LIBRARY_PATH python3 "$here/scripts/bench_torch.py" --threads 8 --device "${device/gpu/cuda}" --backbone "$backbone" --batch "$batch" --precision "$precision" "$@"
}

check_doctor() {
	[ "$device" = cpu ] || step nvidia-smi 20 nvidia-smi
	if [ "$device" = gpu ] && [ -x "$bundle/link-cuda.sh" ] && ! [ -e "$bundle/nvidia/cuda_runtime/lib/libcudnn.so.9" ] && ! [ -e "$bundle/nvidia/cudnn" ]; then step link-cuda 60 "$bundle/link-cuda.sh"; fi
	step doctor 60 "$program" doctor
	sed -n '/^devices/,$p' "$out/doctor.log" | tee -a "$out/summary.txt"
}

check_tests() {
	local -
	export NVIDIA_TF32_OVERRIDE=0
	for package in graph/capi graph dtl; do
		local flags=(-test.timeout 150s -test.v)
		case $package in
		graph/capi) flags+=(-test.skip 'Greetings|LastWords') ;; # of processors' builds: the CUDA build prints while it is loaded
		dtl) flags+=(-test.run 'Golden|Gradient|LossScale|StartsAtBackbone|StoredBF16') ;;
		esac
		[ "$package/$device" != dtl/gpu ] || flags+=(-gpu)
		local folder=$here/$package # with the test's files, if it has any
		[ -d "$folder" ] || folder=$out
		step "test-${package##*/}" 155 env -C "$folder" "$here/bin/${package##*/}.test" "${flags[@]}"
		[ -e "$out/test-${package##*/}.log" ] || continue
		note "  $(grep -cE '^--- PASS' "$out/test-${package##*/}.log") passed, $(grep -cE '^--- FAIL' "$out/test-${package##*/}.log") failed, $(grep -cE '^--- SKIP' "$out/test-${package##*/}.log") skipped"
		grep -E '^ *--- FAIL' "$out/test-${package##*/}.log" | head -n 40 | tee -a "$out/summary.txt"
	done
}

check_step() {
	local mode=(-xla)
	[ "$device" = gpu ] || mode=()
	for batch in $batches; do
		ours "bf16-$batch" "$batch" bf16 # its peak is that of allocation records, which a compiled step has not
		ours "bf16-xla-$batch" "$batch" bf16 ${mode[@]+"${mode[@]}"}
		ours "bf16-blocks-$batch" "$batch" bf16 -recompute blocks
		ours "tf32-$batch" "$batch" fp32
	done
	local first=${batches%% *}
	NVIDIA_TF32_OVERRIDE=0 ours "fp32-$first" "$first" fp32
	ours "fp16-$first" "$first" fp16
	ours "bf16-full-$first" "$first" bf16 -method full
}

check_chunk() {
	for batch in $batches; do
		for mode in activations none blocks; do ours "bf16-$mode-$batch" "$batch" bf16 -recompute "$mode"; done
	done
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
	ours bf16-xla-activations-128 128 bf16 -xla
	ours tf32-xla-activations-32 32 fp32 -xla
	ours bf16-xla-full-32 32 bf16 -xla -method full
}

check_torch() {
	if ! env -u LD_LIBRARY_PATH timeout 60 python3 -c 'import torch; print("torch", torch.__version__)' >"$out/torch.log" 2>&1; then
		note "torch                        left out: python3 has no torch"
		return
	fi
	tee -a "$out/summary.txt" <"$out/torch.log"
	for batch in $batches; do
		theirs "torch-bf16-$batch" "$batch" bf16
		[ "$device" = cpu ] || theirs "torch-bf16-compiled-$batch" "$batch" bf16 --compile
	done
	local first=${batches%% *}
	theirs "torch-fp32-$first" "$first" fp32
	[ "$device" = cpu ] && return
	theirs "torch-tf32-$first" "$first" fp32 --tf32
	theirs "torch-fp16-$first" "$first" fp16
}

check_demo() {
	step demo 120 "$program" fine-tune --data "$bundle/demo/digits" --method dtl --epochs "${EPOCHS:-20}" --lr 0.01 --out "$out/demo" --overwrite
	show demo 7
}

check_compare() {
	for precision in bf16 fp32 fp16; do
		# The published memory of each method stands beside the measured one.
		step "compare-$precision" 240 "$program" compare --backbone "$backbone" --batch "${batches%% *}" --precision "$precision" --out "$out/rows"
		show "compare-$precision" 40
	done
}

for group in $groups; do
	case $group in
	doctor | tests | step | torch | chunk | xla | demo | compare) "check_$group" ;;
	*) note "unknown group $group" ;;
	esac
done
note "$SECONDS s in all"
