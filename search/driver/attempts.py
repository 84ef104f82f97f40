"""Which failures count as attempts of a trial: what its own process did, never the loss of a machine."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportMissingTypeStubs=false
# ruff: noqa: SLF001

import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray._private.state import actors
from ray.exceptions import ActorDiedError, ObjectLostError, RayActorError, RayTaskError

ATTEMPTS = 3
"""Attempts after which a trial is given up."""

_LOST_NODE = "node has died"
_LOST_PROCESS = "worker process has died"
_OUT_OF_MEMORY = ("OutOfMemoryError", "running low on memory")
"""What Ray writes of a process that it lost."""

_DOUBT_S = 30.0
"""Seconds that Ray may take to miss a machine; it needs about 15."""


@dataclass(frozen=True)
class _Failure:
    """A failure that may count.

    Attributes:
        node: Ray's id of the machine, empty where it is unknown.
        is_own: Whether the trial's own process surely caused it, while its machine was there.
        at: When it was, in seconds.
    """

    node: str
    is_own: bool
    at: float


class Attempts:
    """Counts the attempts of each trial in one start of a search.

    Ray itself counts a lost machine as an attempt, and counts some failures twice.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._nodes: dict[str, str] = {}
        self._failures: dict[int, list[_Failure]] = defaultdict(list)

    def started(self, actor: Any) -> None:
        """Remember on which machine a worker runs."""
        name = actor._actor_id.hex()
        if name not in self._nodes:
            found: Any = actors(name)
            self._nodes[name] = found["Address"]["NodeID"] if found else ""

    def failed(self, trial: Any) -> str:
        """Take note of a failure.

        Args:
            trial: Ray's trial, after Ray wrote down its error.

        Returns:
            Why the trial is given up; empty if it is to be tried again.
        """
        error, text = _error(trial), _text(trial)
        failures = self._failures[trial.config["number"]]
        if not _is_loss(error):
            node = self._nodes.get(str(getattr(error, "actor_id", None)), "")
            failures.append(_Failure(node, _is_own(error, text), time.monotonic()))
        count = _num_counting(failures)
        return f"given up after {count} attempts: {_reason(error, text)}"[:500] if count >= ATTEMPTS else ""


def _num_counting(failures: list[_Failure]) -> int:
    """Count the failures on machines that are still there; a doubtful one counts once its machine outlived it."""
    nodes: list[dict[str, Any]] = ray.nodes()
    alive = {"", *(node["NodeID"] for node in nodes if node["Alive"])}
    now = time.monotonic()
    return sum(one.node in alive and (one.is_own or now - one.at > _DOUBT_S) for one in failures)


def _is_loss(error: Exception | None) -> bool:
    return isinstance(error, RayActorError) and (error.preempted or _LOST_NODE in str(error))


def _is_own(error: Exception | None, text: str) -> bool:
    if isinstance(error, RayTaskError):
        return not isinstance(error.cause, RayActorError | ObjectLostError)
    if isinstance(error, ActorDiedError):
        return error.actor_init_failed or any(sign in text for sign in (_LOST_PROCESS, *_OUT_OF_MEMORY))
    return error is None


def _reason(error: Exception | None, text: str) -> str:
    if any(sign in text for sign in _OUT_OF_MEMORY):
        return "its process was killed because its machine ran out of memory"
    if isinstance(error, RayActorError) and not error.actor_init_failed:
        return "its process was killed each time, as a system does that runs out of memory"
    return text.splitlines()[-1].strip() if text else "Ray tells no reason"


def _error(trial: Any) -> Exception | None:
    """Read the error that Ray wrote down; None if there is none, or it cannot be read."""
    try:
        return cloudpickle.loads(Path(trial.pickled_error_file or os.devnull).read_bytes())
    except Exception:  # noqa: BLE001  (unpickling may raise anything)
        return None


def _text(trial: Any) -> str:
    path = Path(trial.error_file or os.devnull)
    return path.read_text(encoding="utf-8").rpartition("Failure # ")[2].strip() if path.exists() else ""
