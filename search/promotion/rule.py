"""The rule of who wins: which trial of a search is put forward, and whether it takes the champion's place.

Symbols: P test pieces. All comparisons are paired: levels differ between folds, and between pieces, by more than models
do.
"""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.randomness import stream
from data_prep.wording import counted
from models.metrics import FoldValues, Metric
from search.study.records import SearchRecord, TrialRecord

_RESAMPLES = 10_000
_LEVEL = 0.95
"""The interval's share of the resamples."""


@dataclass(frozen=True)
class Candidate:
    """A trial with its full budget.

    Attributes:
        number: Its number.
        score: The objective on the folds.
        size: Number of parameters of one fold's model; None where it was not asked for.
        loss: How much worse it is than the best candidate, fold by fold.
        ties: Whether that is within one standard error of the paired difference.
    """

    number: int
    score: FoldValues
    size: int | None
    loss: FoldValues
    ties: bool


@dataclass(frozen=True)
class TestScores:
    """The objective, or a difference of it, on each of some pieces that a model never saw.

    Attributes:
        ids: [P] the pieces' names.
        values: [P] the objective.
        groups: [P] numbers; pieces of one composition share theirs.
    """

    __test__ = False  # no test case, whatever pytest makes of the name

    ids: tuple[str, ...]
    values: tuple[float, ...]
    groups: tuple[int, ...]

    @property
    def mean(self) -> float:
        """Mean over the pieces."""
        return statistics.fmean(self.values)

    @property
    def standard_error(self) -> float:
        """Of the mean, over groups: pieces of one composition are not independent."""
        sums, counts = _by_group(np.array(self.values) - self.mean, np.array(self.groups))
        n = len(counts)
        if n < 2:  # noqa: PLR2004  (one group has no spread)
            return float("nan")
        return float(np.sqrt(n / (n - 1) * np.square(sums).sum()) / counts.sum())


@dataclass(frozen=True)
class Comparison:
    """The challenger against the champion on the same test pieces.

    Attributes:
        gain: How much better the challenger is in the mean, in the objective's unit.
        low: Lower end of the gain's 95 % interval.
        high: Its upper end.
        num_pieces: Number of test pieces P.
        num_groups: Number of compositions among them, which are what is resampled.
    """

    gain: float
    low: float
    high: float
    num_pieces: int
    num_groups: int


@dataclass(frozen=True)
class Decision:
    """What becomes of the alias.

    Attributes:
        moves: Whether the challenger becomes the champion.
        why: The reason, in words.
    """

    moves: bool
    why: str


def candidates(record: SearchRecord, objective: Metric) -> list[Candidate]:
    """Give the trials that came to their full budget, best first; sizes are not known yet.

    Args:
        record: The search.
        objective: The metric that was searched for.

    Returns:
        At least one candidate.

    Raises:
        BadInputError: If there is none.
    """
    full = [
        (trial.number, score)
        for trial in record.trials
        if trial.state == "COMPLETE" and (score := trial.last(objective.name)) is not None
    ]
    if not full:
        raise BadInputError(
            f"only a trial with its full budget can be promoted, and no trial of {record.spec.name} came to it yet: "
            f"tunesmith search {record.spec.name} --time none"
        )
    full.sort(key=lambda pair: (objective.cost(pair[1].mean), pair[0]))
    best = full[0][1]
    losses = [
        FoldValues(tuple(objective.cost(mine - its) for mine, its in zip(score.values, best.values, strict=True)))
        for _, score in full
    ]
    return [
        Candidate(number, score, None, loss, ties=loss.mean <= loss.standard_error or number == full[0][0])
        for (number, score), loss in zip(full, losses, strict=True)
    ]


def choose(found: Sequence[Candidate]) -> Candidate:
    """Apply the one-standard-error rule (Breiman et al. 1984): the smallest of those that tie with the best.

    Args:
        found: Candidates, best first; those that tie have their sizes.

    Returns:
        The smallest; of equally small ones the best.
    """
    tied = [one for one in found if one.ties]
    assert all(one.size is not None for one in tied)
    return min(tied, key=lambda one: (one.size or 0, one.loss.mean))


def named(record: SearchRecord, found: Sequence[Candidate], number: int) -> Candidate:
    """Find the candidate that a user asked for.

    Args:
        record: The search.
        found: Its candidates.
        number: The trial's number.

    Returns:
        The candidate.

    Raises:
        BadInputError: If there is no such trial, or it has not its full budget.
    """
    for one in found:
        if one.number == number:
            return one
    trial = record.trial(number)
    states = {"PRUNED": "was stopped early", "FAIL": "failed", "RUNNING": "still runs", "WAITING": "was interrupted"}
    raise BadInputError(
        f"only a trial with its full budget can be promoted: {record.spec.name}/{number} "
        f"{states.get(trial.state, trial.state)} after {len(trial.epochs)} of "
        f"{counted(record.spec.budget.epochs, 'epoch')}; {record.spec.name}/{found[0].number} is the best that has it"
    )


def best_epoch(trial: TrialRecord, objective: Metric) -> int:
    """Give the epoch to stop a refit at: the median over the folds of each fold's best epoch, the later of two."""
    by_epoch = [(one.report.epoch, one.report.metrics[objective.name].values) for one in trial.epochs]
    num_folds = len(by_epoch[0][1])
    best = [min(by_epoch, key=lambda pair: objective.cost(pair[1][fold]))[0] for fold in range(num_folds)]
    return statistics.median_high(best)


def selection_bias(found: Sequence[Candidate], chosen: Candidate, objective: Metric) -> float:
    """Estimate how optimistic the chosen trial's cross-validation is, for having been chosen among many.

    Source: Tibshirani & Tibshirani (2009), "A bias correction for the minimum error rate in cross-validation",
    equation 4: the mean over the folds of what the chosen one loses to the best of all on that fold.

    Args:
        found: All candidates.
        chosen: The one of them that was chosen.
        objective: The metric.

    Returns:
        At least 0, in the objective's unit; 0 with a single candidate.
    """
    table = np.array([[objective.cost(value) for value in one.score.values] for one in found])
    own = [objective.cost(value) for value in chosen.score.values]
    best: list[float] = table.min(axis=0).tolist()
    return statistics.fmean(mine - least for mine, least in zip(own, best, strict=True))


def compare(challenger: TestScores, champion: TestScores, objective: Metric, seed: int) -> Comparison:
    """Estimate the challenger's gain by a paired bootstrap over compositions (percentile interval, Efron 1979).

    Args:
        challenger: Its scores.
        champion: The other's, on the same pieces.
        objective: The metric.
        seed: Of the resampling.

    Returns:
        The gain with its interval.

    Raises:
        BadInputError: If the two were not tested on the same pieces.
    """
    theirs = dict(zip(champion.ids, champion.values, strict=True))
    if theirs.keys() != set(challenger.ids):
        raise BadInputError(
            f"a challenger and a champion are compared on the same test pieces: they share "
            f"{len(theirs.keys() & set(challenger.ids))} of {len(challenger.ids)} and {len(theirs)}"
        )
    gains = np.array(
        [objective.cost(theirs[name] - mine) for name, mine in zip(challenger.ids, challenger.values, strict=True)]
    )
    sums, counts = _by_group(gains, np.array(challenger.groups))
    drawn = stream(seed, "bootstrap of the test").integers(len(sums), size=(_RESAMPLES, len(sums)))
    means = sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - _LEVEL) / 2, (1 + _LEVEL) / 2])
    return Comparison(float(gains.mean()), float(low), float(high), len(gains), len(sums))


Incomparable: TypeAlias = Literal["no champion", "other pieces"]
"""Why there is no comparison: there is no champion, or it was tested on other pieces."""


def decide(comparison: Comparison | Incomparable, *, force: bool, reason: str) -> Decision:
    """Decide whether the alias moves: only where the interval excludes no gain, or by force.

    Args:
        comparison: Against the champion, or why there is none.
        force: Whether to move it whatever the evidence.
        reason: Why, with ``force``; it is stored.

    Returns:
        The decision.

    Raises:
        BadInputError: If force has no reason, or a reason comes without force.
    """
    check_force(force=force, reason=reason)
    if comparison == "no champion":
        return Decision(True, "there was no champion")
    if isinstance(comparison, Comparison) and comparison.low > 0:
        return Decision(True, "it is better than the champion: the interval of its gain excludes none")
    if force:
        return Decision(True, f"by force: {reason.strip()}")
    if isinstance(comparison, str):
        return Decision(False, "the champion was tested on other pieces, so nothing says that this one is better")
    if comparison.high < 0:
        return Decision(False, "it is worse than the champion")
    return Decision(False, "it may be no better than the champion: the interval of its gain includes none")


def check_force(*, force: bool, reason: str) -> None:
    """Refuse force without a reason, and a reason without force."""
    if force != bool(reason.strip()):
        raise BadInputError("--force and --reason go together: the reason is stored with the version")


def _by_group(values: NDArray[np.float64], groups: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Sum values and count them within each group."""
    _, number = np.unique(groups, return_inverse=True)
    return np.bincount(number, values).astype(np.float64), np.bincount(number)


def with_sizes(found: Sequence[Candidate], sizes: Mapping[int, int]) -> list[Candidate]:
    """Fill in sizes by trial number."""
    return [Candidate(one.number, one.score, sizes.get(one.number), one.loss, one.ties) for one in found]
