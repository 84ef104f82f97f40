"""What a search teaches: the best trials, and which settings mattered."""

# Optuna is partly untyped:
# pyright: reportUnknownMemberType=false

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from models.metrics import Metric
from search.progress import State
from search.records import TrialRecord
from search.space import Choice, Domain, Range, Space

_ENOUGH = 10
"""Trials below which importances are noise."""


@dataclass(frozen=True)
class Importance:
    """How much one setting mattered.

    Attributes:
        setting: Its name.
        share: Of all that mattered, 0..1; the shares of a search add to 1.
        num_trials: Number of trials in which it was searched.
    """

    setting: str
    share: float
    num_trials: int


def best_trials(trials: Sequence[TrialRecord], objective: Metric, count: int) -> list[TrialRecord]:
    """Give the best trials, best first, among those with the full budget: partial ones are not comparable."""
    full = [
        (score.mean, trial.number, trial)
        for trial in trials
        if trial.state == "COMPLETE" and (score := trial.last(objective.name))
    ]
    full.sort(reverse=objective.direction == "maximise")
    return [trial for _, _, trial in full[:count]]


def counts(trials: Sequence[TrialRecord]) -> Mapping[State, int]:
    """Count trials by state."""
    return Counter(trial.state for trial in trials)


def importances(trials: Sequence[TrialRecord], space: Space, objective: Metric, first_rung: int) -> list[Importance]:
    """Estimate which settings mattered (PED-ANOVA, Watanabe et al. 2023), most important first.

    All trials that reached the first rung are compared there, at equal epochs: full trials alone are few, and all good.
    A setting that only matters under others is judged among the trials in which it did.

    Args:
        trials: All trials of a search.
        space: Its space.
        objective: The metric that was searched for.
        first_rung: The epoch to compare at.

    Returns:
        One entry for each setting that was searched and varied; empty with fewer than 10 trials.
    """
    at = min(first_rung, max((len(trial.epochs) for trial in trials), default=0))
    scored = [
        (trial, epoch.report.metrics[objective.name].mean)
        for trial in trials
        for epoch in trial.epochs
        if epoch.report.epoch == at
    ]
    if len(scored) < _ENOUGH:
        return []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the evaluator is marked experimental
        study = optuna.create_study(direction="minimize" if objective.direction == "minimise" else "maximize")
        for trial, value in scored:
            study.add_trial(_as_optuna(trial, value, space))
        varied = {
            name
            for name in space.searched
            if len({repr(trial.values[name]) for trial, _ in scored if name in trial.values}) > 1
        }
        if not varied:
            return []
        found = get_param_importances(
            study, evaluator=PedAnovaImportanceEvaluator(), params=sorted(varied), normalize=False
        )
    total = sum(found.values()) or 1.0
    uses = Counter(name for trial, _ in scored for name in trial.values)
    ranked = [Importance(name, share / total, uses[name]) for name, share in found.items()]
    return sorted(ranked, key=lambda one: (-one.share, one.setting))


def _as_optuna(trial: TrialRecord, value: float, space: Space) -> optuna.trial.FrozenTrial:
    searched = [name for name in space.searched if name in trial.values]
    return create_trial(
        state=TrialState.COMPLETE,
        value=value,
        params={name: trial.values[name] for name in searched},
        distributions={name: _distribution(space.domains[name]) for name in searched},
    )


def _distribution(domain: Domain) -> BaseDistribution:
    if isinstance(domain, Choice):
        return CategoricalDistribution(domain.values)
    assert isinstance(domain, Range)
    if domain.whole:
        return IntDistribution(int(domain.low), int(domain.high), log=domain.log, step=int(domain.step or 1))
    return FloatDistribution(domain.low, domain.high, log=domain.log, step=domain.step)
