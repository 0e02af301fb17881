#!/bin/bash
# A Slurm array that fills one VTAB-1k table: each task of the array trains its part of the cells.
#
#   sbatch scripts/vtab-slurm.sh /shared/vtab-1k /shared/ViT-B_16.npz /shared/results
#
# What stands behind the three is passed on to 'dtl-tf vtab run', such as --methods or --seeds. The folders must be seen by
# all nodes. When the time is up Slurm sends SIGTERM, the cell under way writes a checkpoint, and the next sbatch goes on.
# Parts of nodes that died are trained by any later call, with or without the same array.
#
#SBATCH --job-name=vtab
#SBATCH --array=1-8
#SBATCH --gres=gpu:1
#SBATCH --cpus-per-task=8
#SBATCH --time=24:00:00
#SBATCH --signal=TERM@120
#SBATCH --output=vtab-%A-%a.log
set -euo pipefail

if [ "$#" -lt 3 ]; then
    echo "usage: sbatch $0 DATA BACKBONE RESULTS [flags of 'dtl-tf vtab run']" >&2
    exit 2
fi
data=$1 backbone=$2 results=$3
shift 3

# Numbers of the array may begin anywhere; --shard counts from 1.
shard=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))/$SLURM_ARRAY_TASK_COUNT

# srun, not exec: Slurm signals job steps, and dtl-tf is one then.
srun "${DTL_TF:-dtl-tf}" vtab run --data "$data" --backbone "$backbone" --out "$results" --shard "$shard" "$@"
