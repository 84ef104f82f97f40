"""Connecting to Ray. The local Ray runs in a process of its own, whose whole output is checked."""

import subprocess
import sys
from pathlib import Path

import pytest

from cluster.session import connect
from data_prep.errors import BadInputError

SCRIPT = """
import os
from cluster.session import connect
os.environ["RAY_ADDRESS"] = "127.0.0.9:1"  # another cluster, which is not there
with connect(num_cpus=2, num_gpus=0) as nodes:
    assert [(node.cpus, node.gpus) for node in nodes] == [(2, 0)], nodes
    import ray

    assert ray.get(ray.remote(lambda: 6 * 7).remote()) == 42
assert not ray.is_initialized()
"""


@pytest.mark.slow
def test_a_local_ray_is_quiet_and_does_not_join_a_cluster_named_by_the_environment() -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=root, capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:9", "a Ray cluster must answer at its address: 127.0.0.1:9 does not .*refused"),
        ("ray://head:10001", "a Ray cluster's address is HOST:PORT of its head, .*: got 'ray://head:10001'"),
        ("head", "a Ray cluster's address is HOST:PORT"),
    ],
)
def test_an_invalid_or_unreachable_address_is_rejected_at_once(address: str, message: str) -> None:
    with pytest.raises(BadInputError, match=message), connect(address):
        pass
