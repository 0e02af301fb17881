#!/bin/bash
# A Slurm array that fills one VTAB-1k table: each task of the array trains its part of the cells.
#
#   sbatch scripts/vtab-slurm.sh /shared/vtab-1k /shared/ViT-B_16.npz /shared/results
#
# Further arguments, such as --methods or --seeds, are passed on to 'dtl-tf vtab run'. All nodes must see the folders. When
# the time is up, Slurm sends SIGTERM, the current cell writes a checkpoint, and the next sbatch continues. Any later call, with
# the same array or without, trains the cells of nodes that died.
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

# Array indices may start anywhere; --shard counts from 1.
shard=$((SLURM_ARRAY_TASK_ID - SLURM_ARRAY_TASK_MIN + 1))/$SLURM_ARRAY_TASK_COUNT

# srun, not exec: Slurm signals job steps, and srun makes dtl-tf one.
srun "${DTL_TF:-dtl-tf}" vtab run --data "$data" --backbone "$backbone" --out "$results" --shard "$shard" "$@"
