"""Folds that join later get the numbers that they would have had from the start."""

import math
from itertools import islice
from typing import Any

import pytest

from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.family import EpochReport, Training
from models.training.joining import JoiningTraining
from tests.hand_melodies import melodies, two_voices

G = 3
DATA = melodies(two_voices(12, G), num_folds=G)
SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "dropout everywhere": {"dropout": 0.5, "dropout_at_validation": True, "cell": "gru", "layers": 2},
    "augmented": {"transpose": False, "augment": 6, "cell": "peephole", "head": "token", "near_miss": 0.1},
    "rhythm first": {"factorisation": "rhythm_first", "beat": "target", "copying": "off", "optimiser": "rmsprop"},
    "upper voices": {"conditioning": "upper_voices", "augment": 2},
    "sgd": {"optimiser": "sgd", "clip": 0.0, "cell": "rnn", "vocabulary": "corpus"},
}


def spec_of(**changes: Any) -> ComposerSpec:
    return ComposerSpec.from_values({"size": 8, "embedding": 8, "length": 16, "batch_size": 4, "epochs": 4, **changes})


def joining(spec: ComposerSpec, first: int, until: int) -> JoiningTraining:
    training = Composer().start_folds(spec, DATA, seed=3, trial=5, device="cpu", first=first, until=until)
    assert isinstance(training, JoiningTraining)
    return training


def all_folds(spec: ComposerSpec) -> list[EpochReport]:
    return list(Composer().start(spec, DATA, seed=3, trial=5, device="cpu").epochs())


def check(actual: EpochReport, expected: EpochReport, num_folds: int) -> None:
    assert actual.epoch == expected.epoch
    assert actual.metrics.keys() == expected.metrics.keys()
    for name, values in actual.metrics.items():
        assert values.values == pytest.approx(expected.metrics[name].values[:num_folds], rel=1e-5), name


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize(("first", "until"), [(1, 1), (2, 3)])
def test_every_fold_has_the_numbers_of_training_from_the_start(name: str, first: int, until: int) -> None:
    spec = spec_of(**SETTINGS[name])
    expected = all_folds(spec)
    reports = list(joining(spec, first, until).epochs())
    assert len(reports) == len(expected) == 4
    for actual, whole in zip(reports, expected, strict=True):
        check(actual, whole, first if actual.epoch <= until else G)


@pytest.mark.parametrize("after", [1, 2, 3])
def test_it_resumes_from_a_state_before_and_after_the_others_joined(after: int) -> None:
    spec = spec_of()
    whole = list(joining(spec, 1, 2).epochs())
    begun = joining(spec, 1, 2)
    list(islice(begun.epochs(), after))
    resumed = joining(spec, 1, 2)
    resumed.restore(begun.state())
    rest = list(resumed.epochs())
    assert [report.metrics for report in rest] == [report.metrics for report in whole[after:]]
    assert {name: tuple(value.shape) for name, value in resumed.weights().items()} == {
        name: (G, *value.shape[1:]) for name, value in begun.weights().items()
    }


def test_a_fold_that_diverges_while_it_catches_up_ends_the_trial() -> None:
    def start(folds: range) -> Training:
        training = Composer().start(spec_of(), DATA, seed=3, trial=5, device="cpu", folds=folds)
        if folds.start:
            state = training.state()
            state["model"] = {name: weight * math.inf for name, weight in state["model"].items()}
            training.restore(state)
        return training

    first, last = JoiningTraining(start, num_folds=G, first=1, until=1).epochs()
    assert all(values.is_finite for values in first.metrics.values())
    assert (last.epoch, last.num_folds) == (2, G)
    assert not any(values.is_finite for values in last.metrics.values())
