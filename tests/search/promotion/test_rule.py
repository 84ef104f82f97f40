"""The rule of a promotion, tested with tables of examples."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import cast

import numpy as np
import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from data_prep.errors import Action, BadInputError
from models.family import EpochReport
from models.metrics import FoldValues, Metric
from search.promotion.rule import (
    Comparison,
    Incomparable,
    PieceScores,
    best_epoch,
    candidates,
    choose,
    compare,
    decide,
    named,
    selection_bias,
    with_sizes,
)
from search.promotion.sealed_test import SealedTest, loses_to
from search.spec.file import parse
from search.study.records import EpochRecord, SearchRecord, TrialRecord
from search.study.states import StateName
from tunesmith.commands.promote import how_many_tie

SPEC = parse(TOY_SEARCH, "toy", family=ToyFamily())
GAIN = Metric("loss", "points", "maximise", "as loss, but more is better")


def trial(number: int, *epochs: Sequence[float], state: StateName = "COMPLETE") -> TrialRecord:
    records = tuple(
        EpochRecord(EpochReport(epoch, {"loss": FoldValues(tuple(values))}, 0.1), epoch)
        for epoch, values in enumerate(epochs, start=1)
    )
    return TrialRecord(number, state, {}, records, datetime(2026, 1, 1), None, "")  # noqa: DTZ001  (Optuna's are naive)


def search(*trials: TrialRecord) -> SearchRecord:
    return SearchRecord(SPEC, trials, "none", 0.0, "id")


@pytest.mark.parametrize(
    ("scores", "sizes", "winner"),
    [
        ({0: (1.0, 2.0), 1: (1.1, 2.1)}, {0: 10, 1: 5}, 0),  # worse by .1 on every fold: no tie
        ({0: (1.0, 2.0), 1: (0.9, 2.2)}, {0: 10, 1: 5}, 1),  # worse by .05 +- .15: a tie, and smaller
        ({0: (1.0, 2.0), 1: (0.9, 2.2)}, {0: 5, 1: 10}, 0),  # a tie, but larger
        ({0: (1.0, 2.0), 1: (1.0, 2.0)}, {0: 5, 1: 5}, 0),  # the same: the first
        ({3: (1.0, 2.0)}, {3: 7}, 3),
        ({0: (1.0, 2.0, 3.0), 1: (1.1, 1.9, 3.02), 2: (0.8, 2.3, 3.05)}, {0: 9, 1: 8, 2: 7}, 2),
    ],
)
def test_the_smallest_candidate_that_ties_is_chosen(
    scores: dict[int, tuple[float, ...]], sizes: dict[int, int], winner: int
) -> None:
    full = with_sizes(candidates(search(*(trial(number, values) for number, values in scores.items())), LOSS), sizes)
    assert choose(full).number == winner


def test_candidates_of_a_metric_to_maximise_are_ordered_from_the_highest() -> None:
    record = search(trial(0, (1.0, 2.0)), trial(1, (1.5, 2.4)))
    assert [each.number for each in candidates(record, GAIN)] == [1, 0]
    assert candidates(record, GAIN)[1].loss.values == pytest.approx((0.5, 0.4))


@pytest.mark.parametrize(
    ("state", "words"), [("PRUNED", "was stopped early"), ("FAIL", "failed"), ("RUNNING", "is still running")]
)
def test_only_full_trials_are_candidates(state: StateName, words: str) -> None:
    record = search(trial(0, (1.0, 2.0)), trial(1, (0.1, 0.1), state=state))
    full = candidates(record, LOSS)
    assert [each.number for each in full] == [0]
    with pytest.raises(BadInputError, match=rf"toys/1 .*{words}.* after 1 of 9 epochs; toys/0 is the best"):
        named(record, full, 1)
    with pytest.raises(BadInputError, match="no trial of toys has the number 7"):
        named(record, full, 7)
    assert named(record, full, 0) is full[0]


def test_a_search_without_a_full_trial_has_no_candidate() -> None:
    with pytest.raises(BadInputError, match="toys has no such trial yet") as caught:
        candidates(search(trial(0, (1.0, 2.0), state="PRUNED")), LOSS)
    assert caught.value.action == Action("remove time limit", {"search": "toys"})


@pytest.mark.parametrize(
    ("epochs", "best"),
    [
        ([(3, 3, 3), (2, 2, 2), (1, 1, 1)], 3),
        ([(3, 1, 3), (2, 2, 1), (1, 3, 2)], 2),
        ([(1, 9), (2, 8), (3, 7), (4, 6)], 4),  # folds at 1 and 4: the later of the two middle ones
        ([(1, 1), (1, 1)], 1),  # equal: the earliest
    ],
)
def test_a_refit_stops_at_the_median_best_epoch(epochs: list[tuple[float, ...]], best: int) -> None:
    assert best_epoch(trial(0, *epochs), LOSS) == best


def test_selection_bias_is_the_mean_loss_to_the_best_trial_on_each_fold() -> None:
    full = candidates(search(trial(0, (1.0, 2.0)), trial(1, (0.8, 2.4)), trial(2, (3.0, 1.5))), LOSS)
    assert selection_bias(full, full[0], LOSS) == pytest.approx(((1.0 - 0.8) + (2.0 - 1.5)) / 2)
    assert selection_bias(full[:1], full[0], LOSS) == 0.0


def scores(values: Sequence[float], groups: Sequence[int] | None = None) -> PieceScores:
    ids = tuple(f"piece {number}" for number in range(len(values)))
    return PieceScores(ids, tuple(values), tuple(groups or range(len(values))))


def test_the_interval_agrees_with_all_resamples() -> None:
    """Compare with the enumeration of all 4^4 resamples of four pieces."""
    ours, champion = scores([1.0, 2.0, 1.5, 1.0]), scores([1.3, 2.1, 1.4, 1.9])
    gains = np.array([0.3, 0.1, -0.1, 0.9])
    means = [np.mean(gains[list(drawn)]) for drawn in itertools.product(range(4), repeat=4)]
    comparison = compare(ours, champion, LOSS, seed=1)
    assert comparison.gain == pytest.approx(gains.mean())
    assert (comparison.low, comparison.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.03)
    assert (comparison.num_pieces, comparison.num_groups) == (4, 4)
    assert compare(ours, champion, LOSS, seed=1) == comparison
    assert compare(ours, champion, GAIN, seed=1).gain == pytest.approx(-comparison.gain)


def test_performances_of_one_composition_are_resampled_together() -> None:
    """Ten copies of two pieces must have the interval of the two pieces."""
    ours, champion = scores([1.0, 2.0] * 10, [0, 1] * 10), scores([1.5, 2.1] * 10, [0, 1] * 10)
    comparison = compare(ours, champion, LOSS, seed=0)
    assert (comparison.low, comparison.high) == pytest.approx((0.1, 0.5))
    alone = compare(scores([1.0, 2.0] * 10), scores([1.5, 2.1] * 10), LOSS, seed=0)
    assert alone.high - alone.low < 0.3
    assert ours.standard_error > 2 * scores([1.0, 2.0] * 10).standard_error


def test_the_standard_error_over_single_pieces_is_the_usual_one() -> None:
    values = [1.0, 4.0, 2.5, 0.5, 3.0]
    assert scores(values).standard_error == pytest.approx(np.std(values, ddof=1) / np.sqrt(5))
    assert np.isnan(scores([1.0]).standard_error)


@pytest.mark.parametrize(
    ("scores", "text"),
    [
        ([(1.0, 2.0)], "1 trial with a full budget"),
        ([(1.0, 2.0), (1.1, 2.1)], "2 trials with a full budget, none ties with the best"),
        ([(1.0, 2.0), (0.9, 2.2), (3.0, 4.0)], "3 trials with a full budget, 2 of them tie"),
    ],
)
def test_how_many_tie_uses_singular_and_plural(scores: list[tuple[float, ...]], text: str) -> None:
    full = candidates(search(*(trial(number, values) for number, values in enumerate(scores))), LOSS)
    assert how_many_tie(full) == text


NGRAMS = {"uniform": 9.0, "trigram": 1.986}
TEST = SealedTest(0, 3, "f", "2026-01-02", PieceScores(("a", "b"), (2.0, 2.2), (0, 1)), {}, 9.0)


@pytest.mark.parametrize(
    ("baselines", "metric", "text"),
    [
        ({"uniform": 9.0, "trigram": 2.101}, LOSS, ""),
        (NGRAMS, LOSS, "1 simple model on the sealed test: 2.100 squares against trigram 1.986"),
        (NGRAMS, GAIN, "1 simple model on the sealed test: 2.100 points against uniform 9.000"),
        (
            {"bigram": 2.0, "trigram": 1.9, "odd": float("nan")},
            LOSS,
            "2 simple models on the sealed test: 2.100 squares against trigram 1.900, bigram 2.000",
        ),
    ],
)
def test_loses_to_lists_the_better_baselines(baselines: dict[str, float], metric: Metric, text: str) -> None:
    assert loses_to(replace(TEST, baselines=baselines), metric) == (text and f"loses to {text}")


def test_models_are_compared_only_on_the_same_pieces() -> None:
    with pytest.raises(BadInputError, match="share 2 of 2 and 3"):
        compare(scores([1.0, 2.0]), scores([1.0, 2.0, 3.0]), LOSS, seed=0)


BETTER, SAME, WORSE = (Comparison(gain, gain - 0.1, gain + 0.1, 9, 9) for gain in (0.2, 0.05, -0.2))


@pytest.mark.parametrize(
    ("comparison", "force", "moves", "words"),
    [
        ("no champion", False, True, "no champion"),
        (BETTER, False, True, "better than the champion"),
        (SAME, False, False, "may be no better"),
        (WORSE, False, False, "worse than"),
        ("other pieces", False, False, "other pieces"),
        (SAME, True, True, "by force: it sings"),
        (WORSE, True, True, "by force: it sings"),
        ("other pieces", True, True, "by force: it sings"),
        (BETTER, True, True, "better than the champion"),
    ],
)
def test_the_alias_moves_on_evidence_or_by_force(
    comparison: Comparison | str, force: bool, moves: bool, words: str
) -> None:
    decision = decide(cast("Comparison | Incomparable", comparison), force=force, reason="it sings" if force else "")
    assert decision.moves is moves
    assert words in decision.why


@pytest.mark.parametrize(("force", "reason"), [(True, ""), (True, "  "), (False, "why not")])
def test_force_and_reason_go_together(force: bool, reason: str) -> None:
    with pytest.raises(BadInputError, match="force needs a reason") as caught:
        decide(BETTER, force=force, reason=reason)
    assert caught.value.action == Action("promote by force")
