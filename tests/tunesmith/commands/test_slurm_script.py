"""The Slurm script on a single node: the head, the driver, the token, and SIGTERM before the time limit.

The ``srun`` command, which starts workers on other nodes, is not tested. MPS is a program that notes its arguments.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from cluster.launch.files import KINDS, write
from tests.ray_cluster import wait_until
from tunesmith.cli import app

ROOT = Path(__file__).parents[3]
COMMANDS: Any = get_command(app)
TAKES_ADDRESS = "address" in {parameter.name for parameter in COMMANDS.commands["search"].params}


@pytest.fixture
def submitted(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The script, run as ``sbatch slurm.sh composer ...`` runs it on the first node of a job."""
    write(KINDS["slurm"], tmp_path)
    program = tmp_path / "tunesmith-env" / "bin" / "tunesmith"
    program.parent.mkdir(parents=True)
    program.write_text(f"#!{sys.executable}\nfrom tunesmith.cli import main\nmain()\n", encoding="utf-8")
    program.chmod(0o755)
    mps = program.with_name("nvidia-cuda-mps-control")
    mps.write_text('#!/bin/sh\necho "$@" >"$CUDA_MPS_PIPE_DIRECTORY/arguments"\n', encoding="utf-8")
    mps.chmod(0o755)
    job = str(time.monotonic_ns() % 1_000_000)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("RAY_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "TUNESMITH_CACHE": str(tmp_path / "cache"),
        "HOME": str(tmp_path),
        "TMPDIR": tempfile.gettempdir(),  # since paths of sockets must be short
        "HEAD_IP": f"127.{os.getpid() % 250 + 1}.{int(job) % 250 + 1}.2",
        "MPS": "1",
        "SLURM_JOB_ID": job,
        "SLURM_NNODES": "1",
        "SLURM_CPUS_PER_TASK": "1",
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURMD_NODENAME": "node1",
    }
    options = ["--name", "mine", "--trials", "1000", "--epochs", "2", "--time", "none", "--set", "size=8"]
    process = subprocess.Popen(
        [tmp_path / "slurm.sh", "composer", *options],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    yield process
    shutil.rmtree(mps_folder(job), ignore_errors=True)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def mps_folder(job: str) -> Path:
    return Path(tempfile.gettempdir(), f"mps-{job}")


@pytest.mark.slow
@pytest.mark.skipif(not TAKES_ADDRESS, reason="'tunesmith search' takes no --address yet")
def test_a_search_ends_cleanly_after_sigterm(submitted: subprocess.Popen[str], tmp_path: Path) -> None:
    journal = tmp_path / "runs" / "searches" / "mine" / "study.journal"

    def has_started() -> bool:
        assert submitted.poll() is None, submitted.communicate()[0]
        return journal.exists() and '"epoch:' in journal.read_text(encoding="utf-8", errors="replace")

    wait_until(has_started, "an epoch of the search", seconds=180)
    (token,) = tmp_path.glob(".ray-token-*")
    assert token.stat().st_mode & 0o077 == 0
    assert len(token.read_text(encoding="utf-8")) == 64
    mps = mps_folder(token.name.rpartition("-")[2])
    assert mps.stat().st_mode & 0o077 == 0
    assert (mps / "arguments").read_text(encoding="utf-8") == "-d\n", "a daemon was started"
    seen = f"CUDA_MPS_PIPE_DIRECTORY={mps}"
    assert any(seen in variables for variables in _environments(submitted.pid, "raylet")), "trials find it"
    submitted.send_signal(signal.SIGTERM)
    output, _ = submitted.communicate(timeout=90)
    assert submitted.returncode == 130, output
    assert "SIGTERM: stopping the search" in output
    assert "tunesmith search mine" in output
    assert "the search ended with status 130" in output
    assert not token.exists()
    assert not _of_session(submitted.pid), "all its processes have ended"


def _environments(leader: int, name: str) -> list[list[str]]:
    """Return the environment of each process of a session with a name."""
    environments: list[list[str]] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if os.getsid(int(path.parent.name)) == leader and (path.parent / "comm").read_text().strip() == name:
                environments.append((path.parent / "environ").read_text().split("\0"))
    return environments


def _of_session(leader: int) -> list[str]:
    commands: list[str] = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
            if int(session) == leader and state != "Z":
                commands.append((path.parent / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return commands
