"""Scores of predicted velocities compared with loops over pieces, cells and folds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.encodings.piano_grid import encode, quantise, velocities
from data_prep.encodings.views import GridSizes
from data_prep.performances.arrays import Performances
from data_prep.randomness import stream
from models.metrics import (
    MSE_ALL,
    ONSET_CORRELATION,
    ONSET_MAE,
    ONSET_MAE_LEVEL_REMOVED,
    ONSET_MSE,
    ONSET_SPREAD,
    VELOCITY_METRICS,
    of_style,
)
from models.stylenet.velocity_scores import piece_scores
from tests.models.toy_performances import STYLES, Toy, performances_of, random_performances

DATA = random_performances()


def guesses(data: Performances) -> NDArray[np.float64]:
    """Return random predictions, some outside 1..127."""
    return stream(0, "toy predictions").uniform(-20, 150, data.num_notes)


def scored(data: Performances, predicted: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    return dict(piece_scores(data, predicted, GridSizes.of(data)).values)


def naive(played: list[int], predicted: list[float]) -> dict[str, float]:
    """Score one piece note by note."""
    guess = [min(127.0, max(1.0, value)) for value in predicted]
    mean, mean_guess = sum(played) / len(played), sum(guess) / len(guess)
    pairs = list(zip(played, guess, strict=True))
    actual = {
        ONSET_MAE.name: np.mean([abs(true - value) for true, value in pairs]),
        ONSET_MSE.name: np.mean([(true - value) ** 2 for true, value in pairs]),
        ONSET_MAE_LEVEL_REMOVED.name: np.mean([abs((true - mean) - (value - mean_guess)) for true, value in pairs]),
        ONSET_CORRELATION.name: np.corrcoef(played, guess)[0, 1],
        ONSET_SPREAD.name: np.std(guess) / np.std(played),
    }
    return {name: float(value) for name, value in actual.items()}


def test_scores_of_pieces_equal_naive_loops() -> None:
    predicted = guesses(DATA)
    actual = scored(DATA, predicted)
    assert set(actual) == {metric.name for metric in VELOCITY_METRICS}
    for piece in range(DATA.num_pieces):
        part = slice(int(DATA.start[piece]), int(DATA.start[piece + 1]))
        expected = naive(DATA.velocity[part].tolist(), predicted[part].tolist())
        assert {name: actual[name][piece] for name in expected} == pytest.approx(expected)


NOTES: Any = st.lists(
    st.tuples(
        st.integers(0, 40).map(lambda step: step / 4),
        st.integers(1, 60).map(lambda tick: tick / 32),
        st.sampled_from([20, 21, 60, 61, 108, 109]),
        st.integers(1, 127),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda note: (note[0], note[2]),
)
"""At most one note per cell, with keys that are struck again while they sound, and pitches outside the piano's keys."""


@settings(max_examples=40)
@given(st.lists(NOTES, min_size=1, max_size=3))
def test_the_error_over_all_cells_equals_that_of_the_grids(pieces: list[Any]) -> None:
    data = performances_of([Toy(notes) for notes in pieces])
    predicted = np.clip(guesses(data), 1, 127)
    actual = scored(data, predicted)[MSE_ALL.name]
    for piece in range(data.num_pieces):
        part = slice(int(data.start[piece]), int(data.start[piece + 1]))
        onset, duration, pitch = data.onset[part], data.duration[part], data.pitch[part]
        notes, _ = quantise(onset, duration, pitch, data.velocity[part])
        guess, _ = quantise(onset, duration, pitch, predicted[part])
        steps = max(1, notes.num_steps)
        assert np.array_equal(encode(notes, steps), encode(guess, steps))
        error = velocities(notes, steps).astype(np.float64) - velocities(guess, steps)
        assert actual[piece] == pytest.approx(np.mean(error**2), rel=1e-5, abs=1e-12)


def test_a_given_error_over_all_cells_is_used() -> None:
    given_error = stream(0, "toy errors").random(DATA.num_pieces)
    actual = piece_scores(DATA, guesses(DATA), GridSizes.of(DATA), given_error)
    assert np.array_equal(actual.values[MSE_ALL.name], given_error)


def test_scores_of_a_perfect_and_a_constant_prediction() -> None:
    perfect, constant = scored(DATA, DATA.velocity.astype(np.float64)), scored(DATA, np.full(DATA.num_notes, 64.3))
    for name in (ONSET_MAE.name, ONSET_MSE.name, ONSET_MAE_LEVEL_REMOVED.name, MSE_ALL.name):
        assert not perfect[name].any()
    for name in (ONSET_CORRELATION.name, ONSET_SPREAD.name):
        assert perfect[name] == pytest.approx(np.ones(DATA.num_pieces))
        assert constant[name] == pytest.approx(np.zeros(DATA.num_pieces), abs=1e-9)
    level_removed = [
        np.abs(DATA.velocity[begin:end] - DATA.velocity[begin:end].mean()).mean()
        for begin, end in zip(DATA.start[:-1], DATA.start[1:], strict=True)
    ]
    assert constant[ONSET_MAE_LEVEL_REMOVED.name] == pytest.approx(level_removed)


def test_a_wrong_level_changes_only_the_raw_error() -> None:
    calm = performances_of([Toy([(beat, 1.0, 60, 40 + beat) for beat in range(20)])])
    actual = scored(calm, calm.velocity.astype(np.float64) + 11.0)
    assert actual[ONSET_MAE.name] == pytest.approx([11.0])
    assert actual[ONSET_MSE.name] == pytest.approx([121.0])
    assert actual[ONSET_MAE_LEVEL_REMOVED.name] == pytest.approx([0.0], abs=1e-9)
    assert actual[ONSET_CORRELATION.name] == pytest.approx([1.0])
    assert actual[ONSET_SPREAD.name] == pytest.approx([1.0])


def test_pieces_without_a_spread_have_neither_correlation_nor_ratio() -> None:
    even = [(beat / 2, 0.5, 60, 70) for beat in range(6)]
    data = performances_of([Toy(even[:1]), Toy(even), Toy(even)])
    predicted = np.array([50.0, *[60.0] * 6, *range(60, 66)])
    actual = scored(data, predicted)
    assert actual[ONSET_MAE.name] == pytest.approx([20, 10, 7.5])
    assert actual[ONSET_MAE_LEVEL_REMOVED.name] == pytest.approx([0, 0, 1.5])
    assert actual[ONSET_CORRELATION.name].tolist() == [0, 0, 0]
    assert actual[ONSET_SPREAD.name].tolist() == [0, 0, 0]


def test_a_folds_score_is_the_mean_over_all_its_performances_and_over_those_of_each_style() -> None:
    predicted = guesses(DATA)
    scores = piece_scores(DATA, predicted, GridSizes.of(DATA))
    actual = scores.over_folds(DATA)
    assert set(actual) == {
        *(metric.name for metric in VELOCITY_METRICS),
        *(of_style(metric, style) for metric in VELOCITY_METRICS for style in STYLES),
    }
    for metric in VELOCITY_METRICS:
        values = scores.values[metric.name]
        for fold in range(4):
            held = [piece for piece in range(DATA.num_pieces) if DATA.fold[piece] == fold]
            assert actual[metric.name].values[fold] == pytest.approx(np.mean([values[piece] for piece in held]))
            for number, style in enumerate(STYLES):
                own = [values[piece] for piece in held if DATA.style[piece] == number]
                assert actual[of_style(metric, style)].values[fold] == pytest.approx(np.mean(own))


def test_performances_in_no_fold_do_not_count() -> None:
    toys = [Toy([(0, 1, 60, 50), (1, 1, 62, 60)], fold, style) for fold in (0, 1, 2, 3) for style in (0, 1)]
    data = performances_of([*toys, Toy([(0, 1, 60, 99)], -1)])
    predicted = np.append(np.full(16, 55.0), np.nan)
    actual = piece_scores(data, predicted, GridSizes.of(data)).over_folds(data)
    assert actual[ONSET_MAE.name].values == (5.0,) * 4
    assert all(values.is_finite for values in actual.values())
