"""The rule of a promotion: which trial of a search is promoted, and whether it becomes the champion.

Symbols: P test pieces. All comparisons are paired, because scores vary more between folds and pieces than between
models.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import Action, BadInputError
from data_prep.randomness import stream
from data_prep.wording import counted
from models.metrics import FoldValues, Metric
from search.study.records import SearchRecord, TrialRecord
from search.study.report import configurations

_RESAMPLES = 10_000
_LEVEL = 0.95
"""The share of the resamples that the interval covers."""

_STATES = {"PRUNED": "was stopped early", "FAIL": "failed", "RUNNING": "is still running", "WAITING": "was interrupted"}


@dataclass(frozen=True)
class Candidate:
    """A completed trial, which can be promoted.

    Attributes:
        number: The trial's number.
        score: The objective on the folds.
        size: Number of parameters of one fold's model; None if it was not computed.
        loss: How much worse it is than the best candidate, fold by fold.
        ties: Whether the loss is within one standard error of the paired difference.
        num_seeds: Number of trials with its hyperparameters, each with another seed; the score is their mean.
    """

    number: int
    score: FoldValues
    size: int | None
    loss: FoldValues
    ties: bool
    num_seeds: int = 1


@dataclass(frozen=True)
class PieceScores:
    """The objective, or a difference of objectives, on pieces that a model never saw.

    Attributes:
        ids: [P] the pieces' names.
        values: [P] the objective.
        groups: [P] numbers; pieces of one composition have the same one.
    """

    ids: tuple[str, ...]
    values: tuple[float, ...]
    groups: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Mean over the pieces."""
        return statistics.fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Standard error of the mean, clustered by group: pieces of one composition are not independent."""
        sums, counts = _by_group(np.array(self.values) - self.mean, np.array(self.groups))
        n = len(counts)
        if n == 1:
            return float("nan")
        return float(np.sqrt(n / (n - 1) * np.square(sums).sum()) / counts.sum())


@dataclass(frozen=True)
class Comparison:
    """The new model against the champion on the same test pieces.

    Attributes:
        gain: How much better the new model's mean is, in the objective's unit.
        low: Lower end of the gain's 95 % interval.
        high: Upper end of the interval.
        num_pieces: Number of test pieces P.
        num_groups: Number of compositions among them; these are resampled.
    """

    gain: float
    low: float
    high: float
    num_pieces: int
    num_groups: int


Incomparable: TypeAlias = Literal["no champion", "other pieces"]
"""Why there is no comparison: there is no champion, or it was tested on other pieces."""


@dataclass(frozen=True)
class Decision:
    """Whether the alias moves.

    Attributes:
        moves: Whether the new model becomes the champion.
        why: The reason, in words.
    """

    moves: bool
    why: str


def candidates(record: SearchRecord, objective: Metric) -> list[Candidate]:
    """Return the trials with their full budget, best first, without sizes.

    Args:
        record: The search.
        objective: The metric that was optimised.

    Returns:
        At least one candidate.

    Raises:
        BadInputError: If there is none.
    """
    full = [(each.trial.number, each.score, each.num_seeds) for each in configurations(record.trials, objective)]
    if not full:
        raise BadInputError(
            "only a trial with its full budget can be promoted",
            f"{record.spec.name} has no such trial yet",
            remedy="resume the search without a time limit",
            action=Action("remove time limit", {"search": record.spec.name}),
        )
    best_number, best, _ = full[0]
    losses = [
        FoldValues(tuple(objective.cost(mine - its) for mine, its in zip(score.values, best.values, strict=True)))
        for _, score, _ in full
    ]
    return [
        Candidate(number, score, None, loss, loss.mean <= loss.standard_error or number == best_number, num_seeds)
        for (number, score, num_seeds), loss in zip(full, losses, strict=True)
    ]


def with_sizes(unsized: Sequence[Candidate], sizes: Mapping[int, int]) -> list[Candidate]:
    """Return the candidates with their sizes, by trial number."""
    return [replace(each, size=sizes.get(each.number)) for each in unsized]


def choose(sized: Sequence[Candidate]) -> Candidate:
    """Apply the one-standard-error rule (Breiman et al. 1984): choose the smallest candidate that ties with the best.

    Args:
        sized: Candidates, best first; those that tie have their sizes.

    Returns:
        The smallest candidate; the best of equally small ones.
    """
    tied = [each for each in sized if each.ties]
    assert all(each.size is not None for each in tied)
    return min(tied, key=lambda each: (each.size or 0, each.loss.mean))


def named(record: SearchRecord, full: Sequence[Candidate], number: int) -> Candidate:
    """Return the candidate that a user named.

    Args:
        record: The search.
        full: Its candidates, best first.
        number: The trial's number; a trial that confirms another stands for that one.

    Returns:
        The candidate.

    Raises:
        BadInputError: If there is no such trial, or it does not have its full budget.
    """
    trial, name = record.trial(number), record.spec.name
    for each in full:
        if each.number in (number, trial.confirms):
            return each
    epochs = f"{len(trial.epochs)} of {counted(record.spec.budget.epochs, 'epoch')}"
    raise BadInputError(
        "only a trial with its full budget can be promoted",
        f"{name}/{number} {_STATES.get(trial.state, trial.state)} after {epochs}",
        remedy=f"{name}/{full[0].number} is the best trial that has it",
    )


def best_epoch(trial: TrialRecord, objective: Metric) -> int:
    """Return the epoch to stop a refit at: the (high) median over the folds of each fold's best epoch."""
    by_epoch = [(each.report.epoch, each.report.metrics[objective.name].values) for each in trial.epochs_of_all]
    num_folds = len(by_epoch[0][1])
    best = [min(by_epoch, key=lambda pair: objective.cost(pair[1][fold]))[0] for fold in range(num_folds)]
    return statistics.median_high(best)


def selection_bias(full: Sequence[Candidate], chosen: Candidate, objective: Metric) -> float:
    """Estimate how optimistic the chosen trial's cross-validation is because it was chosen among many.

    Source: Tibshirani & Tibshirani (2009), "A bias correction for the minimum error rate in cross-validation",
    equation 4: the mean over the folds of what the chosen trial loses to the best trial on that fold.

    Args:
        full: All candidates.
        chosen: The chosen candidate.
        objective: The metric.

    Returns:
        At least 0, in the objective's unit; 0 with a single candidate.
    """
    table = np.array([[objective.cost(value) for value in each.score.values] for each in full])
    own = [objective.cost(value) for value in chosen.score.values]
    best: list[float] = table.min(axis=0).tolist()
    return statistics.fmean(mine - least for mine, least in zip(own, best, strict=True))


def compare(ours: PieceScores, champion: PieceScores, objective: Metric, seed: int) -> Comparison:
    """Estimate the new model's gain by a paired bootstrap over compositions (percentile interval, Efron 1979).

    Args:
        ours: The new model's scores.
        champion: The champion's scores on the same pieces.
        objective: The metric.
        seed: Seed of the resampling.

    Returns:
        The gain with its interval.

    Raises:
        BadInputError: If the two were not tested on the same pieces.
    """
    theirs = dict(zip(champion.ids, champion.values, strict=True))
    if theirs.keys() != set(ours.ids):
        shared = len(theirs.keys() & set(ours.ids))
        raise BadInputError(
            "a model and the champion are compared on the same test pieces",
            f"they share {shared} of {len(ours.ids)} and {len(theirs)}",
        )
    gains = np.array([objective.cost(theirs[name] - mine) for name, mine in zip(ours.ids, ours.values, strict=True)])
    sums, counts = _by_group(gains, np.array(ours.groups))
    drawn = stream(seed, "bootstrap of the test").integers(len(sums), size=(_RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Comparison(float(gains.mean()), float(low), float(high), len(gains), len(sums))


def decide(comparison: Comparison | Incomparable, *, force: bool, reason: str) -> Decision:
    """Decide whether the alias moves: only if the whole interval is above zero, or by force.

    Args:
        comparison: The comparison with the champion, or why there is none.
        force: Whether to move the alias regardless of the evidence.
        reason: The reason for ``force``, which is stored.

    Returns:
        The decision.

    Raises:
        BadInputError: If force is given without a reason, or a reason without force.
    """
    check_force(force=force, reason=reason)
    if comparison == "no champion":
        return Decision(True, "there was no champion")
    if isinstance(comparison, Comparison) and comparison.low > 0:
        return Decision(True, "it is better than the champion: the interval of its gain is above zero")
    if force:
        return Decision(True, f"by force: {reason.strip()}")
    if isinstance(comparison, str):
        return Decision(False, "the champion was tested on other pieces, so the two cannot be compared")
    if comparison.high < 0:
        return Decision(False, "it is worse than the champion: the interval of its gain is below zero")
    return Decision(False, "it may be no better than the champion: the interval of its gain includes zero")


def check_force(*, force: bool, reason: str) -> None:
    """Raise BadInputError for force without a reason, or a reason without force."""
    if force != bool(reason.strip()):
        raise BadInputError(
            "force needs a reason, which is stored with the version, and a reason is only for force",
            remedy="give both or neither",
            action=Action("promote by force"),
        )


def _by_group(values: NDArray[np.float64], groups: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the sum and the number of values in each group."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(number, values).astype(np.float64), np.bincount(number)
