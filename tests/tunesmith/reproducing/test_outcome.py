"""Verdicts of experiments against values whose answers are known by hand or from scipy."""

import datetime as dt
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.stats

from models.experiments import Claim, Corpus, Experiment, Row
from models.family import EpochReport
from models.metrics import NATS_PER_NOTE, ONSET_CORRELATION, FoldValues
from search.spec.file import load
from search.spec.sections import Budget
from search.study.records import EpochRecord, SearchRecord, TrialRecord
from tunesmith.reproducing.difference import Difference
from tunesmith.reproducing.outcome import Outcome, outcome_of
from tunesmith.reproducing.page import page

stats: Any = scipy.stats  # it is partly untyped

CORPUS = Corpus("ten tunes", (9, 11), (90, 110))


def experiment(*claims: Claim, published: tuple[float | None, ...] = (3.0, 2.0, 4.0)) -> Experiment:
    rows = tuple(Row(name, {}, value) for name, value in zip(("base", "good", "bad"), published, strict=True))
    return Experiment("x/y", "", "", CORPUS, "oneills", "written", rows, "base", NATS_PER_NOTE, 2, 1.0, claims)


def trial(
    number: int, values: tuple[float, ...], state: Any = "COMPLETE", metric: str = NATS_PER_NOTE.name
) -> TrialRecord:
    now = dt.datetime(2026, 1, 1)  # noqa: DTZ001
    epochs = [
        EpochRecord(EpochReport(epoch, {metric: FoldValues(tuple(value + 2 - epoch for value in values))}, 1.0), 0)
        for epoch in (1, 2)
    ]
    return TrialRecord(number, state, {}, tuple(epochs), now, now, "")


def outcome(trials: list[TrialRecord], *claims: Claim, pieces: int = 10, **options: Any) -> Outcome:
    record = SearchRecord(load("composer"), tuple(trials), "", 0.0, "")
    return outcome_of(experiment(*claims, **options), record, pieces=pieces, notes=100)


FOLDS = ((3.1, 2.9, 3.0, 3.2), (2.0, 1.9, 2.1, 2.1), (3.2, 3.0, 2.9, 3.3))


def test_values_are_means_over_seeds_fold_by_fold() -> None:
    shifted = tuple(tuple(value + 0.2 for value in values) for values in FOLDS)
    found = outcome([trial(number, values) for number, values in enumerate((*FOLDS, *shifted))])
    for row, values in zip(found.rows, FOLDS, strict=True):
        assert len(row.trials) == 2
        mean = row.values(NATS_PER_NOTE)
        assert mean is not None
        assert mean.values == pytest.approx([value + 0.1 for value in values])
        first = row.values(NATS_PER_NOTE, 1)
        assert first is not None
        assert first.mean == pytest.approx(mean.mean + 1)


def test_intervals_equal_scipys_paired_t_test() -> None:
    found = outcome([trial(number, values) for number, values in enumerate(FOLDS)])
    difference = found.difference(found.row("good"), NATS_PER_NOTE)
    expected = stats.ttest_rel(FOLDS[1], FOLDS[0]).confidence_interval(0.95)
    assert difference is not None
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))
    assert difference.sign == -1
    assert found.difference(found.row("base"), NATS_PER_NOTE) is None


def test_a_single_fold_decides_nothing() -> None:
    difference = Difference.of(FoldValues((5.0,)), FoldValues((1.0,)))
    assert (difference.low, difference.high, difference.sign) == (-math.inf, math.inf, 0)


@pytest.mark.parametrize(
    ("pieces", "published", "expected"),
    [
        (10, (3.1, 2.0, 3.1), ["agrees", "agrees", "agrees"]),  # two standard errors are .13, .10, .18
        (10, (3.2, 2.2, 3.4), ["differs", "differs", "differs"]),
        (12, (3.2, 2.2, 3.4), ["unknown", "agrees", "undecided"]),  # another corpus: signs of differences from the base
        (12, (2.1, 2.2, 1.0), ["unknown", "differs", "undecided"]),
        (12, (2.1, None, 2.1), ["unknown", "unknown", "unknown"]),
    ],
)
def test_verdicts_compare_values_on_the_papers_corpus_and_signs_on_others(
    pieces: int, published: tuple[float | None, ...], expected: list[str]
) -> None:
    found = outcome([trial(number, values) for number, values in enumerate(FOLDS)], pieces=pieces, published=published)
    assert found.comparable == (pieces == 10)
    assert [found.verdict(row) for row in found.rows] == expected


def test_a_claim_compares_the_best_rows_of_its_groups() -> None:
    claims = (
        Claim("", ("good",), ("base",)),
        Claim("", ("base",), ("good",)),
        Claim("", ("base",), ("bad",)),
        Claim("", ("bad", "good"), ("base",)),
    )
    found = outcome([trial(number, values) for number, values in enumerate(FOLDS)], *claims).claims()
    assert [tested.verdict for tested in found] == ["holds", "does not hold", "undecided", "holds"]
    assert found[3].better is not None
    assert found[3].better.name == "good"


def test_a_claim_on_a_maximised_metric_has_the_right_direction() -> None:
    values = ((0.2, 0.3, 0.2, 0.3), (0.6, 0.6, 0.7, 0.7), (0.2, 0.2, 0.3, 0.2))
    trials = [trial(number, each, metric=ONSET_CORRELATION.name) for number, each in enumerate(values)]
    (tested,) = outcome(trials, Claim("", ("good",), ("base",), ONSET_CORRELATION)).claims()
    assert tested.verdict == "holds"


def test_rows_without_finished_trials_are_unknown() -> None:
    trials = [trial(0, FOLDS[0]), trial(1, FOLDS[1], "FAIL"), trial(2, FOLDS[2], "RUNNING")]
    found = outcome(trials, Claim("", ("good",), ("base",)))
    assert [len(row.trials) for row in found.rows] == [1, 0, 0]
    assert found.row("good").num_failed == 1
    assert found.verdict(found.row("good")) == "unknown"
    assert found.claims()[0].verdict == "unknown"
    assert found.rank_correlation() is None


def test_the_rank_correlation_is_kendalls() -> None:
    values = [np.mean(each) for each in FOLDS]
    found = outcome([trial(number, each) for number, each in enumerate(FOLDS)], published=(3.0, 2.0, 2.5))
    assert found.rank_correlation() == pytest.approx(stats.kendalltau((3.0, 2.0, 2.5), values).statistic)


def test_small_numbers_are_written_with_digits() -> None:
    values = [tuple(each / 1000 for each in fold) for fold in FOLDS]
    found = outcome([trial(number, each) for number, each in enumerate(values)], published=(0.0031, 0.002, 0.0032))
    text = page(found, "ten tunes", {})
    assert "| good | 0.0020 | 0.00202 ± 0.00005 |" in text
    assert "-0.00103 [-0.00118, -0.00087] | -0.0011 |" in text


def test_the_page_repeats_all_seeds_of_a_search_that_was_started_with_fewer_later() -> None:
    trials = [trial(number, values) for number, values in enumerate((*FOLDS, *FOLDS))]
    budget = Budget(trials=3, epochs=2)
    found = outcome(trials)
    record = replace(found.record, spec=found.record.spec.model_copy(update={"budget": budget}))
    assert "--seeds 2" in page(replace(found, record=record), "ten tunes", {})
