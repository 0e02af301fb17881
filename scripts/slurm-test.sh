#!/usr/bin/env bash
# Proves scripts/vtab-slurm.sh on a real Slurm of this machine: slurm-test.sh [FOLDER]
#
# Sets up a controller and two nodes in a temporary folder, n1 and n2, which have process numbers and a host name of their own, so that they see
# as little of each other as two machines that share a folder. Submits a tiny sweep as an array of two jobs, and then
#
#   1. drains n1 under its job and requeues the job, which goes on once n2 is free;
#   2. kills the program on n2 in the middle of a cell (SIGKILL), which fails that job;
#   3. submits the array again, on n1, while the requeued job trains on n2.
#
# At the end every cell must be there, trained to its end once, with the accuracy and the adapter of a plain 'vtab run' that nothing disturbed.
# Takes about 5 minutes, half of them because n1 waits until the dead owner of a lock on n2 has been silent for long enough.
#
# Needs root, Slurm and munge (Debian: apt-get install slurm-wlm), and the program (DTL_TF, by default bin/dtl-tf). Uses no Slurm that is there already.
# Takes everything down at the end, also if it fails; FOLDER keeps the logs and results.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

say() { printf 'slurm-test: %s\n' "$*"; }
fail() {
	printf 'slurm-test: %s\n' "$@" >&2
	exit 1
}

[ $# -le 1 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
keep=${1:-}
PATH=$PATH:/usr/sbin:/sbin
for tool in slurmctld slurmd sbatch scontrol squeue sinfo munged mungekey unshare nsenter pgrep python3; do
	command -v "$tool" >/dev/null || fail "$tool is not installed. On Debian: apt-get install slurm-wlm util-linux procps python3"
done
[ "$(id -u)" = 0 ] || fail "only root can run Slurm's node daemons and give them process numbers of their own"
program=${DTL_TF:-$root/bin/dtl-tf}
[ -x "$program" ] || fail "there is no $program: run make build, or name another program in DTL_TF"

work=$(mktemp -d)
chmod 755 "$work"
daemons=()           # process numbers; those of the nodes are of unshare, whose end kills everything in its namespace
declare -A namespace # of each node: that process number
down() {
	local status=$?
	trap - EXIT
	exec 3>&2 2>/dev/null # without bash's lines about killed jobs
	kill -KILL ${daemons[@]+"${daemons[@]}"} || true
	wait || true
	exec 2>&3
	if [ "$status" -ne 0 ]; then
		tail -n 8 "$work"/vtab-*.log "$work"/whole.log "$work"/slurm*.log "$work"/log/* >&2 2>/dev/null || true
	fi
	if [ -n "$keep" ]; then
		mkdir -p "$keep"
		cp -r "$work"/*.log "$work/log" "$work/whole" "$work/shared" "$keep/" 2>/dev/null || true
	fi
	rm -rf "$work" 2>/dev/null || { sleep 1; rm -rf "$work"; } # while the last processes of a node end
	exit "$status"
}
trap down EXIT
trap 'exit 130' INT TERM HUP

# until_true SECONDS WHAT COMMAND...: waits until a command succeeds.
until_true() {
	local limit=$((SECONDS + $1)) what=$2
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$limit" ] || fail "gave up waiting: $what"
		sleep 0.2
	done
}

# A tiny sweep: 2 tasks of 48 training images, 3 seeds.
digits=$root/data/digits
[ -e "$digits/SOURCE.txt" ] || { digits=$work/digits; "$root/scripts/prepare-digits.sh" "$digits"; }
for task in eurosat svhn; do # both have 10 classes
	mkdir -p "$work/vtab/$task"
	ln -s "$digits/images" "$work/vtab/$task/images"
	for list in train800val200 train800 val200 test; do head -n 48 "$digits/$list.txt" >"$work/vtab/$task/$list.txt"; done
done
backbone=$root/saved_models/default
# The number of threads may affect the last digits.
# shellcheck disable=SC2054 # the commas are dtl-tf's
flags=(--methods dtl --tasks eurosat,svhn --seeds 1,2,3 --set epochs=10,batch=16 --checkpoint-every 1 --threads 1 --step-memory=false --feature-cache off)
cells=6

say "the same sweep without Slurm, for comparison"
"$program" vtab run --data "$work/vtab" --backbone "$backbone" --out "$work/whole" "${flags[@]}" >"$work/whole.log" 2>&1

# free_port: prints a port on which nothing listens.
used=()
free_port() {
	local port
	while :; do
		port=$((20000 + RANDOM % 10000))
		[[ " ${used[*]-} " != *" $port "* ]] || continue
		(exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
	done
	used+=("$port")
	REPLY=$port
}

mkdir "$work/log" "$work/state" "$work/spool"
cpus=$(nproc)
free_port; controller=$REPLY
free_port; n1=$REPLY
free_port; n2=$REPLY
export SLURM_CONF=$work/slurm.conf
cat >"$SLURM_CONF" <<END
ClusterName=proof
SlurmctldHost=$(hostname)(127.0.0.1)
SlurmctldPort=$controller
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool/%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/log/slurmctld
SlurmdLogFile=$work/log/slurmd-%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/affinity
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=5
MpiDefault=none
ReturnToService=2
GresTypes=gpu
NodeName=n1 NodeAddr=127.0.0.1 Port=$n1 CPUs=$cpus Gres=gpu:1
NodeName=n2 NodeAddr=127.0.0.1 Port=$n2 CPUs=$cpus Gres=gpu:1
PartitionName=main Nodes=n[1-2] Default=YES MaxTime=INFINITE
END
# A device that every machine has stands for the card of a node.
echo "NodeName=n[1-2] Name=gpu File=/dev/null" >"$work/gres.conf"

say "setting up Slurm: $(slurmctld -V), nodes n1 and n2"
mungekey --create --keyfile="$work/munge.key"
munged --foreground --force --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munge.pid" --log-file="$work/log/munged" \
	--seed-file="$work/munge.seed" >"$work/munged.log" 2>&1 &
daemons+=($!)
until_true 20 "munged" test -S "$work/munge.socket"
slurmctld -D >"$work/slurmctld.log" 2>&1 &
daemons+=($!)
for node in n1 n2; do
	# The shell is process 1 of the namespace and reaps what slurmd leaves behind.
	# shellcheck disable=SC2016 # the inner shell expands
	unshare --pid --uts --fork --kill-child --mount-proc sh -c 'hostname "$1" && slurmd -D -N "$1" & wait' sh "$node" >"$work/slurmd-$node.log" 2>&1 &
	daemons+=($!)
	namespace[$node]=$!
done
both_idle() { [ "$(sinfo -h -o %n -t idle | sort | xargs)" = "n1 n2" ]; }
until_true 60 "both nodes idle" both_idle

inside() { # NODE COMMAND...: in the namespace of a node
	nsenter --target "$(pgrep -P "${namespace[$1]}")" --pid --mount "${@:2}"
}
submit() { # [FLAG OF SBATCH...]: prints the number of the array
	(cd "$work" && DTL_TF=$program sbatch --parsable --array=1-2 --cpus-per-task="$cpus" "$@" "$root/scripts/vtab-slurm.sh" "$work/vtab" "$backbone" "$work/shared" "${flags[@]}")
}
state() { scontrol show job "$1" -o | grep -o 'JobState=[A-Z_]*' | cut -d = -f 2; }
is() { [ "$(state "$1")" = "$2" ]; }
node_of() { scontrol show job "$1" -o | grep -o ' BatchHost=[a-z0-9]*' | cut -d = -f 2; }
ended() { ! squeue -h -j "$1" -t PD,R,CG,S,CF 2>/dev/null | grep -q .; }
# training SHARD: prints the run folder of a cell that the shard trains now and that has a checkpoint.
training() {
	local lock folder
	for lock in "$work"/shared/.work/*/*/seed-?.lock.*; do
		folder=${lock%.lock.*}
		if ! grep -qs "\"shard\":\"$1/2\"" "$lock" || grep -qs '"free":true' "$lock"; then continue; fi
		if compgen -G "$folder/checkpoint*" >/dev/null; then echo "$folder"; return; fi
	done
	return 1
}

owner() { grep -ho '"process":[0-9]*' "$1".lock.* | tail -n 1 | cut -d : -f 2; } # of a run folder's lock: its process number, as its node counts

first=$(submit)
until_true 60 "both jobs running" eval "is ${first}_1 RUNNING && is ${first}_2 RUNNING"
at1=$(node_of "${first}_1") at2=$(node_of "${first}_2")
say "array $first: job 1 on $at1, job 2 on $at2"
[ "$at1" != "$at2" ] || fail "both jobs of the array run on $at1"

until_true 120 "a checkpoint of job 1" training 1
drained=$(training 1)
allowed=$(inside "$at1" grep Cpus_allowed_list "/proc/$(owner "$drained")/status" | cut -f 2)
[ "$allowed" = "$(grep Cpus_allowed_list /proc/self/status | cut -f 2)" ] || fail "the program may use the processors $allowed only, and asked for all $cpus"
say "1. drain $at1 and requeue job 1, which trains ${drained#"$work"/shared/.work/}"
scontrol update NodeName="$at1" State=drain Reason=slurm-test
scontrol requeue "${first}_1"
until_true 60 "job 1 requeued" is "${first}_1" PENDING

until_true 120 "a checkpoint of job 2" training 2
killed=$(training 2)
say "2. kill the program of job 2 on $at2, which trains ${killed#"$work"/shared/.work/}"
inside "$at2" kill -KILL "$(owner "$killed")"
until_true 60 "job 2 failed" is "${first}_2" FAILED

say "   job 1 goes on, on $at2"
scontrol update JobId="${first}_1" StartTime=now # Slurm would wait for two minutes
until_true 60 "job 1 running again" is "${first}_1" RUNNING
[ "$(node_of "${first}_1")" = "$at2" ] || fail "job 1 runs on $(node_of "${first}_1") again, which is drained"

say "3. submit the array again, on $at1"
scontrol update NodeName="$at1" State=resume
second=$(submit --nodelist="$at1")
gaps=$(submit --array=1,3)
until_true 900 "arrays $first and $second ended" eval "ended $first && ended $second"
for job in "${first}_1" "${second}_1" "${second}_2"; do
	is "$job" COMPLETED || fail "job $job is $(state "$job")"
done

until_true 60 "array $gaps ended" ended "$gaps"
{ is "${gaps}_1" FAILED && grep -q "use sbatch --array=1-2" "$work/vtab-$gaps-1.log"; } || fail "an array with gaps is not refused"

# The log is that of both lives of the job.
grep -q "interrupted with .*; the same command continues" "$work/vtab-$first-1.log" || fail "the requeued program did not end by itself, or its log is lost"

say "checking the cells"
python3 - "$work" "$cells" "$at1" "$killed" "$drained" <<'END'
import glob, hashlib, json, os, re, sys

work, cells, other, killed, drained = sys.argv[1:]
bad = []

def read(out):
    return {os.path.relpath(p, out): json.load(open(p)) for p in glob.glob(f"{out}/*/*/seed-*.json")}

def adapter(out, name):
    with open(f"{out}/.work/{name.removesuffix('.json')}/adapter.safetensors", "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()

whole, shared = read(f"{work}/whole"), read(f"{work}/shared")
if len(whole) != int(cells) or shared.keys() != whole.keys():
    bad.append(f"cells {sorted(shared)}, want {sorted(whole)}")
logs = {p: open(p).read() for p in sorted(glob.glob(f"{work}/vtab-*.log"))}
for name in sorted(whole.keys() & shared.keys()):
    a, b = whole[name], shared[name]
    task, method, seed = re.fullmatch(r"(.*)/(.*)/seed-(.*)\.json", name).groups()
    if b["status"] != "finished":
        bad.append(f"{name} is {b['status']}: {b.get('error')}")
        continue
    for what in "accuracy", "frozen_sha256", "progress", "parameters":
        if a["run"][what] != b["run"][what]:
            bad.append(f"{name}: {what} {b['run'][what]}, undisturbed {a['run'][what]}")
    if adapter(f"{work}/whole", name) != adapter(f"{work}/shared", name):
        bad.append(f"{name}: another adapter than that of the undisturbed run")
    # A process says of each cell that it trained to the end how well it does, and of others' cells by whom.
    times = sum(len(re.findall(rf"^{task} {method} seed {seed}: [0-9.]+ % in [^(;]*;", text, re.M)) for text in logs.values())
    if times != 1:
        bad.append(f"{name} was trained to its end {times} times")
    m = b["machine"]
    print(f"  {name}: {b['run']['accuracy']['top1']} %, by {m['host']}, shard {m['shard']}{', resumed' if b.get('resumed') else ''}")
for path in killed, drained:
    name = os.path.relpath(path, f"{work}/shared/.work") + ".json"
    if not shared.get(name, {}).get("resumed"):
        bad.append(f"{name} did not continue from its checkpoint")
name = os.path.relpath(killed, f"{work}/shared/.work") + ".json"
if shared.get(name, {}).get("machine", {}).get("host") != other:
    bad.append(f"{name} was killed, and {other} did not take it over")
left = [p for pattern in ("*.lock.*", "checkpoint*", "*.bad") for p in glob.glob(f"{work}/shared/**/{pattern}", recursive=True, include_hidden=True)]
if left:
    bad.append(f"left behind: {left}")
if bad:
    sys.exit("slurm-test: " + "\nslurm-test: ".join(bad))
END
say "$cells cells, each trained to its end once, with the numbers of an undisturbed run; ${SECONDS} s"
