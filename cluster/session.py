"""Connecting to Ray: a quiet one of our own here, or a cluster that is named. The only caller of ray.init."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false

import logging
import os
import socket
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from data_prep.errors import BadInputError

_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",  # all that Ray would print of workers; a search tells what became of them
    "RAY_enable_metrics_collection": "0",
}


@dataclass(frozen=True)
class Session:
    """A connection to Ray.

    Attributes:
        cpus: Processors that are there.
        gpus: GPUs that are there.
        nodes: Machines that are there.
    """

    cpus: float
    gpus: float
    nodes: int


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
    if address:
        _check_address(address)
    import ray  # noqa: PLC0415  (after the environment that it reads)

    own: dict[str, Any] = {"num_cpus": num_cpus, "num_gpus": num_gpus, "include_dashboard": False}
    try:
        ray.init(
            address=address or "local", logging_level=logging.ERROR, log_to_driver=False, **({} if address else own)
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BadInputError(f"Ray must start or answer: {address or 'on this machine'} does not ({reason})") from None
    try:
        there: Mapping[str, float] = ray.cluster_resources()
        nodes: list[dict[str, Any]] = ray.nodes()
        yield Session(there.get("CPU", 0.0), there.get("GPU", 0.0), sum(bool(node["Alive"]) for node in nodes))
    finally:
        ray.shutdown()


def _check_address(address: str) -> None:
    """Refuse a cluster that does not answer; Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or "/" in host:
        raise BadInputError(f"a Ray cluster's address is HOST:PORT: got {address!r}")
    try:
        with socket.create_connection((host, int(port)), timeout=5):
            pass
    except OSError as error:
        raise BadInputError(f"a Ray cluster must answer at its address: {address} does not ({error})") from None
