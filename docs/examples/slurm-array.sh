#!/usr/bin/env bash
# Many corpora, or many months of one, each a config of its own: a Slurm array with a job a config, without Ray.
# ls configs/months/*.yaml > configs.txt; sbatch --array=1-$(wc -l < configs.txt) docs/examples/slurm-array.sh configs.txt
#SBATCH --job-name=curate-array
#SBATCH --cpus-per-task=32
#SBATCH --mem-per-cpu=2G
#SBATCH --time=12:00:00
#SBATCH --requeue
set -euo pipefail

config=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$1")
curate run "$config" --workers "$SLURM_CPUS_PER_TASK"
