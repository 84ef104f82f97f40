#!/usr/bin/env bash
# A search on several nodes of a Slurm cluster: the head and the driver on the first, a Ray worker on each of the others.
# Written by 'tunesmith cluster init slurm'. Edit it freely.
#
# Before the first use, on a login node, in a folder that all nodes share
#   uv venv --python @PYTHON@ tunesmith-env
#   uv pip install --python tunesmith-env/bin/python -r requirements.txt
#   uv pip install --python tunesmith-env/bin/python --no-deps tunesmith-@TUNESMITH@-*.whl      or: -e CHECKOUT
# Then
#   sbatch slurm.sh my-search.toml
#   sbatch --nodes=8 --time=12:00:00 slurm.sh my-search.toml --trials 500
#   MPS=1 sbatch slurm.sh my-search.toml    runs trials that share a GPU at the same time, with NVIDIA MPS
#   scancel --batch --signal=TERM JOB       stops it cleanly; the same sbatch command resumes it
#
# Options after the search file are those of 'tunesmith search'. Without GPUs, remove --gpus-per-node.
#SBATCH --job-name=tunesmith
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=8
#SBATCH --gpus-per-node=1
#SBATCH --exclusive
#SBATCH --time=04:00:00
#SBATCH --output=tunesmith-%j.log
# Two minutes before the time limit, Slurm sends SIGTERM to this script, which forwards it to the search; that ends within 10 s.
#SBATCH --signal=B:TERM@120
# A preempted job is requeued, and its search resumes.
#SBATCH --requeue
#SBATCH --open-mode=append

set -euo pipefail

# The environment, and the folder of studies, checkpoints and MLflow's store, both shared by all nodes.
ENVIRONMENT=${ENVIRONMENT:-$SLURM_SUBMIT_DIR/tunesmith-env}
export TUNESMITH_HOME=${TUNESMITH_HOME:-$SLURM_SUBMIT_DIR/runs}
export PATH="$ENVIRONMENT/bin:$PATH"

# The head's address on the first network; set HEAD_IP to use a faster one, such as InfiniBand.
# The port depends on the job's number, since several jobs may share a node.
HEAD_IP=${HEAD_IP:-$(hostname --all-ip-addresses | cut -d ' ' -f 1)}
port=$((20000 + SLURM_JOB_ID % 20000))
address=$HEAD_IP:$port

# A token for this job: other users of the cluster can reach the ports, and are rejected without it.
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$SLURM_SUBMIT_DIR/.ray-token-$SLURM_JOB_ID RAY_USAGE_STATS_ENABLED=0
(umask 077 && python -c 'import secrets; print(secrets.token_hex(32), end="")' >"$RAY_AUTH_TOKEN_PATH")

driver=
processes=()

# shellcheck disable=SC2329 # a trap calls it
clean_up() {
    trap - EXIT TERM INT
    for process in "${processes[@]}"; do
        kill -TERM "$process" 2>/dev/null || true
    done
    wait
    rm -f "$RAY_AUTH_TOKEN_PATH"
}

# shellcheck disable=SC2329 # a trap calls it
stop() {
    echo "SIGTERM: stopping the search"
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
if [[ ${MPS:-0} == 1 ]]; then
    # Each node starts a daemon for this job alone before Ray; Slurm ends it with the job.
    export CUDA_MPS_PIPE_DIRECTORY=${TMPDIR:-/tmp}/mps-$SLURM_JOB_ID CUDA_MPS_LOG_DIRECTORY=${TMPDIR:-/tmp}/mps-$SLURM_JOB_ID
    # shellcheck disable=SC2016 # the shell of the node expands it
    start=(bash -c 'mkdir -p -m 700 "$CUDA_MPS_PIPE_DIRECTORY" && nvidia-cuda-mps-control -d && exec "$@"' mps "${start[@]}")
fi

echo "head: $address on $(hostname)"
"${start[@]}" --head --node-ip-address "$HEAD_IP" --port "$port" --include-dashboard false &
processes+=($!)

for _ in {1..60}; do
    kill -0 "${processes[0]}" # ends the job if the head has died
    ray health-check --address "$address" >/dev/null 2>&1 && break
    sleep 1
done
ray health-check --address "$address"

if ((SLURM_NNODES > 1)); then
    # One job step runs a worker on each node except the first. The loss of a node does not end the others.
    srun --nodes=$((SLURM_NNODES - 1)) --ntasks=$((SLURM_NNODES - 1)) --ntasks-per-node=1 \
        --cpus-per-task="$cpus" --exclude="$SLURMD_NODENAME" --kill-on-bad-exit=0 --no-kill \
        "${start[@]}" --address "$address" &
    processes+=($!)
fi

tunesmith search "$@" --address "$address" &
driver=$!

# A signal interrupts 'wait', so wait until the search itself has ended.
while true; do
    status=0
    wait "$driver" || status=$?
    kill -0 "$driver" 2>/dev/null || break
done
echo "the search ended with status $status"
exit "$status"
