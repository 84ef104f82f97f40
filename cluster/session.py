"""Connect to a local Ray or to a cluster at an address. The only caller of ray.init."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

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
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cluster.local_ray import local_ray
from cluster.nodes import Node, alive_nodes
from data_prep.errors import BadInputError

_TO_ENTER = "put the cluster's token into ~/.ray/auth_token or RAY_AUTH_TOKEN, and set RAY_AUTH_MODE=token"

PACKAGES = ("data_prep", "models", "search", "cluster", "tunesmith")
"""Our packages, which Ray uploads to workers on other machines."""

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # drop all messages of workers; a search reports them itself
    "RAY_enable_metrics_collection": "0",
    "RAY_prestart_worker_first_driver": "0",  # one for each CPU, although a search may have fewer slots
}


def quieten() -> None:
    """Set Ray's defaults for this program; must be called before Ray is imported."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("ray.widgets").setLevel(logging.ERROR)  # recommends ipywidgets in a notebook


@contextmanager
def connect(
    address: str | None = None, *, num_cpus: int | None = None, num_gpus: int | None = None
) -> Generator[tuple[Node, ...]]:
    """Connect to Ray for the duration of a ``with`` block.

    Ray is quiet only if it was not imported before (see :func:`quieten`).

    Args:
        address: A cluster's address; None starts a local Ray, even if the environment names a cluster.
        num_cpus: CPUs of a local Ray; None is all.
        num_gpus: GPUs of a local Ray; None is all.

    Yields:
        The machines that are alive.

    Raises:
        BadInputError: If no cluster answers at the address, or Ray does not start.
    """
    quieten()
    with ExitStack() as stack:
        options = _to_cluster(address) if address else stack.enter_context(local_ray(num_cpus, num_gpus))
        import ray

        stack.callback(ray.shutdown)
        try:
            with _muffled() if address else nullcontext():  # a rejected token is reported in one line below
                ray.init(logging_level=logging.ERROR, log_to_driver=False, **options)
        except Exception as error:
            raise _refused(address, error) from error
        yield alive_nodes()


@contextmanager
def _muffled() -> Generator[None]:
    """Discard everything written to standard error, including by compiled libraries."""
    sys.stderr.flush()
    before = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(before, 2)
        os.close(null)
        os.close(before)


def _to_cluster(address: str) -> dict[str, Any]:
    """Return options of ``ray.init`` that upload our packages, so that all nodes run the same version of them."""
    options: dict[str, Any] = {"address": address}
    if not _job_ships_packages():
        root = Path(__file__).parent.parent
        options["runtime_env"] = {
            "py_modules": [str(root / package) for package in PACKAGES],
            "working_dir": _empty_folder(),  # otherwise workers would import from the driver's folder first
        }
    if address != "auto":
        host = _check_address(address)
        if _is_loopback(host):
            options["_node_ip_address"] = host  # several nodes on one machine, each with its own address
    return options


def _empty_folder() -> str:
    folder = tempfile.mkdtemp(prefix="tunesmith-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _job_ships_packages() -> bool:
    """Return whether this process is a job whose runtime environment already has our packages."""
    job = json.loads(os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}"))
    return "py_modules" in job.get("runtime_env", {})


def _check_address(address: str) -> str:
    """Return the host of an address; raise BadInputError if nothing answers there (Ray would retry for minutes)."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise BadInputError(
            'a Ray cluster\'s address is HOST:PORT of its head, or "auto" on one of its nodes', f"got {address!r}"
        )
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            pass
    except OSError as error:
        raise BadInputError(
            "a Ray cluster must answer at its address",
            f"{address} does not ({error})",
            remedy="start it there, as with 'ray start --head', or give no address to use this machine",
        ) from None
    return host


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def reason_of(error: Exception) -> str:
    """Return the message of one of Ray's exceptions in one line."""
    return " ".join(str(error).split())[:300]


def _refused(address: str | None, error: Exception) -> BadInputError:
    """Return the error for a Ray that did not start, or a cluster that does not accept this program."""
    reason = reason_of(error)
    if address is None:
        return BadInputError("Ray must start on this machine", f"it does not ({reason})")
    if type(error).__name__ == "AuthenticationError":
        return BadInputError("a Ray cluster requires its token", f"{address} got none", remedy=_TO_ENTER)
    if address == "auto" and isinstance(error, ConnectionError):
        return BadInputError('the address "auto" is for a node of a running Ray cluster', "no Ray runs here")
    if "ersion mismatch" in reason:
        return BadInputError("every node must have the same Ray and Python", f"{address} has others ({reason})")
    if isinstance(error, ConnectionError):
        value, remedy = f"{address} listens but does not", f"if it requires a token, {_TO_ENTER}"
        return BadInputError("a Ray cluster must accept this program", value, remedy=remedy)
    return BadInputError("a Ray cluster must accept this program", f"{address} does not ({reason})")
