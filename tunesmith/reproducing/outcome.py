"""What a finished experiment found: its rows, the paper's numbers beside them, and its claims tested.

Symbols: G folds, S seeds. Values are averaged over the seeds of a row, fold by fold. All rows have the same folds, so
differences between rows are paired. Intervals are Student's t with G - 1 degrees of freedom.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import scipy.stats

from models.experiments import Claim, Experiment, Row
from models.metrics import FoldValues, Metric
from search.study.records import SearchRecord, TrialRecord
from tunesmith.reproducing.difference import Difference

_stats: Any = scipy.stats  # it is partly untyped

_AGREES = 2.0
"""Standard errors within which a value agrees with the paper's."""

Verdict: TypeAlias = Literal["agrees", "differs", "holds", "does not hold", "undecided", "unknown"]


@dataclass(frozen=True)
class RowOutcome:
    """The trials of one row.

    Attributes:
        row: The row.
        trials: Its finished trials, one for each seed.
        num_failed: Number of trials that failed.
    """

    row: Row
    trials: tuple[TrialRecord, ...]
    num_failed: int

    @property
    def seconds(self) -> float | None:
        """Mean training time of a trial; None without a finished one."""
        return math.fsum(trial.seconds for trial in self.trials) / len(self.trials) if self.trials else None

    def values(self, metric: Metric, epoch: int | None = None) -> FoldValues | None:
        """Average a metric over the seeds.

        Args:
            metric: The metric.
            epoch: The epoch; None for the last.

        Returns:
            The mean on each fold; None if no trial reported the metric.
        """
        reports = [
            trial.epochs[-1 if epoch is None else epoch - 1].report.metrics.get(metric.name) for trial in self.trials
        ]
        known = [report.values for report in reports if report is not None]
        if not known:
            return None
        return FoldValues(tuple(math.fsum(fold) / len(fold) for fold in zip(*known, strict=True)))


@dataclass(frozen=True)
class ClaimOutcome:
    """A tested claim.

    Attributes:
        claim: The claim.
        better: The best row of the group that is said to be better; None without results.
        worse: The best row of the other group.
        difference: Worse minus better, in the direction in which a positive value supports the claim.
        verdict: "holds", "does not hold", "undecided" if the interval contains zero, or "unknown".
    """

    claim: Claim
    better: Row | None
    worse: Row | None
    difference: Difference | None
    verdict: Verdict


@dataclass(frozen=True)
class Outcome:
    """The outcome of an experiment.

    Attributes:
        experiment: The experiment.
        record: Its search.
        rows: One for each row, in the experiment's order.
        comparable: Whether the corpus has the size of the paper's, so that values can be compared with the paper's.
    """

    experiment: Experiment
    record: SearchRecord
    rows: tuple[RowOutcome, ...]
    comparable: bool

    def row(self, name: str) -> RowOutcome:
        """Return the outcome of a row by its name."""
        return next(outcome for outcome in self.rows if outcome.row.name == name)

    def difference(self, outcome: RowOutcome, metric: Metric) -> Difference | None:
        """Return a row minus the base; None for the base itself and without results."""
        values, base = outcome.values(metric), self.row(self.experiment.base).values(metric)
        if values is None or base is None or outcome.row.name == self.experiment.base:
            return None
        return Difference.of(values, base)

    def published_difference(self, row: Row) -> float | None:
        """Return a row minus the base in the paper; None for the base itself, and if the paper has no value."""
        base = self.experiment.row(self.experiment.base)
        if row is base or row.published is None or base.published is None:
            return None
        return row.published - base.published

    def verdict(self, outcome: RowOutcome) -> Verdict:
        """Compare a row with the paper.

        Args:
            outcome: The row's outcome.

        Returns:
            On the paper's corpus, whether the value is within two standard errors of the paper's. On another, whether
            the difference from the base has the paper's sign ("undecided" if its interval contains zero, or with a
            single fold). "unknown" if there is nothing to compare.
        """
        row, values = outcome.row, outcome.values(self.experiment.metric)
        if row.published is None or values is None:
            return "unknown"
        if self.comparable and len(values.values) == 1:
            return "undecided"
        if self.comparable:
            return "agrees" if abs(values.mean - row.published) <= _AGREES * values.standard_error else "differs"
        difference, published = self.difference(outcome, self.experiment.metric), self.published_difference(row)
        if difference is None or not published:
            return "unknown"
        return "undecided" if difference.sign == 0 else "agrees" if difference.sign * published > 0 else "differs"

    def claims(self) -> list[ClaimOutcome]:
        """Test every claim."""
        return [self._test(claim) for claim in self.experiment.claims]

    def _test(self, claim: Claim) -> ClaimOutcome:
        metric = claim.metric or self.experiment.metric
        better, worse = self._best(claim.better, metric), self._best(claim.worse, metric)
        if better is None or worse is None:
            return ClaimOutcome(claim, None, None, None, "unknown")
        (winner, good), (loser, bad) = better, worse
        difference = Difference.of(
            FoldValues(tuple(map(metric.cost, bad.values))), FoldValues(tuple(map(metric.cost, good.values)))
        )
        verdicts: Mapping[int, Verdict] = {1: "holds", 0: "undecided", -1: "does not hold"}
        return ClaimOutcome(claim, winner, loser, difference, verdicts[difference.sign])

    def _best(self, names: Sequence[str], metric: Metric) -> tuple[Row, FoldValues] | None:
        scored = [(outcome.row, values) for name in names if (values := (outcome := self.row(name)).values(metric))]
        return min(scored, key=lambda pair: metric.cost(pair[1].mean), default=None)

    def rank_correlation(self) -> float | None:
        """Return Kendall's tau between the rows' values and the paper's; None with fewer than three."""
        pairs = [
            (outcome.row.published, values.mean)
            for outcome in self.rows
            if outcome.row.published is not None and (values := outcome.values(self.experiment.metric))
        ]
        if len(pairs) < 3:  # noqa: PLR2004  (two rows have no order to speak of)
            return None
        return float(_stats.kendalltau(*zip(*pairs, strict=True)).statistic)


def outcome_of(experiment: Experiment, record: SearchRecord, *, pieces: int, notes: int) -> Outcome:
    """Return the outcome of an experiment.

    Args:
        experiment: The experiment.
        record: Its search, which may have been interrupted.
        pieces: Pieces of the corpus, the test set included.
        notes: Its notes.

    Returns:
        The outcome.
    """
    count = len(experiment.rows)
    rows = [
        RowOutcome(
            row,
            tuple(trial for trial in record.trials if trial.number % count == index and trial.state == "COMPLETE"),
            sum(trial.state == "FAIL" for trial in record.trials if trial.number % count == index),
        )
        for index, row in enumerate(experiment.rows)
    ]
    return Outcome(experiment, record, tuple(rows), experiment.corpus.is_of_size(pieces, notes))
