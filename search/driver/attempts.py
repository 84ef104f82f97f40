"""Which failures count as attempts of a trial: what its own process did, never the loss of a node."""

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
"""Attempts after which a trial is given up."""

_LOST_NODE = "node has died"
_LOST_PROCESS = "worker process has died"
_OUT_OF_MEMORY = ("OutOfMemoryError", "running low on memory")
"""Parts of Ray's messages about a process that it lost."""

_DOUBT_S = 30.0
"""Seconds after which Ray surely knows that a node is gone; it needs about 15."""


@dataclass(frozen=True)
class _Failure:
    """A failure that may count.

    Attributes:
        node: Ray's id of the node, empty where it is unknown.
        is_own: Whether the trial's own process surely caused it, while its node was there.
        at: When it happened, in seconds.
    """

    node: str
    is_own: bool
    at: float


class Attempts:
    """Counts the attempts of each trial in one start of a search.

    Ray itself counts a lost node as an attempt, and counts some failures twice.
    """

    def __init__(self) -> None:
        """Start without any."""
        self._nodes: dict[str, str] = {}
        self._failures: dict[int, list[_Failure]] = defaultdict(list)

    def started(self, actor: Any) -> None:
        """Remember on which node a worker runs."""
        name = actor_id(actor)
        if name not in self._nodes:
            self._nodes[name] = node_of(actor)

    def failed(self, trial: Any) -> str:
        """Note a failure.

        Args:
            trial: Ray's trial, after Ray wrote its error files.

        Returns:
            Why the trial is given up; empty if it is to be retried.
        """
        pickled, written = error_files(trial)
        error, text = _error(pickled), _text(written)
        failures = self._failures[trial.config["number"]]
        if not _is_loss(error):
            node = self._nodes.get(str(getattr(error, "actor_id", None)), "")
            failures.append(_Failure(node, _is_own(error, text), time.monotonic()))
        count = _num_counting(failures)
        return f"given up after {count} attempts: {_reason(error, text)}"[:500] if count >= ATTEMPTS else ""


def _num_counting(failures: list[_Failure]) -> int:
    """Count the failures on nodes that are still there; a doubtful one counts once its node has outlived it."""
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
        return "its process was killed each time, as a system does that runs out of memory"
    return text.splitlines()[-1].strip() if text else "Ray gives no reason"


def _error(path: str | None) -> Exception | None:
    """Read the error that Ray wrote; None if there is none, or it cannot be read."""
    try:
        return cloudpickle.loads(Path(path or os.devnull).read_bytes())
    except Exception:  # noqa: BLE001  (unpickling may raise anything)
        return None


def _text(path: str | None) -> str:
    file = Path(path or os.devnull)
    return file.read_text(encoding="utf-8").rpartition("Failure # ")[2].strip() if file.exists() else ""
