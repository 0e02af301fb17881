#!/bin/bash
# A Slurm array that fills one VTAB-1k table: each task of the array trains its part of the cells.
#
#   sbatch scripts/vtab-slurm.sh /shared/vtab-1k /shared/ViT-B_16.npz /shared/results
#
# Further arguments, such as --methods or --seeds, are passed on to 'dtl-tf vtab run'. All nodes must see the folders. sbatch's own flags,
# such as --array=1-4, go before the script and replace those below.
#
# When the time is up, or the job is requeued or cancelled, Slurm sends SIGTERM and the current cell writes a checkpoint. Jobs that were requeued,
# or whose node died, continue by themselves; after other ends the next sbatch does, with the same array or another. A job trains the
# cells of its part that no other process trains, and then waits for those that others do. 'make slurm-test' tries this on a small Slurm.
#
#SBATCH --job-name=vtab
#SBATCH --array=1-8
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=vtab-%A-%a.log
set -euo pipefail

if [ "$#" -lt 3 ]; then
    echo "usage: sbatch $0 DATA BACKBONE RESULTS [flags of 'dtl-tf vtab run']" >&2
    exit 2
fi
data=$1 backbone=$2 results=$3
shift 3

if [ -z "${SLURM_ARRAY_TASK_ID:-}" ]; then
    echo "$0 is the job of a Slurm array: start it with sbatch" >&2
    exit 2
fi
# Array indices may start anywhere; --shard counts from 1.
# shellcheck disable=SC2153 # Slurm sets it
if [ $((SLURM_ARRAY_TASK_MAX - SLURM_ARRAY_TASK_MIN + 1)) != "$SLURM_ARRAY_TASK_COUNT" ]; then
    echo "the array has gaps, so its jobs would not share all cells: use sbatch --array=1-$SLURM_ARRAY_TASK_COUNT" >&2
    exit 2
fi
shard=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))/$SLURM_ARRAY_TASK_COUNT

# srun, not exec: Slurm signals job steps, and srun makes dtl-tf one. Since Slurm 22.05 srun does not take the number of processors from sbatch.
srun --ntasks=1 --cpus-per-task="$SLURM_CPUS_PER_TASK" \
    "${DTL_TF:-dtl-tf}" vtab run --data "$data" --backbone "$backbone" --out "$results" --shard "$shard" "$@"
