"""The best trials of a search, and the front of quality against cost."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import fmean

from models.metrics import FoldValues, Metric
from models.spec import Value
from search.study.records import TrialRecord
from search.study.states import StateName


@dataclass(frozen=True)
class CostedTrial:
    """A trial with the full budget, and its cost.

    Attributes:
        number: The trial's number.
        score: The objective on the folds.
        cost: Its cost.
        on_front: Whether no other trial is at least as good and as cheap, and better or cheaper.
    """

    number: int
    score: FoldValues
    cost: float
    on_front: bool


@dataclass(frozen=True)
class Configuration:
    """The hyperparameters of a trial with the full budget, with the results of all trials that have them.

    Attributes:
        trial: The trial that was first trained with them.
        repeats: The objective of the trials that confirmed it, each with another seed.
        score: The objective: on each fold, the mean over all these trials.
    """

    trial: TrialRecord
    repeats: tuple[FoldValues, ...]
    score: FoldValues

    @property
    def num_seeds(self) -> int:
        """Number of trials."""
        return 1 + len(self.repeats)


def configurations(trials: Sequence[TrialRecord], objective: Metric) -> list[Configuration]:
    """Return the hyperparameters that were trained to the full budget, best first; partial trials are not comparable.

    Args:
        trials: All trials of a search.
        objective: The metric that was optimised.

    Returns:
        One entry for each trial with the full budget that does not itself confirm another.
    """
    full = [(trial, score) for trial in trials if trial.state == "COMPLETE" and (score := trial.last(objective.name))]
    repeats: dict[int, list[FoldValues]] = {}
    for trial, score in full:
        if trial.confirms is not None:
            repeats.setdefault(trial.confirms, []).append(score)
    found = [
        Configuration(trial, others := tuple(repeats.get(trial.number, ())), _mean((score, *others)))
        for trial, score in full
        if trial.confirms is None
    ]
    return sorted(found, key=lambda each: (objective.cost(each.score.mean), each.trial.number))


def _mean(scores: Sequence[FoldValues]) -> FoldValues:
    return FoldValues(tuple(map(fmean, zip(*(score.values for score in scores), strict=True))))


def best_trials(trials: Sequence[TrialRecord], objective: Metric, count: int | None = None) -> list[TrialRecord]:
    """Return the trials with the best hyperparameters, best first, without those that confirm others."""
    return [each.trial for each in configurations(trials, objective)[:count]]


def improvement(winner: FoldValues, other: FoldValues, objective: Metric) -> FoldValues:
    """Return how much better a result is than another, on each fold; more is better for any objective."""
    return FoldValues(tuple(objective.cost(b - a) for a, b in zip(winner.values, other.values, strict=True)))


def optimism(found: Sequence[Configuration], objective: Metric) -> FoldValues | None:
    """Estimate how much better the results of the best trials look because they were chosen for them.

    A repeat with another seed was not chosen for its result, so the difference is an unbiased estimate.

    Args:
        found: The configurations of a search.
        objective: The metric that was optimised.

    Returns:
        For each confirmed configuration, how much better its first result was than the mean of its repeats; None if
        there is none.
    """
    differences: list[float] = []
    for each in found:
        first = each.trial.last(objective.name)
        if first is not None and each.repeats:
            differences.append(objective.cost(fmean(repeat.mean for repeat in each.repeats) - first.mean))
    return FoldValues(tuple(differences)) if differences else None


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Return which points no other point dominates: none is at least as good in both numbers and better in one.

    Args:
        points: Pairs of numbers, lower is better; of equal pairs, all are on the front or none is.

    Returns:
        The indices of the points on the front, by the first number ascending and so by the second descending.
    """
    front: list[int] = []
    least = math.inf
    for _, group in groupby(sorted(range(len(points)), key=points.__getitem__), key=lambda index: points[index][0]):
        same = list(group)
        lowest = points[same[0]][1]
        if lowest < least:
            front += [index for index in same if points[index][1] == lowest]
            least = lowest
    return front


def costed_trials(trials: Sequence[TrialRecord], objective: Metric, costs: Mapping[int, float]) -> list[CostedTrial]:
    """Compare the trials with the full budget by their objective and their cost.

    Args:
        trials: All trials of a search.
        objective: The metric that was optimised.
        costs: The cost of each trial with the full budget, by number.

    Returns:
        These trials, by cost ascending; of equally cheap ones, the best first.
    """
    scores = {each.trial.number: each.score for each in configurations(trials, objective)}
    full = [(costs[number], objective.cost(score.mean), number, score) for number, score in scores.items()]
    full.sort(key=lambda each: each[:3])
    front = set(pareto_front([each[:2] for each in full]))
    return [CostedTrial(number, score, cost, at in front) for at, (cost, _, number, score) in enumerate(full)]


def initial_trials(trials: Sequence[TrialRecord], points: Sequence[Mapping[str, Value]]) -> list[TrialRecord]:
    """Return the trials of the points that a search was given."""
    return [trial for trial in trials if any(point.items() <= trial.values.items() for point in points)]


def counts(trials: Sequence[TrialRecord]) -> Mapping[StateName, int]:
    """Count trials by state."""
    return Counter(trial.state for trial in trials)
