"""Searches of the toy family with finished trials at given points, made without Ray."""

from collections.abc import Mapping
from pathlib import Path

import optuna

from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.file import SearchSpec, parse
from search.study.database import open_study
from tests.search.toy_family import TOY_SEARCH, ToyFamily

TOY = ToyFamily()
NO_PRIOR = TOY_SEARCH.partition("[[prior]]")[0]


def toy(name: str, text: str = NO_PRIOR, /, **changes: object) -> SearchSpec:
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    return parse(text, "toy.toml", family=TOY, overrides={"name": name, **overrides})


def make_source(home: Path, name: str, *points: Mapping[str, Value], **changes: object) -> None:
    """Make a search with a full trial at each point, the best first, and a better one that was stopped early."""
    search = toy(name, **changes)
    with open_study(search, TOY, home, "f") as study:
        for rank, point in enumerate(points):
            study.optuna.enqueue_trial(dict(point))
            trial = study.optuna.ask()
            search.space(trial)  # pyright: ignore[reportArgumentType]
            study.add_epoch(trial.number, EpochReport(1, {"loss": FoldValues((1.0 + rank, 1.0 + rank))}, 0.1))
            study.finish(trial.number, "COMPLETE")
        stopped = study.optuna.ask()
        search.space(stopped)  # pyright: ignore[reportArgumentType]
        study.add_epoch(stopped.number, EpochReport(1, {"loss": FoldValues((0.5, 0.5))}, 0.1))
        study.finish(stopped.number, "PRUNED")


def queued(study: optuna.Study) -> list[dict[str, Value]]:
    """Return the points that wait in a study, in order."""
    waiting = study.get_trials(states=(optuna.trial.TrialState.WAITING,))
    return [trial.system_attrs["fixed_params"] for trial in waiting]
