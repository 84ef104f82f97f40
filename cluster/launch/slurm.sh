#!/usr/bin/env bash
# A search on several nodes of a Slurm cluster: the head and the driver on the first, a Ray worker on each of the others.
# 'tunesmith cluster init slurm' wrote it; it is yours.
#
# Before the first use, on a login node, in a folder that all nodes see
#   uv venv --python @PYTHON@ tunesmith-env
#   uv pip install --python tunesmith-env/bin/python -r requirements.txt
#   uv pip install --python tunesmith-env/bin/python --no-deps tunesmith-@TUNESMITH@-*.whl      or: -e CHECKOUT
# Then
#   sbatch slurm.sh my-search.toml
#   sbatch --nodes=8 --time=12:00:00 slurm.sh my-search.toml --trials 500
#   scancel --batch --signal=TERM JOB       ends it cleanly; sbatch again goes on where it stopped
#
# What follows the search file are options of 'tunesmith search'. Without GPUs, leave --gpus-per-node out.
#SBATCH --job-name=tunesmith
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --output=tunesmith-%j.log
# Two minutes before the time is up, SIGTERM to this script alone: it hands it on to the search, which ends within 10 seconds.
#SBATCH --signal=B:TERM@120
# Preempted, the job is queued again, and the search goes on.
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail

# The environment, and the folder of studies, checkpoints and MLflow's store: both where every node sees them.
ENVIRONMENT=${ENVIRONMENT:-$SLURM_SUBMIT_DIR/tunesmith-env}
export TUNESMITH_HOME=${TUNESMITH_HOME:-$SLURM_SUBMIT_DIR/runs}
export PATH="$ENVIRONMENT/bin:$PATH"

# The head's address, on the first network; with a faster one, as InfiniBand: its address instead.
# Ports follow the job's number, for nodes that several jobs share.
HEAD_IP=${HEAD_IP:-$(hostname --all-ip-addresses | cut -d ' ' -f 1)}
port=$((20000 + SLURM_JOB_ID % 20000))
address=$HEAD_IP:$port

# A token of this job's own: other users of the cluster reach the ports too, and without it are refused.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$SLURM_SUBMIT_DIR/.ray-token-$SLURM_JOB_ID RAY_USAGE_STATS_ENABLED=0
(umask 077 && python -c 'import secrets; print(secrets.token_hex(32), end="")' >"$RAY_AUTH_TOKEN_PATH")

driver=
pieces=()

# shellcheck disable=SC2329 # a trap calls it
clean_up() {
    trap - EXIT TERM INT
    for piece in "${pieces[@]}"; do
        kill -TERM "$piece" 2>/dev/null || true
    done
    wait
    rm -f "$RAY_AUTH_TOKEN_PATH"
}

# shellcheck disable=SC2329 # a trap calls it
stop() {
    echo "SIGTERM: the search is asked to end"
    if [[ -n $driver ]]; then
        kill -TERM "$driver" 2>/dev/null || true
    else
        exit 143
    fi
}
trap clean_up EXIT
trap stop TERM INT

cpus=${SLURM_CPUS_PER_TASK:-$SLURM_CPUS_ON_NODE}
start=(ray start --block --disable-usage-stats --temp-dir "${TMPDIR:-/tmp}/ray-$SLURM_JOB_ID")
start+=(--num-cpus "$cpus" --num-gpus "${SLURM_GPUS_ON_NODE:-0}")

echo "head: $address on $(hostname)"
"${start[@]}" --head --node-ip-address "$HEAD_IP" --port "$port" --include-dashboard false &
pieces+=($!)

for _ in {1..60}; do
    kill -0 "${pieces[0]}" # ends the job if the head has died
    ray health-check --address "$address" >/dev/null 2>&1 && break
    sleep 1
done
ray health-check --address "$address"

if ((SLURM_NNODES > 1)); then
    # One step holds a worker on each node but the first. A node that is lost does not end the others.
    srun --nodes=$((SLURM_NNODES - 1)) --ntasks=$((SLURM_NNODES - 1)) --ntasks-per-node=1 \
        --cpus-per-task="$cpus" --exclude="$SLURMD_NODENAME" --kill-on-bad-exit=0 --no-kill \
        "${start[@]}" --address "$address" &
    pieces+=($!)
fi

tunesmith search "$@" --address "$address" &
driver=$!

# A signal ends 'wait' early, so wait until the search itself has ended.
while true; do
    status=0
    wait "$driver" || status=$?
    kill -0 "$driver" 2>/dev/null || break
done
echo "the search ended with status $status"
exit "$status"
