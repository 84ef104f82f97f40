"""All uses of private names of Optuna and Ray in this package.

Checked with optuna 5.0.0 and ray 2.60.0; pyproject.toml caps both below their next versions. Each docstring says why
the public interface is not enough. Libraries are imported inside functions, so that reading a study does not import
Ray, and a worker does not import Optuna.
"""

from collections.abc import Callable, Generator, MutableMapping
from contextlib import contextmanager
from functools import reduce
from importlib import import_module
from types import SimpleNamespace
from typing import Any


def study_id(study: Any) -> int:
    """Return the id of an Optuna study in its storage: storage methods require it, and it has no public attribute."""
    return study._study_id


def cached(database: Any) -> Any:
    """Wrap a database in Optuna's cache: the public ``get_storage`` does so too, but accepts no engine options."""
    return import_module("optuna.storages")._CachedStorage(database)


def study_attribute_table() -> Any:
    """Return the table of study attributes: no storage method does a compare-and-swap on an attribute."""
    return import_module("optuna.storages._rdb.models").StudyUserAttributeModel


def actor_of(trial: Any) -> Any:
    """Return the actor that trains a Ray Tune trial: callbacks receive only the trial."""
    return trial.temporary_state.ray_actor


def actor_id(actor: Any) -> str:
    """Return the id of an actor, as in Ray's error messages: an actor handle has it only in its ``repr``."""
    return actor._actor_id.hex()


def node_of(actor: Any) -> str:
    """Return the id of an actor's node, empty if unknown: Ray's public state API needs the dashboard."""
    state: Any = import_module("ray._private.state").actors(actor_id(actor))
    return state["Address"]["NodeID"] if state else ""


def error_files(trial: Any) -> tuple[str | None, str | None]:
    """Return the files with a failed trial's pickled error and its text: ``on_trial_error`` has no error argument."""
    return trial.pickled_error_file, trial.error_file


def forget_results(trial: Any) -> None:
    """Clear the results that Ray Tune keeps of a finished trial and nothing reads: about 20 KB per trial."""
    for results in (trial.metric_analysis, trial.metric_n_steps, trial.last_result):
        results.clear()


def pending_trials(tune_controller: Any) -> list[Any]:
    """Return the trials that wait for a worker: ``get_trials`` returns all trials of the run, a growing list."""
    return [trial for trial in tune_controller.get_live_trials() if trial.status == "PENDING"]


def asha_rungs(scheduler: Any) -> dict[int, MutableMapping[str, float]]:
    """Return the values at ASHA's rungs by epoch and trial: a restart loses them, no public method restores them."""
    (bracket,) = scheduler._brackets
    return dict(bracket._rungs)


def asha_verdict(scheduler: Any) -> Callable[[str, int, float], str]:
    """Return ASHA's decision function: (trial, epoch, value to maximise) -> verdict; it records the value at a rung."""
    (bracket,) = scheduler._brackets
    return lambda trial, epoch, value: bracket.on_result(SimpleNamespace(trial_id=trial), epoch, value)


@contextmanager
def callbacks_not_counted() -> Generator[None]:
    """Keep Ray Tune from counting callbacks for its usage statistics, which imports MLflow: no setting prevents it."""
    with _replaced("ray.air._internal.usage", "tag_callbacks", _nothing):
        yield


@contextmanager
def trials_in_plain_workers() -> Generator[None]:
    """Run trials in workers without an environment of their own, which start sooner: Ray Tune always gives them one."""

    def actor_class(cache: Any, trainable: Any) -> Any:
        if trainable not in cache._cache:
            cache._cache[trainable] = import_module("ray").remote(trainable)
        return cache._cache[trainable]

    with _replaced("ray.tune.execution.class_cache", "_ActorClassCache.get", actor_class):
        yield


@contextmanager
def _replaced(module: str, name: str, new: Any) -> Generator[None]:
    *owners, last = name.split(".")
    owner = reduce(getattr, owners, import_module(module))
    before = getattr(owner, last)
    setattr(owner, last, new)
    try:
        yield
    finally:
        setattr(owner, last, before)


def _nothing(*_: object) -> None:
    """Do nothing."""
