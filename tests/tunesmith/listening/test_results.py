"""Simulated listeners of known skill are recovered, and published counts are read right."""

from pathlib import Path
from typing import Any

import pytest

from data_prep.errors import BadInputError
from data_prep.randomness import stream
from tests.tunesmith.listening.answering import Answering, find_human, lines_of, write_answers
from tests.tunesmith.listening.paper import paper_test
from tunesmith.listening.answers import read
from tunesmith.listening.design import Kind
from tunesmith.listening.examples import example
from tunesmith.listening.pictures import draw
from tunesmith.listening.report import as_data
from tunesmith.listening.results import UNDECIDED, Results, score


def _scored(kind: Kind, answer: Answering, folder: Path, *, listeners: int, passages: int = 10) -> Results:
    test, key = paper_test(kind, passages, ("human", "model", "flat"))
    lines = [line for number in range(listeners) for line in lines_of(test, key, number, answer)]
    return score(test, key, read(test, folder, [write_answers(folder / "sent.jsonl", lines)]))


def test_listeners_who_find_the_human_with_known_probabilities_are_recovered(tmp_path: Path) -> None:
    random = stream(1, "listeners with known skill")
    skill = {"model": (0.4, 0.3), "flat": (0.8, 0.1)}  # found, other chosen; else cannot tell

    def answer(conditions: list[str], _: int) -> Any:
        human = conditions.index("human")
        found, other = skill[conditions[1 - human]]
        draw = random.random()
        return human if draw < found else 1 - human if draw < found + other else "cannot tell"

    results = _scored("pair", answer, tmp_path, listeners=60)
    for comparison, (found, other) in zip(results.comparisons, skill.values(), strict=True):
        shares = (found, other, 1 - found - other)
        for (low, high), share in zip(comparison.intervals.values(), shares, strict=True):
            assert low < 100 * share < high
        true = 100 * found + 50 * shares[2]
        assert comparison.estimate.low < true < comparison.estimate.high
        assert sum(comparison.counts.values()) == comparison.estimate.count == 300
    model, flat = results.comparisons
    assert (model.name, model.listeners, model.items) == ("human and model", 60, 10)
    assert model.d_prime is not None
    assert flat.d_prime is not None
    assert flat.d_prime[1] > model.d_prime[2], "flat performances are found more easily"
    assert flat.verdict == "told apart: the human is found more often than by chance"
    assert not flat.equivalence.shown


def test_listeners_who_guess_show_equivalence_only_with_enough_judgements(tmp_path: Path) -> None:
    random = stream(2, "guesses")

    def guess(*_: Any) -> int:
        return int(random.integers(2))

    few, many = (_scored("pair", guess, tmp_path, listeners=count, passages=20) for count in (6, 90))
    assert [comparison.verdict for comparison in few.comparisons] == [UNDECIDED] * 2
    assert [comparison.verdict for comparison in many.comparisons] == ["equivalent within 10 points"] * 2
    assert few.comparisons[0].estimate.effective < few.plan.judgements < many.comparisons[0].estimate.effective


def test_ratings_of_known_means_are_recovered(tmp_path: Path) -> None:
    random = stream(3, "ratings of known means")
    means = {"human": 70.0, "model": 60.0, "flat": 30.0}

    def rate(conditions: list[str], _: int) -> list[int]:
        taste = random.normal(0, 8)
        return [round(min(max(means[each] + taste + random.normal(0, 10), 0), 100)) for each in conditions]

    results = _scored("ratings", rate, tmp_path, listeners=30)
    for condition, estimate in results.means.items():
        assert estimate.low < means[condition] < estimate.high
    model, flat = results.comparisons
    assert model.estimate.low < 10 < model.estimate.high
    assert flat.estimate.low < 40 < flat.estimate.high
    assert flat.verdict == "different: the first is rated higher"
    assert sum(model.counts.values()) == 300
    assert model.counts["rated higher"] > model.counts["rated lower"] > 0


def test_ratings_that_are_equal_are_equivalent(tmp_path: Path) -> None:
    results = _scored("ratings", lambda conditions, _: [50] * len(conditions), tmp_path, listeners=3)
    assert {comparison.verdict for comparison in results.comparisons} == {"equivalent within 10 points"}
    assert results.comparisons[0].counts == {"rated higher": 0, "rated lower": 0, "rated equal": 30}


def test_every_item_is_listed_with_its_counts(tmp_path: Path) -> None:
    results = _scored("pair", find_human, tmp_path, listeners=8, passages=4)
    assert len(results.items) == 8
    assert sum(sum(row.counts.values()) for row in results.items) == 32
    assert {row.mean for row in results.items} == {100.0}
    assert as_data(results)["comparisons"][0]["estimate"]["mean"] == 100


@pytest.mark.parametrize(("listeners", "got"), [(0, "0 answers of 0 listeners"), (1, "of 1 listener to")])
def test_too_few_answers_are_refused_with_the_number_needed(listeners: int, got: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="at least 2 listeners to at least 2 items") as error:
        _scored("pair", find_human, tmp_path, listeners=listeners)
    assert got in str(error.value)
    assert "215 are planned for each comparison" in str(error.value)


def test_the_published_counts_of_s2_show_no_indistinguishability() -> None:
    source, results = example("s2")
    clips, *final = results.comparisons
    assert "Malik" in source
    assert clips.intervals["human found"] == pytest.approx((48.4, 57.8), abs=0.1)
    assert [sum(comparison.counts.values()) for comparison in results.comparisons] == [450, 99, 99, 99]
    assert {comparison.counts["human found"] for comparison in final} == {46}
    assert not any(comparison.equivalence.shown for comparison in final)
    wrong, half, cannot = final
    assert wrong.verdict == UNDECIDED
    assert cannot.chosen == pytest.approx((100, 92.3, 100), abs=0.1)
    assert half.verdict == cannot.verdict == "told apart: the human is found more often than by chance"


def test_results_are_drawn(tmp_path: Path) -> None:
    _, s2 = example("s2")
    ratings = _scored("ratings", lambda _, place: [place, 50, 60], tmp_path, listeners=3)
    for results, panels in ((s2, 2), (ratings, 3)):
        assert len(draw(results).axes) == panels
