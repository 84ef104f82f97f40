import copy
import itertools
import math
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from models.composer.paper.presets import COMPOSER_PRESETS
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.families import FAMILIES, family
from models.metrics import CV_LOSS, NATS_PER_NOTE, TRAIN_LOSS
from models.training.hyperparameters import TrainingSpec
from models.training.loop import LockstepTraining
from tests.hand_melodies import Tune, melodies, random_tunes
from tests.models import trained_composers, trained_stylenets

DATA = melodies(random_tunes(16, 4), num_folds=4)
MARY = [64, 62, 60, 62, 64, 64, 64, 62, 62, 62, 64, 67, 67, 64, 62, 60, 62, 64, 64, 64, 64, 62, 62, 64, 62, 60]


def start(data: Melodies = DATA, **settings: Any) -> LockstepTraining:
    spec = ComposerSpec.model_validate(
        {"size": 8, "embedding": 8, "epochs": 4, "batch_size": 4, "length": 8, **settings}
    )
    training = family("composer").start(spec, data, seed=1, trial=2, device="cpu")
    assert isinstance(training, LockstepTraining)
    return training


def numbers(training: LockstepTraining, epochs: int | None = None) -> list[dict[str, tuple[float, ...]]]:
    reports = itertools.islice(training.epochs(), epochs)
    return [{name: folds.values for name, folds in report.metrics.items()} for report in reports]


@pytest.mark.parametrize(
    "settings",
    [
        {"optimiser": "adamw", "augment": 3},
        {"optimiser": "adam", "cell": "gru", "beat": "target"},
        {"optimiser": "rmsprop", "lr": 1e-3, "windows_per_epoch": 9, "schedule": "constant", "loss": "sum"},
        {"optimiser": "sgd", "lr": 0.1, "dropout_at_validation": True, "input": "token"},
    ],
    ids=str,
)
def test_resuming_after_any_epoch_gives_identical_results(settings: dict[str, Any]) -> None:
    uninterrupted = numbers(start(**settings))
    for finished in (1, 3):
        first = start(**settings)
        begun = numbers(first, finished)
        state = first.state()
        numbers(first, 1)  # further training must not change the saved state
        second = start(**settings)
        second.restore(copy.deepcopy(state))
        assert begun + numbers(second) == uninterrupted


def test_a_state_consists_of_tensors_numbers_and_strings() -> None:
    def check(value: Any) -> None:
        if isinstance(value, dict):
            for key, part in cast("dict[Any, Any]", value).items():
                assert isinstance(key, str | int)
                check(part)
        elif isinstance(value, list | tuple):
            for part in cast("list[Any]", value):
                check(part)
        else:
            assert value is None or isinstance(value, torch.Tensor | int | float | str | bool)

    training = start()
    numbers(training, 1)
    check(training.state())


def test_the_learning_rate_warms_up_and_falls_to_zero() -> None:
    cosine = TrainingSpec(lr=0.1, schedule="cosine")
    assert cosine.lr_at(0.0) == 0.0
    assert cosine.lr_at(0.025) == pytest.approx(0.05)
    assert cosine.lr_at(0.05) == pytest.approx(0.1)
    assert cosine.lr_at(0.525) == pytest.approx(0.05)
    assert cosine.lr_at(1.0) == pytest.approx(0.0)
    rates = [cosine.lr_at(done / 100) for done in range(5, 101)]
    assert rates == sorted(rates, reverse=True)
    assert TrainingSpec(lr=0.1, schedule="constant").lr_at(0.9) == 0.1


def test_shared_settings_follow_the_networks_and_epochs_is_last() -> None:
    shared = list(TrainingSpec.settings())
    assert shared[-1] == "epochs"
    for known in FAMILIES.values():
        names = list(known.spec_type.settings())
        first = names.index(shared[0])
        assert first > 0
        assert names[first : first + len(shared) - 1] == shared[:-1]
        assert names[-1] == "epochs"


def test_training_ends_with_a_report_if_the_loss_is_not_finite() -> None:
    training = start(optimiser="sgd", lr=10.0, clip=0.0, loss="sum", cell="rnn", schedule="constant", epochs=50)
    state = training.state()
    for weights in state["model"].values():
        weights.fill_(math.inf)
    training.restore(state)
    reports = list(training.epochs())
    assert len(reports) == 1
    assert set(reports[0].metrics) == {metric.name for metric in family("composer").metrics}
    assert not any(folds.is_finite for folds in reports[0].metrics.values())


def test_training_does_not_import_torchs_compiler() -> None:
    script = """
import sys
from tests.models.training.test_loop import start
for rule in ("sgd", "rmsprop", "adam", "adamw"):
    next(start(optimiser=rule).epochs())
assert "torch._dynamo" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[3], check=True)


def test_loading_models_does_not_import_torchs_compiler(tmp_path: Path) -> None:
    kinds: list[dict[str, Any]] = [{"beat": "input"}, {"factorisation": "rhythm_first"}, {"copying": "off"}]
    composers = [trained_composers.trained(tmp_path / f"{at}.pt", **kind) for at, kind in enumerate(kinds)]
    stylenets = [trained_stylenets.trained(tmp_path / f"{view}.pt", view=view) for view in ("grid", "note")]
    script = """
import sys
from pathlib import Path
from models.families import family_of
for name in sys.argv[1:]:
    found = family_of(Path(name))
    load = found.composing_model if found.name == "composer" else found.performing_model
    load(Path(name))
assert not {"torch._dynamo", "sympy"} & set(sys.modules)
"""
    paths = map(str, [*composers, *stylenets])
    subprocess.run([sys.executable, "-c", script, *paths], cwd=Path(__file__).parents[3], check=True)


def test_folds_do_not_see_the_pieces_they_hold_out() -> None:
    tunes = random_tunes(16, 4)
    changed = [replace(tune, notes=tune.notes[::-1]) if tune.fold == 2 else tune for tune in tunes]
    before, after = (numbers(start(melodies(version, 4)), 2)[-1] for version in (tunes, changed))
    assert before[TRAIN_LOSS.name][2] == after[TRAIN_LOSS.name][2]
    assert before[TRAIN_LOSS.name][0] != after[TRAIN_LOSS.name][0]


def test_a_tune_can_be_memorised() -> None:
    tune = [(pitch, Fraction(1)) for pitch in MARY]
    data = melodies([Tune(tune, 0), Tune(tune, 1)])
    training = start(data, size=32, epochs=150, length=32, dropout=0.0, embedding_dropout=0.0, lr=0.01)
    last = numbers(training)[-1]
    # The held-out tune is the same; only its first note and the floor have a cost.
    assert max(last[CV_LOSS.name]) < 0.1
    assert max(last[NATS_PER_NOTE.name]) < 0.1


def test_the_papers_best_row_trains() -> None:
    spec = ComposerSpec.from_values({**COMPOSER_PRESETS["table1/24"].values, "epochs": 2, "windows_per_epoch": 10})
    reports = list(family("composer").start(spec, DATA, seed=0, trial=0, device="cpu").epochs())
    assert reports[1].metrics[TRAIN_LOSS.name].mean < reports[0].metrics[TRAIN_LOSS.name].mean


def test_a_reading_that_leaves_a_fold_without_pieces_is_refused() -> None:
    data = melodies([Tune([(60, Fraction(1))] * 2, fold, one_key=fold != 1) for fold in range(2)])
    spec = ComposerSpec(reading="literal", transpose=True, size=4)
    with pytest.raises(BadInputError, match=r"fold 1 of by hand has none .* use reading = sounding"):
        ComposerTask(spec, data, seed=0, trial=0, device="cpu")
