"""Simple predictors compared with naive fits; equal weights of compositions; no influence of held-out velocities."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes, NoteView
from data_prep.performances.arrays import Performances
from data_prep.randomness import stream
from models.metrics import ONSET_CORRELATION, ONSET_MAE
from models.stylenet import baselines as velocity_baselines
from models.stylenet.baselines import Fit, boosting, by_pitch, constant, cross_validate, ridge
from models.stylenet.velocity_scores import piece_scores
from tests.models import toy_performances
from tests.models.toy_performances import Toy, performances_of, random_performances

DATA = random_performances()

PREDICTORS: dict[str, Callable[[Fit], NDArray[np.float64]]] = {
    "constant": constant,
    "by pitch": by_pitch,
    "ridge": ridge,
    "boosting": boosting,
}


def predicted(name: str, data: Performances = DATA) -> NDArray[np.float64]:
    return cross_validate(data, PREDICTORS[name], NoteView.of(data, "local"))


def learnt_from(data: Performances, fold: int, style: int) -> NDArray[np.int64]:
    """Return the training notes of a fold and style."""
    piece = data.piece_of_note
    return np.flatnonzero((data.fold[piece] != fold) & (data.fold[piece] >= 0) & (data.style[piece] == style))


def weights(data: Performances, notes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return for each note one over the number of training performances of its composition."""
    pieces = set(data.piece_of_note[notes].tolist())
    actual = [
        1 / sum(data.composition[piece] == data.composition[data.piece_of_note[note]] for piece in pieces)
        for note in notes
    ]
    return np.array(actual)


def every_fit(data: Performances) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the training notes and the notes to predict for every fold and style."""
    piece = data.piece_of_note
    return [
        (learnt_from(data, fold, style), np.flatnonzero((data.fold[piece] == fold) & (data.style[piece] == style)))
        for fold in range(4)
        for style in range(2)
    ]


def test_each_style_has_its_weighted_median() -> None:
    actual = predicted("constant")
    for learnt, asked in every_fit(DATA):
        weight, velocity = weights(DATA, learnt), DATA.velocity[learnt].astype(np.float64)
        # the median minimises the sum of distances
        cost = [(weight * np.abs(velocity - guess)).sum() for guess in range(1, 128)]
        (guess,) = set(actual[asked].tolist())
        assert (weight * np.abs(velocity - guess)).sum() == pytest.approx(min(cost))


def test_each_pitch_has_its_weighted_mean() -> None:
    actual = predicted("by pitch")
    unseen = 0
    for learnt, asked in every_fit(DATA):
        weight, velocity = weights(DATA, learnt), DATA.velocity[learnt]
        for note in asked:
            same = DATA.pitch[learnt] == DATA.pitch[note]
            unseen += not same.any()
            of = same if same.any() else np.ones_like(same)
            assert actual[note] == pytest.approx((weight * velocity)[of].sum() / weight[of].sum())
    assert unseen


def test_ridge_regression_solves_the_penalised_least_squares() -> None:
    actual = predicted("ridge")
    view = NoteView.of(DATA, "local")
    features = view.features[view.row].astype(np.float64)
    for learnt, asked in every_fit(DATA):
        mean, deviation = features[learnt].mean(axis=0), features[learnt].std(axis=0)
        scaled = (features - mean) / np.where(deviation > 1e-6, deviation, 1)
        weight = np.sqrt(weights(DATA, learnt))[:, None]
        with_one = np.column_stack([scaled, np.ones(len(scaled))])
        penalty = np.sqrt(100.0) * np.eye(with_one.shape[1])[:-1]  # none on the constant
        rows = np.vstack([weight * with_one[learnt], penalty])
        wanted = np.append(weight[:, 0] * DATA.velocity[learnt], np.zeros(len(penalty)))
        solution = np.linalg.lstsq(rows, wanted, rcond=None)[0]
        assert actual[asked] == pytest.approx(with_one[asked] @ solution, abs=0.02)


@pytest.mark.parametrize("name", ["constant", "by pitch", "ridge"])
def test_the_weight_of_a_composition_does_not_depend_on_its_number_of_performances(name: str) -> None:
    random = stream(0, "toy compositions")
    once: list[Toy] = []
    for number in range(16):
        notes = [(beat / 2, 0.5, int(random.integers(60, 66)), int(random.integers(30, 90))) for beat in range(12)]
        once.append(Toy(notes, number % 4, number // 4 % 2, number))
    again = [toy for toy in once for _ in range(3 if toy.composition in {1, 2, 5, 6} else 1)]
    single, repeated = performances_of(once), performances_of(again)
    first = np.searchsorted(repeated.composition, np.arange(16))
    begin, end = repeated.start[first].tolist(), repeated.start[first + 1].tolist()
    notes = np.concatenate([np.arange(*bounds, dtype=np.int64) for bounds in zip(begin, end, strict=True)])
    if name == "ridge":  # the standardisation is not weighted
        assert predicted(name, repeated)[notes] == pytest.approx(predicted(name, single), abs=1.0)
    else:
        assert predicted(name, repeated)[notes] == pytest.approx(predicted(name, single))


@pytest.mark.parametrize("name", PREDICTORS)
def test_held_out_velocities_do_not_affect_predictions(name: str) -> None:
    held = DATA.fold[DATA.piece_of_note] == 1
    other = replace(DATA, velocity=np.where(held, 128 - DATA.velocity, DATA.velocity).astype(np.int16))
    before, after = predicted(name), predicted(name, other)
    assert np.array_equal(before[held], after[held])
    assert not np.array_equal(before[~held], after[~held])
    assert np.isfinite(before).all()


def test_performances_in_no_fold_are_not_used_in_training_and_not_predicted() -> None:
    sealed = replace(DATA, fold=np.where(np.arange(DATA.num_pieces) == 5, -1, DATA.fold).astype(np.int8))
    changed = DATA.piece_of_note == 5
    other = replace(sealed, velocity=np.where(changed, 1, DATA.velocity).astype(np.int16))
    for name in ("constant", "by pitch", "ridge"):
        before, after = predicted(name, sealed), predicted(name, other)
        assert np.array_equal(np.isnan(before), changed)
        assert np.array_equal(before[~changed], after[~changed])


def test_boosting_learns_a_nonlinear_rule() -> None:
    def loud_in_the_middle(pitch: NDArray[np.int64], random: np.random.Generator) -> NDArray[np.int64]:
        return np.where(np.abs(pitch - 64) < 12, 90, 50) + random.integers(-2, 3, len(pitch))

    data = random_performances(rule=loud_in_the_middle, size=(40, 60))
    sizes = GridSizes.of(data)
    error = {
        name: piece_scores(data, predicted(name, data), sizes).over_folds(data)[ONSET_MAE.name].mean
        for name in ("ridge", "boosting")
    }
    assert error["boosting"] < 0.5 * error["ridge"]


def test_baselines_are_ordered_by_strength_and_the_last_is_the_oracle() -> None:
    data = random_performances(rule=toy_performances.by_pitch, size=(30, 40))
    actual = velocity_baselines.velocity_baselines(data)
    names = [baseline.name for baseline in actual]
    assert len(set(names)) == len(names) == 6
    assert [baseline.name for baseline in actual if baseline.oracle] == [velocity_baselines.PIECE_MEAN] == names[-1:]
    score = {baseline.name: baseline.score.mean for baseline in actual}
    assert score["random (S2)"] > score["constant: median of the style"] > score["ridge regression"]
    assert set(actual[0].others) == set(actual[-1].others) == set(piece_keys(data)) - {ONSET_MAE.name}
    for baseline in actual:
        assert all(len(values.values) == 4 and values.is_finite for values in baseline.others.values())
    by_name = {baseline.name: baseline for baseline in actual}
    assert by_name["ridge regression"].others[ONSET_CORRELATION.name].mean > 0.9
    assert by_name["constant: median of the style"].others[ONSET_CORRELATION.name].mean == pytest.approx(0, abs=1e-9)
    for fold in range(4):
        errors: list[float] = []
        for piece in np.flatnonzero(data.fold == fold):
            velocity = data.velocity[data.start[piece] : data.start[piece + 1]].astype(np.float64)
            errors.append(float(np.abs(velocity - velocity.mean()).mean()))
        assert actual[-1].score.values[fold] == pytest.approx(np.mean(errors))


def piece_keys(data: Performances) -> list[str]:
    zeros = np.zeros(data.num_notes)
    return list(piece_scores(data, zeros, GridSizes.of(data)).over_folds(data))
