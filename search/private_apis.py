"""The private names of Optuna and Ray that the search depends on: nothing else in this package touches one.

Seen with optuna 5.0.0 and ray 2.60.0; pyproject.toml caps both below their next versions. Each function says why the
public interface does not do. Libraries are imported where they are used: a study's reader does not wait for Ray, nor a
worker for Optuna.
"""

from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any


def study_id(study: Any) -> int:
    """Return the id of an Optuna study in its storage: a storage's methods take it, and a study tells only its name."""
    return study._study_id


def cached(database: Any) -> Any:
    """Return Optuna's cache around a database: ``get_storage`` alone makes one, and takes no engine options with it."""
    return import_module("optuna.storages")._CachedStorage(database)


def study_attribute_table() -> Any:
    """Return the table of studies' attributes: no storage method replaces an attribute only where it is unchanged."""
    return import_module("optuna.storages._rdb.models").StudyUserAttributeModel


def actor_of(trial: Any) -> Any:
    """Return the actor that trains one of Ray Tune's trials: callbacks are given the trial alone."""
    return trial.temporary_state.ray_actor


def actor_id(actor: Any) -> str:
    """Return the id of an actor, as Ray's errors name it: a handle shows it only in its ``repr``."""
    return actor._actor_id.hex()


def node_of(actor: Any) -> str:
    """Return the id of the node of an actor, empty where it is unknown: Ray's state API needs the dashboard."""
    state: Any = import_module("ray._private.state").actors(actor_id(actor))
    return state["Address"]["NodeID"] if state else ""


def error_files(trial: Any) -> tuple[str | None, str | None]:
    """Return the files with a failed trial's pickled error and its text: ``on_trial_error`` is not given the error."""
    return trial.pickled_error_file, trial.error_file


def forget_results(trial: Any) -> None:
    """Clear what Ray Tune keeps of a finished trial and nobody reads: it keeps every trial, 20 KB each."""
    for kept in (trial.metric_analysis, trial.metric_n_steps, trial.last_result):
        kept.clear()


def pending_trials(tune_controller: Any) -> list[Any]:
    """Return the trials that wait for a worker: ``get_trials`` lists all that ever ran, more at each step."""
    return [trial for trial in tune_controller.get_live_trials() if trial.status == "PENDING"]


def asha_rungs(scheduler: Any) -> dict[int, MutableMapping[str, float]]:
    """Return the values at ASHA's rungs, by epoch and trial: they cannot be given to it, and a restart loses them."""
    (bracket,) = scheduler._brackets
    return dict(bracket._rungs)


def asha_verdict(scheduler: Any) -> Callable[[str, int, float], str]:
    """Return ASHA's rule, which records a trial's value at a rung: (trial, epoch, value, more is better) -> verdict."""
    (bracket,) = scheduler._brackets
    return lambda trial, epoch, value: bracket.on_result(Identified(trial), epoch, value)


@dataclass(frozen=True)
class Identified:
    """All that ASHA reads of a trial."""

    trial_id: str
