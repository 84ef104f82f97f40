"""Initial weights: torch's and TensorFlow's rules, their random streams, and specs without a rule."""

import json
import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.randomness import integer_seed
from models.composer.composing.tune_composer import TuneComposer
from models.composer.family import Composer
from models.composer.model import ComposerModel
from models.composer.paper.presets import COMPOSER_PRESETS
from models.composer.spec import ComposerSpec
from models.family import Training
from models.folded.arguments import Cell
from models.folded.layers import RecurrentLayer
from models.training import checkpoint
from models.uses.request import SamplingRequest
from tests.hand_melodies import melodies, random_tunes
from tests.models.toy_vocabulary import vocabulary_of
from tests.models.trained_composers import trained

G, V, H = 3, 200, 64
K = V + 2
"""Rows of a one-hot input: the tokens, the begin symbol and unknown notes."""

GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "peephole": 4, "gru": 3}


def vocabulary(num_folds: int = G) -> MelodyVocabulary:
    single = vocabulary_of([(token // 2, token % 2) for token in range(V)], [Fraction(1), Fraction(2)])
    seen, seen_position = (part.repeat(num_folds, 0) for part in (single.seen, single.seen_position))
    return replace(single, seen=seen, seen_position=seen_position)


def model(num_folds: int = G, **settings: object) -> ComposerModel:
    values = {"input": "token", "head": "token", "beat": "off", "size": H, "layers": 2, **settings}
    return ComposerModel(ComposerSpec.model_validate(values), vocabulary(num_folds), seed=5, trial=2)


def layers(made: ComposerModel) -> list[RecurrentLayer]:
    return [layer for layer in made.layers if isinstance(layer, RecurrentLayer)]


def assert_uniform(weights: Tensor, bound: float) -> None:
    assert 0.99 * bound < weights.abs().max() <= bound
    assert float(weights.var()) == pytest.approx(bound**2 / 3, rel=0.05)
    assert abs(float(weights.mean())) < 0.02 * bound


@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole"])
def test_tensorflows_cells_follow_glorots_rule_for_the_joint_matrix(cell: Cell) -> None:
    first, second = layers(model(cell=cell, initial="tensorflow"))
    for num_inputs, layer in ((K, first), (H, second)):
        bound = math.sqrt(6 / (num_inputs + H + GATES[cell] * H))
        for weights in (layer.recurrent.data, layer.weight.data[:, :V]):
            for of_fold in weights:
                assert_uniform(of_fold, bound)
        expected = torch.zeros(G, GATES[cell] * H)
        if cell != "rnn":
            expected[:, H : 2 * H] = 1.0  # the forget gate's
        assert torch.equal(layer.bias.data, expected)


def test_tensorflows_peepholes_follow_glorots_rule_for_vectors() -> None:
    for layer in layers(model(cell="peephole", initial="tensorflow")):
        assert layer.peephole is not None
        bound = math.sqrt(3 / H)
        assert 0.95 * bound < layer.peephole.data.abs().max() <= bound
        assert float(layer.peephole.data.var()) == pytest.approx(bound**2 / 3, rel=0.15)  # of 3 H numbers a fold


def test_tensorflows_output_weights_are_standard_normal() -> None:
    weight, bias = model(initial="tensorflow").head()
    for of_fold in weight.detach():
        assert abs(float(of_fold.mean())) < 0.03
        assert float(of_fold.var()) == pytest.approx(1.0, rel=0.05)
        assert float(of_fold.abs().gt(1.96).float().mean()) == pytest.approx(0.05, abs=0.01)
    assert not bias.any()


@pytest.mark.parametrize("cell", list(GATES))
def test_default_weights_follow_torchs_rule_in_the_order_of_the_layers(cell: Cell) -> None:
    made = model(cell=cell)
    width, bound = GATES[cell] * H, 1 / math.sqrt(H)
    for fold in range(G):
        source = torch.Generator().manual_seed(integer_seed(5, "initial weights", trial=2, fold=fold))
        for number, layer in enumerate(layers(made)):
            shape = (K, width) if number == 0 else (width, H)
            weight = torch.empty(shape).uniform_(-bound, bound, generator=source)
            if number == 0:
                weight[-1] = 0.0  # unknown notes
            assert torch.equal(layer.weight.data[fold], weight)
            recurrent = torch.empty(width, H).uniform_(-bound, bound, generator=source)
            assert torch.equal(layer.recurrent.data[fold], recurrent)
            if layer.peephole is not None:
                peephole = torch.empty(3, H).uniform_(-bound, bound, generator=source)
                assert torch.equal(layer.peephole.data[fold], peephole)
        output = torch.empty(V, H).normal_(0.0, 1 / math.sqrt(3 * H), generator=source)
        assert torch.equal(made.head()[0].data[fold], output)


@pytest.mark.parametrize("initial", ["torch", "tensorflow"])
def test_a_folds_weights_do_not_depend_on_the_number_of_folds(initial: str) -> None:
    alone, among_others = (model(num_folds, cell="peephole", initial=initial) for num_folds in (1, G))
    for name, parameter in alone.named_parameters():
        others = among_others.get_parameter(name).data
        assert torch.equal(parameter.data[0], others[0])
        if not name.endswith("bias") and "head_bias" not in name:
            assert not torch.equal(others[0], others[1])


@pytest.mark.parametrize("settings", [{"cell": "gru"}, {"input": "factored"}, {"head": "factored"}], ids=str)
def test_tensorflows_rule_is_refused_for_layers_that_the_paper_lacks(settings: dict[str, str]) -> None:
    values = {"input": "token", "head": "token", "initial": "tensorflow", **settings}
    with pytest.raises(BadInputError, match=r"initial = tensorflow changes nothing here: it needs cell = rnn or lstm"):
        ComposerSpec.from_values(values)


def test_a_model_stored_without_a_rule_keeps_its_weights_and_tunes(tmp_path: Path) -> None:
    """Files from before the setting have torch's rule, and their trained weights."""
    small = {"size": 8, "embedding": 128, "windows_per_epoch": 4, "epochs": 1, "initial": "torch"}
    settings: dict[str, Any] = {**COMPOSER_PRESETS["table1/12"].values, **small}
    now = trained(tmp_path / "now.pt", **settings)
    saved = torch.load(now, weights_only=True)
    spec = json.loads(saved["spec"])
    assert spec.pop("initial") == "torch"
    before = tmp_path / "before.pt"
    torch.save({**saved, "spec": json.dumps(spec)}, before)
    assert "initial" not in checkpoint.load(before).spec
    old, new = TuneComposer.load(before), TuneComposer.load(now)
    assert old.spec == new.spec
    assert old.spec.initial == "torch"
    assert old.compose(SamplingRequest(bars=4), seed=3) == new.compose(SamplingRequest(bars=4), seed=3)


def test_an_interrupted_literal_trial_stored_without_a_rule_continues_identically() -> None:
    values = {**COMPOSER_PRESETS["table1/1"].values, "size": 6, "windows_per_epoch": 4, "epochs": 2}
    del values["initial"]  # as stored by a version without it
    data = melodies(random_tunes(12, 2))

    def begin(**more: object) -> Training:
        spec = ComposerSpec.model_validate({**values, **more})
        return Composer().start(spec, data, seed=0, trial=0, device="cpu")

    whole = begin()
    reports = list(whole.epochs())
    first = begin()
    next(first.epochs())
    resumed = begin(initial="torch")
    resumed.restore(first.state())
    assert next(resumed.epochs()).metrics == reports[1].metrics
