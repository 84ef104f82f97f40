"""StyleNet's network: layers that styles share, independence of folds, and comparison with torch's modules."""

import copy
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from data_prep.randomness import stream
from models.folded.dropout import DropoutStreams
from models.folded.optimiser import FoldedOptimiser
from models.stylenet.model import Carried, Scales, StyleNetModel, detached
from models.stylenet.paper.presets import STYLENET_PRESETS
from models.stylenet.spec import StyleNetSpec
from models.training import checkpoint
from tests.models.closeness import assert_close

if TYPE_CHECKING:
    from models.folded.bidirectional import BidirectionalStack
    from models.folded.layers import RecurrentLayer

G, S, T, B, K, O = 3, 2, 6, 4, 5, 7  # noqa: E741  (outputs)


def unit_scales(num_folds: int, num_inputs: int, num_styles: int) -> Scales:
    """Return scales that leave inputs unchanged."""
    mean = np.zeros((num_folds, num_inputs), np.float32)
    return Scales(mean, np.ones_like(mean), np.zeros((num_folds, num_styles), np.float32))


def scales(num_styles: int = S) -> Scales:
    random = stream(0, "toy scales")
    mean, deviation, level = (random.uniform(0.5, 1.5, (G, width)).astype(np.float32) for width in (K, K, num_styles))
    return Scales(mean, deviation, level)


def model_of(seed: int = 3, trial: int = 1, *, num_styles: int = S, **settings: Any) -> StyleNetModel:
    spec = StyleNetSpec.model_validate({"size": 4, "layers": 2, **settings})
    return StyleNetModel(spec, scales(num_styles), O, seed=seed, trial=trial).double()


def inputs() -> tuple[Tensor, Tensor]:
    """Return inputs [G, T, B, K] and lengths [G, B], some of them less than T."""
    source = torch.Generator().manual_seed(0)
    lengths = torch.tensor([[6, 1, 4, 3], [2, 2, 5, 1], [6, 6, 6, 6]])
    return torch.randn(G, T, B, K, generator=source, dtype=torch.float64), lengths


def run(model: StyleNetModel, style: int, x: Tensor, lengths: Tensor) -> Tensor:
    output, _ = model(x, lengths, style)
    return output


def touched(model: StyleNetModel, style: int) -> set[str]:
    """Return the names of the modules for which a style's loss has a gradient."""
    for parameter in model.parameters():
        parameter.grad = None
    torch.autograd.backward(run(model, style, *inputs()).square().sum())
    actual = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert all(model.get_parameter(name).grad.any() for name in actual)  # pyright: ignore[reportOptionalMemberAccess]
    return {
        ".".join(name.split(".")[:2]) if name.startswith(("stacks", "head")) else "interpretation" for name in actual
    }


def test_branches_share_only_the_interpretation_layer() -> None:
    model = model_of(interpretation=3, genre_sharing="branches")
    for style in range(S):
        own = {f"{part}.{style}" for part in ("stacks", "head_weight", "head_bias")}
        assert touched(model, style) == {*own, "interpretation"}


def test_heads_share_all_layers() -> None:
    model = model_of(interpretation=3, genre_sharing="heads")
    for style in range(S):
        own = {f"{part}.{style}" for part in ("head_weight", "head_bias")}
        assert touched(model, style) == {*own, "stacks.0", "interpretation"}


@pytest.mark.parametrize("optimiser", ["sgd", "rmsprop", "adam", "adamw"])
def test_a_step_of_one_style_does_not_change_the_others_branch(optimiser: Any) -> None:
    model = model_of(interpretation=3, genre_sharing="branches")
    rule = FoldedOptimiser(model.parameters(), optimiser, weight_decay=0.1, clip=1.0)
    for style in (0, 1, 0):
        before = copy.deepcopy(model.state_dict())
        rule.step(run(model, style, *inputs()).square().sum((1, 2, 3)), 0.01)
        for name, value in model.state_dict().items():
            is_others = name.startswith(("stacks", "head")) and name.split(".")[1] != str(style)
            is_scale = name in {"mean", "deviation", "level"}
            assert torch.equal(value, before[name]) == (is_others or is_scale)


def test_branches_without_an_interpretation_layer_are_separate_genrenets() -> None:
    both = model_of(genre_sharing="branches")
    for style in range(S):
        alone = model_of(seed=9, num_styles=1)
        alone.stacks[0] = both.stacks[style]
        alone.head_weight[0], alone.head_bias[0] = both.head_weight[style], both.head_bias[style]
        assert torch.equal(run(both, style, *inputs()), run(alone, 0, *inputs()))


def of_torch(layer: "RecurrentLayer", fold: int, suffix: str) -> dict[str, Tensor]:
    return {
        f"weight_ih_{suffix}": layer.weight[fold],
        f"weight_hh_{suffix}": layer.recurrent[fold],
        f"bias_ih_{suffix}": layer.bias[fold],
        f"bias_hh_{suffix}": torch.zeros_like(layer.bias[fold]),
    }


def test_the_network_equals_torchs_modules() -> None:
    model = model_of(interpretation=3, genre_sharing="branches", layers=3, size=4)
    x, _ = inputs()
    lengths = torch.full((G, B), T)
    for style in range(S):
        actual = run(model, style, x, lengths)
        stack = cast("BidirectionalStack", model.stacks[style])
        for fold in range(G):
            ours = torch.nn.LSTM(K, 3, dtype=torch.float64)
            deep = torch.nn.LSTM(3, 4, 3, bidirectional=True, dtype=torch.float64)
            ours.load_state_dict(of_torch(cast("RecurrentLayer", model.interpretation), fold, "l0"))
            weights: dict[str, Tensor] = {}
            for level in range(3):
                weights |= of_torch(cast("RecurrentLayer", stack.forwards[level]), fold, f"l{level}")
                weights |= of_torch(cast("RecurrentLayer", stack.backwards[level]), fold, f"l{level}_reverse")
            deep.load_state_dict(weights)
            statistics = scales()
            hidden, _ = deep(
                ours((x[fold] - torch.tensor(statistics.mean[fold])) / torch.tensor(statistics.deviation[fold]))[0]
            )
            expected = nn.functional.linear(hidden, model.head_weight[style][fold], model.head_bias[style][fold])
            assert_close(actual[fold], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("loss_cells", ["onset", "masked_all", "all"])
def test_an_untrained_model_predicts_the_level_or_silence_if_all_cells_count(loss_cells: str) -> None:
    model = model_of(view="grid", loss_cells=loss_cells)
    for style in range(S):
        model.head_weight[style].data.zero_()
        output = run(model, style, *inputs())
        expected = torch.tensor(scales().level[:, style], dtype=torch.float64)[:, None, None, None]
        assert torch.equal(output, (expected * (loss_cells != "all")).expand_as(output))


def test_biases_do_not_share_memory_with_the_level() -> None:
    model = model_of()
    before = model.level.clone()
    for bias in model.head_bias:
        bias.data += 1.0
    assert torch.equal(model.level, before)


@pytest.mark.parametrize("sharing", ["heads", "branches"])
def test_initial_weights_are_named_by_seed_trial_and_fold(sharing: str) -> None:
    def weights(seed: int, trial: int) -> list[Tensor]:
        model = model_of(seed, trial, interpretation=3, genre_sharing=sharing)
        return [part for name, part in model.named_parameters() if "bias" not in name]

    for weight, same, other, later in zip(weights(1, 2), weights(1, 2), weights(1, 3), weights(2, 2), strict=True):
        assert torch.equal(weight, same)
        assert not torch.equal(weight, other)
        assert not torch.equal(weight, later)
        for fold in range(1, G):
            assert not torch.equal(weight[0], weight[fold])
    all_at_once = [part for part in weights(1, 2) if part.shape == weights(1, 2)[1].shape]
    assert len({part.sum().item() for part in all_at_once}) == len(all_at_once)  # no two layers are alike


def test_a_folds_weights_do_not_depend_on_the_number_of_folds() -> None:
    spec = StyleNetSpec(size=4, interpretation=3)
    few, many = (StyleNetModel(spec, unit_scales(count, K, S), O, seed=1, trial=2) for count in (2, 5))
    for name, parameter in few.named_parameters():
        assert torch.equal(parameter, many.get_parameter(name)[:2])


@pytest.mark.parametrize("name", ["s2", "s2-code", "genrenet"])
def test_a_state_from_a_file_predicts_the_same(name: str, tmp_path: Path) -> None:
    small = {"size": 4, "interpretation": 3 if name != "genrenet" else 0, "cell": "gru"}
    spec = StyleNetSpec.from_values({**STYLENET_PRESETS[name].values, **small})
    model = StyleNetModel(spec, scales(), O, seed=3, trial=1)
    checkpoint.save(tmp_path / "model.pt", model.state_dict(), spec, {})
    again = StyleNetModel(spec, unit_scales(G, K, S), O, seed=0, trial=0)
    x, lengths = inputs()
    assert not torch.equal(run(model, 1, x.float(), lengths), run(again, 1, x.float(), lengths))
    again.load_state_dict(dict(checkpoint.load(tmp_path / "model.pt").training))
    for style in range(S):
        assert torch.equal(run(model, style, x.float(), lengths), run(again, style, x.float(), lengths))


@pytest.mark.parametrize(
    ("name", "interpretation", "num_stacks", "reads"),
    [("s2", 176, 2, 352), ("s2-code", 176, 1, 176), ("genrenet", 0, 2, 352)],
)
def test_the_papers_network_has_the_number_of_parameters_counted_by_hand(
    name: str, interpretation: int, num_stacks: int, reads: int
) -> None:
    spec = StyleNetSpec.from_values(STYLENET_PRESETS[name].values)
    model = StyleNetModel(spec, unit_scales(1, 176, 2), 88, seed=0, trial=0)

    def layer(width: int) -> int:
        return 4 * 176 * (width + 176 + 1)  # four gates of 176 units: inputs, units and a bias

    first = layer(176) if interpretation else 0
    stack = 2 * (layer(176) + layer(reads) + layer(reads))  # two directions, three levels
    head = 352 * 88 + 88
    expected = first + num_stacks * stack + 2 * head
    assert sum(parameter.numel() for parameter in model.parameters()) == expected


class OneStream(DropoutStreams):
    """The dropout streams of a single fold."""

    def __init__(self, fold: int) -> None:
        super().__init__(3, "dropout", folds=range(G), trial=1, epoch=1)
        self._streams = self._streams[fold : fold + 1]


def only(model: StyleNetModel, fold: int) -> StyleNetModel:
    """Return one fold's model as a model of a single fold."""
    alone = copy.deepcopy(model)
    for parameter in alone.parameters():
        parameter.data = parameter.data[fold : fold + 1].clone()
    for name in ("mean", "deviation", "level"):
        alone.register_buffer(name, model.get_buffer(name)[fold : fold + 1])
    return alone


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "lstm", "genre_sharing": "heads"},
        {"cell": "lstm", "genre_sharing": "branches", "bi_merge": "top", "interpretation": 3},
        {"cell": "gru", "genre_sharing": "branches", "interpretation": 3},
        {"cell": "peephole", "bi_merge": "top"},
        {"cell": "rnn", "interpretation": 3},
    ],
    ids=str,
)
def test_folds_trained_in_lockstep_equal_models_trained_alone(settings: dict[str, Any]) -> None:
    model = model_of(input_dropout=0.2, dropout=0.3, **settings)
    alone = [only(model, fold) for fold in range(G)]
    rules = [FoldedOptimiser(single.parameters(), "adamw", weight_decay=0.1, clip=0.3) for single in alone]
    together = FoldedOptimiser(model.parameters(), "adamw", weight_decay=0.1, clip=0.3)
    dropout, drops = (
        DropoutStreams(3, "dropout", folds=range(G), trial=1, epoch=1),
        [OneStream(fold) for fold in range(G)],
    )
    x, lengths = inputs()
    for style in (0, 1, 0, 1):
        output, _ = model(x, lengths, style, dropout)
        together.step(output.square().sum((1, 2, 3)), 0.05)
        for fold, (single, rule, drop) in enumerate(zip(alone, rules, drops, strict=True)):
            output, _ = single(x[fold : fold + 1], lengths[fold : fold + 1], style, drop)
            rule.step(output.square().sum((1, 2, 3)), 0.05)
    for name, parameter in model.named_parameters():
        for fold, single in enumerate(alone):
            assert_close(parameter[fold], single.get_parameter(name)[0])


@pytest.mark.parametrize("cell", ["lstm", "gru"])
def test_a_carried_state_reaches_the_interpretation_layer_and_the_stack(cell: str) -> None:
    model = model_of(cell=cell, interpretation=3, layers=1)
    x, _ = inputs()
    # in windows of one step the backward layers see no later step
    stack = cast("BidirectionalStack", model.stacks[0])
    hidden, _ = model.interpret(model.standardised(x))
    ahead, _ = cast("RecurrentLayer", stack.forwards[0]).from_dense(hidden)
    state: Carried | None = None
    for step in range(T):
        output, state = model(x[:, step : step + 1], torch.ones(G, B, dtype=torch.int64), 0, state=state)
        back, _ = cast("RecurrentLayer", stack.backwards[0]).from_dense(hidden[:, step : step + 1])
        both = torch.cat([ahead[:, step : step + 1], back], dim=3)
        expected = torch.einsum("gtbh,goh->gtbo", both, model.head_weight[0]) + model.head_bias[0][:, None, None]
        assert_close(output, expected)


def test_a_detached_state_is_the_same_without_its_past() -> None:
    for interpretation in (0, 3):
        model = model_of(interpretation=interpretation)
        _, state = model(*inputs(), 0)
        cut = detached(state)
        flat = [
            part for whole in (state, cut) for part in (*(whole[0] or ()), *(p for layer in whole[1] for p in layer))
        ]
        half = len(flat) // 2
        assert half == (2 if interpretation else 0) + 2 * 2
        for part, cut_part in zip(flat[:half], flat[half:], strict=True):
            assert torch.equal(part, cut_part)
            assert part.requires_grad
            assert not cut_part.requires_grad
