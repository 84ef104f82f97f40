"""Decide whether a trial is retried: after a lost node always, after its own failures a limited number of times."""

import os
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray.exceptions import ActorDiedError, ObjectLostError, RayActorError, RayTaskError

from search.private_apis import actor_id, error_files, node_of

_ray: Any = ray  # partly untyped

ATTEMPTS = 3
"""Number of failed attempts after which a trial is given up."""

_LOST_NODE = "node has died"
_LOST_PROCESS = "worker process has died"
_OUT_OF_MEMORY = ("OutOfMemoryError", "running low on memory")
"""Parts of Ray's messages about lost processes and nodes."""

_DOUBT_S = 30.0
"""Time after which Ray has certainly noticed a lost node (seconds); it needs about 15."""


@dataclass(frozen=True)
class _Failure:
    """A failure that may count as an attempt."""

    node: str  # Ray's id of the node, empty if unknown
    is_own: bool  # whether the trial's own process certainly caused it, while its node was alive
    at: float  # seconds, monotonic


class Attempts:
    """Counts the failed attempts of each trial in one start of a search.

    Ray itself counts a lost node as an attempt, and counts some failures twice.
    """

    def __init__(self) -> None:
        """Initialize without failures."""
        self._nodes: dict[str, str] = {}
        self._failures: dict[int, list[_Failure]] = defaultdict(list)

    def started(self, actor: Any) -> None:
        """Store the node of a worker."""
        name = actor_id(actor)
        if name not in self._nodes:
            self._nodes[name] = node_of(actor)

    def failed(self, trial: Any) -> str:
        """Record the failure of a Ray trial after its error files; return why it is given up, empty to retry it."""
        pickled, written = error_files(trial)
        error, text = _error(pickled), _text(written)
        failures = self._failures[trial.config["number"]]
        if not _is_loss(error):
            node = self._nodes.get(str(getattr(error, "actor_id", None)), "")
            failures.append(_Failure(node, _is_own(error, text), time.monotonic()))
        count = _num_counting(failures)
        return f"given up after {count} attempts: {_reason(error, text)}"[:500] if count >= ATTEMPTS else ""


def _num_counting(failures: list[_Failure]) -> int:
    """Count the failures on nodes that are alive; a failure of unknown cause counts once its node stayed alive."""
    alive = {"", *(node["NodeID"] for node in _ray.nodes() if node["Alive"])}
    now = time.monotonic()
    return sum(failure.node in alive and (failure.is_own or now - failure.at > _DOUBT_S) for failure in failures)


def _is_loss(error: Exception | None) -> bool:
    return isinstance(error, RayActorError) and (error.preempted or _LOST_NODE in str(error))


def _is_own(error: Exception | None, text: str) -> bool:
    if isinstance(error, RayTaskError):
        cause: object = getattr(error, "cause", None)
        return not isinstance(cause, RayActorError | ObjectLostError)
    if isinstance(error, ActorDiedError):
        return error.actor_init_failed or any(sign in text for sign in (_LOST_PROCESS, *_OUT_OF_MEMORY))
    return error is None


def _reason(error: Exception | None, text: str) -> str:
    if any(sign in text for sign in _OUT_OF_MEMORY):
        return "its process was killed because its machine ran out of memory"
    if isinstance(error, RayActorError) and not error.actor_init_failed:
        return "its process was killed each time, most likely because the machine ran out of memory"
    return text.splitlines()[-1].strip() if text else "Ray gives no reason"


def _error(path: str | None) -> Exception | None:
    """Return the error that Ray wrote; None if it is missing or unreadable."""
    try:
        return cloudpickle.loads(Path(path or os.devnull).read_bytes())
    except Exception:  # noqa: BLE001  (unpickling may raise anything)
        return None


def _text(path: str | None) -> str:
    file = Path(path or os.devnull)
    return file.read_text(encoding="utf-8").rpartition("Failure # ")[2].strip() if file.exists() else ""
