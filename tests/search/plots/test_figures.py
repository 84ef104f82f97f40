"""The figures of a search, against what its trials say."""

import math
from collections import Counter
from itertools import pairwise

import pytest

from models.families import FAMILIES
from search.plots import figures
from search.plots.importances import at_epoch, better_values, importances
from search.study.report import configurations
from tests.search.plots.trained import search_record

COMPOSER = FAMILIES["composer"]
OBJECTIVE = COMPOSER.metrics[0]
RECORD = search_record(60)
TRIALS, SPACE = RECORD.trials, RECORD.spec.space


def test_the_line_of_the_progress_is_the_best_full_trial_so_far() -> None:
    figure = figures.history(TRIALS, OBJECTIVE)
    line = figure.data[-1]
    full = sorted((trial for trial in TRIALS if trial.state == "COMPLETE"), key=lambda trial: trial.epochs[-1].at)
    for place, value in enumerate(line.y):
        best = min(trial.epochs[-1].report.metrics[OBJECTIVE.name].mean for trial in full[: place + 1])
        assert value == pytest.approx(best, abs=1e-5)
    assert len(line.y) == len(full)
    assert Counter({"stopped early": 48, "done": 12}) == Counter({t.name: len(t.x) for t in figure.data[:2]})


def test_trials_of_a_slot_do_not_overlap_and_all_slots_are_used() -> None:
    figure, share = figures.timeline(TRIALS)
    bars = sorted(
        (slot, begin, begin + length)
        for trace in figure.data
        for slot, begin, length in zip(trace.y, trace.base, trace.x, strict=True)
    )
    assert {slot for slot, _, _ in bars} == {1, 2}
    assert len(bars) == len(TRIALS)
    for (slot, _, end), (other, begin, _) in pairwise(bars):
        assert slot != other or begin > end - 0.01
    assert share == pytest.approx(1.0, abs=0.05)


def test_at_a_rung_each_trial_went_on_or_stopped() -> None:
    figure = figures.rungs(TRIALS, OBJECTIVE, (1, 4), 8)
    went_on, stopped = (Counter[str](trace.x) for trace in figure.data)
    assert went_on == {"epoch 1 of 8": 12, "epoch 4 of 8": 12}
    assert stopped == {"epoch 1 of 8": 48}


def test_the_best_curves_are_those_of_the_best_trials() -> None:
    figure = figures.curves(TRIALS, OBJECTIVE, "train_loss")
    best = [f"#{each.trial.number}" for each in configurations(TRIALS, OBJECTIVE)[:5]]
    assert [trace.name for trace in figure.data if trace.name in best] == best
    bands = [trace for trace in figure.data if trace.fill == "toself"]
    assert len(bands) == 1
    best_trial = configurations(TRIALS, OBJECTIVE)[0].trial
    folds = best_trial.epochs[-1].report.metrics[OBJECTIVE.name].values
    assert max(folds) == pytest.approx(bands[0].y[7], abs=1e-5)
    assert min(folds) == pytest.approx(bands[0].y[8], abs=1e-5)


def test_slices_and_parallel_coordinates_have_the_trials_values() -> None:
    slices = figures.slices(TRIALS, SPACE, OBJECTIVE, 1, ["size", "cell"])
    assert sorted(slices.data[1].x) == sorted(trial.values["size"] for trial in TRIALS)
    lines = figures.parallel_coordinates(TRIALS, SPACE, OBJECTIVE).data[0]
    assert len(lines.dimensions[0]["values"]) == 12


def test_the_direction_of_a_setting_is_that_of_the_results() -> None:
    scored = at_epoch(TRIALS, OBJECTIVE, 1)
    assert better_values(scored, "size", SPACE, OBJECTIVE) == "larger"
    assert better_values(scored, "cell", SPACE, OBJECTIVE) in {"lstm", "gru", "peephole", "rnn"}


def test_importances_of_many_trials_are_those_of_an_even_share_of_them() -> None:
    shares = importances(search_record(700).trials, SPACE, OBJECTIVE, 1)
    assert shares[0].setting == "size"
    assert math.isclose(sum(each.share for each in shares), 1.0)


def test_there_is_no_picture_of_seeds_without_repeats() -> None:
    assert figures.seeds(configurations(TRIALS, OBJECTIVE), OBJECTIVE) is None
