"""The training of StyleNets: velocities that follow a rule are learnt, and held-out velocities have no influence."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from data_prep.performances.arrays import Performances
from models.families import family
from models.metrics import ONSET_CORRELATION, ONSET_MAE, TRAIN_LOSS, FoldValues
from models.stylenet.spec import StyleNetSpec
from models.training.loop import LockstepTraining
from tests.models.toy_performances import by_next_pitch, random_performances
from tests.models.trained_stylenets import DATA, task

if TYPE_CHECKING:
    from numpy.typing import NDArray


def training(data: Performances = DATA, **settings: Any) -> LockstepTraining:
    spec = StyleNetSpec.model_validate({"size": 4, "batch_size": 4, "length": 10, "epochs": 2, **settings})
    made = family("stylenet").start(spec, data, seed=3, trial=1, device="cpu")
    assert isinstance(made, LockstepTraining)
    return made


def last(made: LockstepTraining) -> dict[str, FoldValues]:
    return dict(list(made.epochs())[-1].metrics)


def test_a_performance_in_no_fold_is_not_used_in_training_and_not_predicted() -> None:
    sealed = replace(DATA, fold=np.where(np.arange(DATA.num_pieces) == 5, -1, DATA.fold).astype(np.int8))
    other = replace(sealed, velocity=np.where(sealed.piece_of_note == 5, 1, sealed.velocity).astype(np.int16))
    for view in ("note", "grid"):
        made = task(sealed, view=view)
        velocity = made.predict().velocity
        assert np.array_equal(np.isnan(velocity), sealed.piece_of_note == 5)
        assert all(values.is_finite for values in made.evaluate(1).values())
        first, second = (last(training(data, view=view, epochs=1)) for data in (sealed, other))
        assert first == second


@pytest.mark.parametrize("settings", [{}, {"view": "grid"}, {"truncation": "carry"}], ids=str)
def test_folds_do_not_see_the_velocities_they_hold_out(settings: dict[str, Any]) -> None:
    changed = DATA.fold[DATA.piece_of_note] == 2
    other = replace(DATA, velocity=np.where(changed, 128 - DATA.velocity, DATA.velocity).astype(np.int16))
    outcomes: list[tuple[dict[str, Any], FoldValues, NDArray[np.float64]]] = []
    for data in (DATA, other):
        made = training(data, augment=2, level_shrink=0.5, **settings)
        train_loss = last(made)[TRAIN_LOSS.name]
        trained = task(data, level_shrink=0.5, **settings)
        trained.model.load_state_dict(dict(made.weights()))
        outcomes.append((dict(made.weights()), train_loss, trained.predict().velocity))
    (weights, loss, predicted), (other_weights, other_loss, other_predicted) = outcomes
    for name, value in weights.items():
        assert torch.equal(value[2], other_weights[name][2])
    assert any(not torch.equal(value[0], other_weights[name][0]) for name, value in weights.items())
    assert loss.values[2] == other_loss.values[2]
    assert np.array_equal(predicted[changed], other_predicted[changed])
    assert not np.array_equal(predicted[~changed], other_predicted[~changed])


LEARNS: dict[str, Any] = {"epochs": 20, "size": 16, "length": 16, "lr": 0.03, "dropout": 0.0, "input_dropout": 0.0}


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_velocities_that_depend_on_the_pitch_are_learnt(truncation: str) -> None:
    reports = list(training(features="minimal", truncation=truncation, **LEARNS).epochs())
    first, final = reports[0].metrics, reports[-1].metrics
    assert final[TRAIN_LOSS.name].mean < 0.1 * first[TRAIN_LOSS.name].mean
    assert min(final[ONSET_CORRELATION.name].values) > 0.9
    assert max(final[ONSET_MAE.name].values) < 6.0


@pytest.mark.parametrize("truncation", ["chunk", "carry"])
def test_velocities_that_depend_on_the_next_pitch_are_learnt(truncation: str) -> None:
    data = random_performances(rule=by_next_pitch, chords=0.0, size=(40, 60))
    # the minimal features do not contain other notes' pitches, so only the backward layer knows the next one
    reports = list(training(data, features="minimal", truncation=truncation, **LEARNS).epochs())
    first, final = reports[0].metrics, reports[-1].metrics
    assert final[TRAIN_LOSS.name].mean < 0.3 * first[TRAIN_LOSS.name].mean
    assert min(final[ONSET_CORRELATION.name].values) > 0.6


def test_the_papers_presets_train() -> None:
    small = {"size": 8, "interpretation": 8, "epochs": 2, "lr": 1e-2}
    for name in ("s2", "s2-code"):
        spec = StyleNetSpec.from_values({**family("stylenet").presets[name].values, **small})
        reports = list(family("stylenet").start(spec, DATA, seed=0, trial=0, device="cpu").epochs())
        assert reports[-1].metrics[TRAIN_LOSS.name].mean < reports[0].metrics[TRAIN_LOSS.name].mean
