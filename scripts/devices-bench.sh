#!/usr/bin/env bash
# Times a training step on one device with two threads, on two processors of TensorFlow with one thread each, and in two processes of a
# cluster with one thread each, in turns. Prints the median seconds per step of each run (run.json), and the smallest and the median of each kind.
#
#   scripts/devices-bench.sh DTL_TF DATA [ROUNDS [FINE-TUNE FLAGS]]
set -euo pipefail

[ $# -ge 2 ] || { sed -n 's/^#   //p' "$0" >&2; exit 2; }
program=$1 data=$2 rounds=${3:-3}
shift $(($# > 3 ? 3 : $#))
work=$(mktemp -d)
worker=
trap '[ -z "$worker" ] || kill "$worker"; rm -rf "$work"' EXIT

port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
listen=127.0.0.1:$(port)
printf '%s\n' "127.0.0.1:$(port)" "$listen" >"$work/cluster.txt"
"$program" worker --cluster "$work/cluster.txt" --listen "$listen" --threads 1 --quiet &
worker=$!

# run KIND FLAGS...
run() {
	local kind=$1
	shift
	"$program" fine-tune --data "$data" --method dtl --epochs 1 --batch 32 --lr 0.01 --feature-cache off --report=false --checkpoint-every 0 \
		--quiet --overwrite --out "$work/run" "$@" >/dev/null
	python3 - "$work/run/run.json" "$kind" <<-END | tee -a "$work/times"
		import json, sys
		print(sys.argv[2], json.load(open(sys.argv[1]))["measurements"]["seconds_per_step"]["median"])
	END
}
for _ in $(seq "$rounds"); do
	run one-device --threads 2 "$@"
	run two-devices --threads 2 --devices cpu:0,cpu:1 "$@"
	run two-processes --threads 1 --cluster "$work/cluster.txt" "$@"
done
python3 - "$work/times" <<'END'
import statistics, sys
times = {}
for line in open(sys.argv[1]):
    kind, seconds = line.split()
    times.setdefault(kind, []).append(float(seconds))
for kind, list in times.items():
    print(f"{kind}: smallest {min(list) * 1000:.2f} ms, median {statistics.median(list) * 1000:.2f} ms of {len(list)} runs")
END
