"""Which hyperparameters mattered in a search, and in which direction."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from data_prep.randomness import integer_seed
from models.metrics import Metric
from models.spec import Value
from search.plots.study_copy import study_copy, value_of, varied
from search.spec.domains import Range
from search.spec.space import Space
from search.study.records import TrialRecord

_ENOUGH = 10
"""Minimum number of trials for importances; with fewer they are noise."""

_MOST = 300
"""Maximum number of trials for importances, evenly over the ranks: fANOVA's time grows faster than their number."""

_CLEAR = 0.15
"""Rank correlation from which on a direction is clear."""


@dataclass(frozen=True)
class Importance:
    """The importance of one hyperparameter.

    Attributes:
        setting: The hyperparameter's name.
        share: Its importance, 0..1; the shares of a search sum to 1.
        num_trials: Number of trials in which it was searched.
    """

    setting: str
    share: float
    num_trials: int


def at_epoch(trials: Sequence[TrialRecord], objective: Metric, epoch: int) -> list[tuple[TrialRecord, float]]:
    """Return the trials that reached an epoch with their objective after it; that of the last if none reached it."""
    at = min(epoch, max((len(trial.epochs) for trial in trials), default=0))
    return [
        (trial, record.report.metrics[objective.name].mean)
        for trial in trials
        for record in trial.epochs
        if record.report.epoch == at
    ]


def importances(trials: Sequence[TrialRecord], space: Space, objective: Metric, epoch: int) -> list[Importance]:
    """Estimate the importances of hyperparameters, most important first (Optuna's fANOVA, Hutter et al. 2014).

    All trials that reached an epoch are compared at that epoch, because full trials alone are few and all good. They
    are compared by rank, because a single diverging trial would otherwise dominate. A hyperparameter that does not
    matter in a trial counts at its default, as in the trial's spec.

    Args:
        trials: All trials of a search.
        space: The search's space.
        objective: The metric that was optimised.
        epoch: The epoch at which trials are compared; the last epoch of any trial if none reached it.

    Returns:
        One entry per hyperparameter that was searched and varied; empty with fewer than 10 trials.
    """
    scored = sorted(at_epoch(trials, objective, epoch), key=lambda pair: pair[1])
    scored = scored[:: math.ceil(len(scored) / _MOST) or 1]
    names = varied([trial for trial, _ in scored], space)
    if len(scored) < _ENOUGH or not names:
        return []
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    study = study_copy([(trial, float(rank)) for rank, (trial, _) in enumerate(scored)], space)
    evaluator = FanovaImportanceEvaluator(seed=integer_seed(0, "importance"))
    shares = get_param_importances(study, evaluator=evaluator, params=names)
    uses = Counter(name for trial, _ in scored for name in trial.values)
    ranked = [Importance(name, float(share), uses[name]) for name, share in shares.items()]
    return sorted(ranked, key=lambda importance: (-importance.share, importance.setting))


def better_values(
    scored: Sequence[tuple[TrialRecord, float]], name: str, space: Space, objective: Metric
) -> str | Value | None:
    """Return which values of a hyperparameter did better.

    Args:
        scored: Trials with the objective after the same epoch.
        name: The hyperparameter.
        space: The search's space.
        objective: The metric that was optimised.

    Returns:
        "smaller" or "larger" for a range, None if neither is clear; the value with the best mean rank otherwise.
    """
    import scipy.stats  # slow to import

    stats: Any = scipy.stats  # it is partly untyped
    values = [value_of(trial, name, space) for trial, _ in scored]
    ranks = stats.rankdata([objective.cost(value) for _, value in scored])
    if isinstance(space.domains[name], Range):
        correlation = float(stats.spearmanr(values, ranks)[0])
        return None if abs(correlation) < _CLEAR else "smaller" if correlation > 0 else "larger"
    of_value: dict[Value, list[float]] = {}
    for value, rank in zip(values, ranks, strict=True):
        of_value.setdefault(value, []).append(rank)
    return min(of_value, key=lambda value: fmean(of_value[value]))
