#!/usr/bin/env bash
# Runs every fuzz target (or those whose name contains $1) for FUZZTIME (default 60s) and prints one line each: executions
# and result. If a target fails, Go writes the input to testdata/fuzz beside it, and this script says so at the end.
set -u
cd "$(dirname "$0")/.." || exit 1

time=${FUZZTIME:-60s}
only=${1:-}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
status=0
found=0
while IFS=: read -r file line; do
	package=./$(dirname "$file")
	target=${line#func }
	target=${target%%(*}
	case $target in *"$only"*) ;; *) continue ;; esac
	found=$((found + 1))
	# Without this bound, targets with parallel readers spend their time on minimizing inputs.
	if go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -fuzzminimizetime 10x "$package" >"$log" 2>&1; then
		result=ok
	else
		result=FAILED
		status=1
	fi
	executions=$(sed -n 's/.*execs: \([0-9]*\).*/\1/p' "$log" | tail -n 1)
	printf '%-24s %-20s %12s executions  %s\n' "$package" "$target" "${executions:-0}" "$result"
	[ "$result" = ok ] || sed 's/^/    /' "$log" | tail -n 40
done < <(grep -rn --include='*_test.go' '^func Fuzz' . | sed 's|^\./||; s/:[0-9]*:/:/' | sort)
if [ "$found" = 0 ]; then
	echo "no fuzz target is called *$only*" >&2
	exit 2
fi
exit $status
