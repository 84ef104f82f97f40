"""Connecting to Ray: a quiet one of our own here, or a cluster that is named. The only caller of ray.init."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import atexit
import json
import logging
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cluster.local_ray import local_ray
from cluster.nodes import Node, alive_nodes
from data_prep.errors import BadInputError

PACKAGES = ("data_prep", "models", "search", "cluster", "tunesmith")
"""Our own packages, which workers elsewhere get from here."""

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # all that Ray would print of workers; a search tells what became of them
    "RAY_enable_metrics_collection": "0",
    "RAY_prestart_worker_first_driver": "0",  # no trial would take them, for Tune's have an environment of their own
}


@dataclass(frozen=True)
class Session:
    """A connection to Ray.

    Attributes:
        address: The cluster's address; None for a Ray of our own.
        nodes: The machines that were there when it began.
    """

    address: str | None
    nodes: tuple[Node, ...]


def quieten() -> None:
    """Set Ray's defaults for this program; it must come before anything imports Ray."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


@contextmanager
def connect(
    address: str | None = None, *, num_cpus: int | None = None, num_gpus: int | None = None
) -> Generator[Session]:
    """Connect to Ray for the length of a ``with`` block.

    Ray stays quiet only if nothing imported it before (see :func:`quieten`).

    Args:
        address: A cluster's address; None starts a Ray of our own here, whatever cluster the environment names.
        num_cpus: Processors of a Ray of our own; None is all.
        num_gpus: GPUs of a Ray of our own; None is all.

    Yields:
        The session.

    Raises:
        BadInputError: If no cluster answers at the address, or Ray does not start.
    """
    quieten()
    with ExitStack() as stack:
        options = _to_cluster(address) if address else stack.enter_context(local_ray(num_cpus, num_gpus))
        import ray  # noqa: PLC0415  (after the environment that it reads)

        stack.callback(ray.shutdown)
        try:
            with _muffled() if address else nullcontext():  # we report a refused token in one line
                ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)
        except Exception as error:  # noqa: BLE001  (Ray has dozens)
            raise _refused(address, error) from None
        yield Session(address, alive_nodes())


@contextmanager
def _muffled() -> Generator[None]:
    """Lose what libraries write to standard error past Python."""
    sys.stderr.flush()
    before = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(nowhere)
        os.close(before)


def _to_cluster(address: str) -> dict[str, Any]:
    """Ship our packages as they are here: no node runs another version of them."""
    options: dict[str, Any] = {"address": address}
    if not _job_ships_packages():
        root = Path(__file__).parent.parent
        options["runtime_env"] = {
            "py_modules": [str(root / package) for package in PACKAGES],
            "working_dir": _empty_folder(),  # else workers look for packages in the driver's folder first
        }
    if address != "auto":
        host = _check_address(address)
        if _is_loopback(host):
            options["_node_ip_address"] = host  # several nodes on one machine, each with an address of its own
    return options


def _empty_folder() -> str:
    folder = tempfile.mkdtemp(prefix="tunesmith-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _job_ships_packages() -> bool:
    """Whether this runs as a job whose environment has our packages, on every node, each in a folder of its own."""
    job = json.loads(os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}"))
    return "py_modules" in job.get("runtime_env", {})


def _check_address(address: str) -> str:
    """Refuse a cluster that does not answer, for Ray itself would try for minutes; give its host."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise BadInputError(
            f'a Ray cluster\'s address is HOST:PORT of its head, or "auto" on one of its nodes: got {address!r}'
        )
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            pass
    except OSError as error:
        raise BadInputError(
            f"a Ray cluster must answer at its address: {address} does not ({error}); start it, as with "
            "'ray start --head' there, or leave --address out to use this machine"
        ) from None
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _refused(address: str | None, error: Exception) -> BadInputError:
    """Say in one line why Ray did not start, or does not let us in."""
    reason = " ".join(str(error).split())
    remedy = "the cluster's token belongs in ~/.ray/auth_token or RAY_AUTH_TOKEN, with RAY_AUTH_MODE=token"
    if address is None:
        return BadInputError(f"Ray must start on this machine, and does not: {reason[:300]}")
    if type(error).__name__ == "AuthenticationError":
        return BadInputError(f"a Ray cluster wants its token, and {address} was given none: {remedy}")
    if address == "auto" and isinstance(error, ConnectionError):
        return BadInputError('the address "auto" is for a node of a running Ray cluster, and no Ray runs here')
    if isinstance(error, ConnectionError):
        return BadInputError(
            f"a Ray cluster must let this program in: {address} listens and does not; if it wants a token, {remedy}"
        )
    if "ersion mismatch" in reason:
        return BadInputError(f"every node must have the same Ray and Python: {address} has others ({reason[:300]})")
    return BadInputError(f"a Ray cluster must take this program in: {address} does not ({reason[:300]})")
