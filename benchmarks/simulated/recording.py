"""Learning curves of real trials, all trained to their full budget, and their use for similar hyperparameters."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.randomness import stream
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.domains import Domain, Range
from search.spec.file import SearchSpec, load
from search.spec.space import Space

RECORDED = Path(__file__).parents[1] / "recorded" / "composer.json"
HOW = (
    "Trials of the built-in search of the composer, proposed by its own sampler one after another, each trained to its "
    "full budget by one thread: after every epoch the objective's mean over the folds and its standard error, cv_loss, "
    "and the seconds of processor time that the epoch took. Made by python benchmarks/utilisation.py --record"
)
FOLDS = 4
_NOISE = 0.25
"""Standard deviation between trials with the same hyperparameters, in standard errors over the folds."""


@dataclass(frozen=True)
class Curve:
    """A recorded trial.

    Attributes:
        values: Its hyperparameters.
        objective: Mean of the objective over the folds after each epoch.
        standard_error: Standard error of that mean.
        cv_loss: Mean cross-entropy after each epoch.
        seconds: CPU time of each epoch (seconds).
    """

    values: Mapping[str, Value]
    objective: tuple[float, ...]
    standard_error: tuple[float, ...]
    cv_loss: tuple[float, ...]
    seconds: tuple[float, ...]


@dataclass(frozen=True)
class Recording:
    """Recorded trials, which also represent trials with similar hyperparameters.

    Attributes:
        curves: The recorded trials.
        space: The space from which they were sampled.
        scale: Factor for recorded seconds.
        jitter: Standard deviation of the logarithm of epoch lengths within a recorded trial.
        fingerprint: Fingerprint of the data, an attribute that the data of every family has.
    """

    curves: tuple[Curve, ...]
    space: Space
    scale: float
    jitter: float
    fingerprint: str = "none"

    @property
    def best(self) -> float:
        """Best recorded objective after the full budget."""
        return min(curve.objective[-1] for curve in self.curves)

    def nearest(self, values: Mapping[str, Value]) -> Curve:
        """Return the recorded trial with the nearest hyperparameters (Gower's distance over the searched ones)."""
        return min(self.curves, key=lambda curve: self._distance(values, curve.values))

    def _distance(self, left: Mapping[str, Value], right: Mapping[str, Value]) -> float:
        default = self.space.default
        return sum(
            _difference(self.space.domains[name], left.get(name, default(name)), right.get(name, default(name)))
            for name in self.space.searched
        )

    def objective(self, values: Mapping[str, Value], number: int) -> list[float]:
        """Return the objective after each epoch: that of the nearest trial plus a random offset of this trial."""
        curve = self.nearest(values)
        offset = _NOISE * float(stream(0, "simulated offset", trial=number).normal())
        return [mean + offset * error for mean, error in zip(curve.objective, curve.standard_error, strict=True)]

    def seconds(self, values: Mapping[str, Value], number: int) -> list[float]:
        """Return the length of each epoch (seconds): the mean of the nearest trial, with the recorded variation."""
        curve = self.nearest(values)
        logarithms = self.jitter * stream(0, "simulated seconds", trial=number).normal(size=len(curve.seconds))
        mean = float(np.mean(curve.seconds)) * self.scale
        return [mean * math.exp(logarithm) for logarithm in logarithms]

    def reports(self, values: Mapping[str, Value], number: int) -> list[EpochReport]:
        """Return the reports of a trial, with the composer's metrics on ``FOLDS`` folds."""
        pairs = zip(self.objective(values, number), self.seconds(values, number), strict=True)
        return [_report(epoch, *pair) for epoch, pair in enumerate(pairs, start=1)]


def _report(epoch: int, objective: float, seconds: float) -> EpochReport:
    values = FoldValues(tuple(objective + 0.01 * (fold - (FOLDS - 1) / 2) for fold in range(FOLDS)))
    return EpochReport(epoch, dict.fromkeys(("nats_per_note", "cv_loss", "train_loss"), values), seconds)


def _difference(domain: Domain, left: Value, right: Value) -> float:
    if not isinstance(domain, Range):
        return float(left != right)
    assert not isinstance(left, str)
    assert not isinstance(right, str)
    scale = math.log if domain.log else float
    return abs(scale(left) - scale(right)) / (scale(domain.high) - scale(domain.low))


def read(mean_seconds: float, path: Path = RECORDED) -> Recording:
    """Read the recording.

    Args:
        mean_seconds: Mean length of an epoch after scaling (seconds).
        path: The file.

    Returns:
        The recording, with scaled epoch lengths.
    """
    rows = json.loads(path.read_text(encoding="utf-8"))["trials"]
    curves = tuple(_curve(row) for row in rows)
    logarithms = [np.log(curve.seconds) for curve in curves]
    jitter = float(np.sqrt(np.mean([values.var() for values in logarithms])))
    mean = float(np.mean([np.mean(curve.seconds) for curve in curves]))
    return Recording(curves, load("composer").space, mean_seconds / mean, jitter)


def _curve(row: Mapping[str, Any]) -> Curve:
    objective, error, loss, seconds = (
        tuple(row[name]) for name in ("objective", "standard_error", "cv_loss", "seconds")
    )
    return Curve(row["values"], objective, error, loss, seconds)


def record(num_trials: int, path: Path = RECORDED) -> None:
    """Train trials of the built-in search to the end, without rungs, and write their curves.

    Args:
        num_trials: Number of trials.
        path: The file; it is complete after every trial.
    """
    import optuna
    import torch

    from data_prep.prepared.corpus import prepare
    from models.families import family as find_family
    from search.driver.sampler import make_sampler

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    search = load("composer")
    family = find_family("composer")
    section = search.data
    prepared = prepare(
        section.corpus, kind=family.data_kind, repeats=section.repeats, num_folds=section.num_parts, seed=section.seed
    )
    data = prepared.data
    study = optuna.create_study(sampler=make_sampler(search, 0))
    for point in search.prior:
        study.enqueue_trial(dict(point))
    head = json.dumps({"how": HOW, "corpus": search.data.corpus, "epochs": search.budget.epochs}, indent=1)
    rows: list[str] = []
    while len(rows) < num_trials:
        trial = study.ask()
        curve = _trained(search, family, data, trial.number, search.space(trial))
        study.tell(trial, curve.objective[-1])
        rows.append(json.dumps(asdict(curve), separators=(",", ":")))
        trials = ",\n".join(rows)
        path.write_text(head.removesuffix("\n}") + f',\n "trials": [\n{trials}\n]}}\n', encoding="utf-8")
        print(trial.number, curve.objective[-1], f"{sum(curve.seconds):.1f} s", flush=True)


def _trained(search: SearchSpec, family: Any, data: Any, number: int, values: Mapping[str, Value]) -> Curve:
    from search.trials.training import train_trial

    reports: list[EpochReport] = []
    seconds: list[float] = []
    began = time.process_time()

    def report(epoch: EpochReport) -> None:
        nonlocal began
        now = time.process_time()
        seconds.append(round(now - began, 3))
        began = now
        reports.append(epoch)

    spec = family.spec_type.from_values(values)
    train_trial(family, spec, data, report, seed=search.data.seed, number=number, files=None, device="cpu")
    objective = [epoch.metrics[family.metrics[0].name] for epoch in reports]
    return Curve(
        values,
        tuple(round(folds.mean, 5) for folds in objective),
        tuple(round(folds.standard_error, 5) for folds in objective),
        tuple(round(epoch.metrics["cv_loss"].mean, 5) for epoch in reports),
        tuple(seconds),
    )
