"""Bidirectional stacks compared with torch's modules, naive loops and separate sequences; independence of folds."""

from typing import Any, Literal, cast

import pytest
import torch
from torch import Tensor

from models.folded.arguments import Cell, Reversal
from models.folded.bidirectional import BidirectionalStack
from models.folded.layers import RecurrentLayer
from tests.models.closeness import assert_close

pytestmark = pytest.mark.usefixtures("backend")

G, T, B, K, H = 3, 6, 4, 5, 3

MODULES: dict[str, Any] = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}
CELLS: list[Cell] = ["rnn", "gru", "lstm", "peephole"]
MERGES: list[Literal["each", "top"]] = ["each", "top"]


def drawn(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=source, dtype=torch.float64).requires_grad_()


def stack_of(cell: Cell, num_layers: int, merge: Literal["each", "top"], size: int = H) -> BidirectionalStack:
    """Return a stack with random weights and biases."""
    generators = [torch.Generator().manual_seed(fold) for fold in range(G)]
    stack = BidirectionalStack(cell, K, size, num_layers, merge, generators).double()
    for number, (name, parameter) in enumerate(stack.named_parameters()):
        if "bias" in name:
            parameter.data = drawn(*parameter.shape, seed=number).detach()
    return stack


def whole(num_steps: int = T) -> Reversal:
    return Reversal(torch.full((G, B), num_steps), num_steps)


def keep(x: Tensor) -> Tensor:
    return x


def run(stack: BidirectionalStack, x: Tensor, turn: Reversal | None = None) -> Tensor:
    output, _ = stack(x, whole(x.shape[1]) if turn is None else turn, keep)
    return output


def weights_of(layer: RecurrentLayer, fold: int, suffix: str) -> dict[str, Tensor]:
    """Return a layer's weights by torch's names."""
    size = layer.recurrent.shape[2]
    bias_hh = torch.zeros_like(layer.bias[fold])
    if layer.recurrent_bias is not None:
        bias_hh = torch.cat([bias_hh[: 2 * size], layer.recurrent_bias[fold]])
    return {
        f"weight_ih_{suffix}": layer.weight[fold],
        f"weight_hh_{suffix}": layer.recurrent[fold],
        f"bias_ih_{suffix}": layer.bias[fold],
        f"bias_hh_{suffix}": bias_hh,
    }


def layers_of(layers: torch.nn.ModuleList, fold: int, suffix: str = "") -> dict[str, Tensor]:
    actual: dict[str, Tensor] = {}
    for level, layer in enumerate(layers):
        assert isinstance(layer, RecurrentLayer)
        actual |= weights_of(layer, fold, f"l{level}{suffix}")
    return actual


def by_torch(stack: BidirectionalStack, x: Tensor, fold: int) -> Tensor:
    """Run one fold's stack by torch's modules."""
    first = cast("RecurrentLayer", stack.forwards[0])
    size, depth, make = first.recurrent.shape[2], len(stack.forwards), MODULES[first.cell]
    forwards, backwards = layers_of(stack.forwards, fold), layers_of(stack.backwards, fold)
    if stack.merge == "each":
        module = make(K, size, depth, bidirectional=True, dtype=x.dtype)
        both = forwards | layers_of(stack.backwards, fold, "_reverse")
        return torch.func.functional_call(module, both, (x[fold],))[0]
    module = make(K, size, depth, dtype=x.dtype)
    ahead, _ = torch.func.functional_call(module, forwards, (x[fold],))
    back, _ = torch.func.functional_call(module, backwards, (x[fold].flip(0),))
    return torch.cat([ahead, back.flip(0)], dim=2)


def naive_peephole(layer: RecurrentLayer, x: Tensor, fold: int, *, backwards: bool) -> Tensor:
    """Run one fold's layer on x [T, B, K] step by step by its equations."""
    assert layer.peephole is not None
    p_i, p_f, p_o = layer.peephole[fold]
    h = c = x.new_zeros(x.shape[1], layer.recurrent.shape[2])
    actual: dict[int, Tensor] = {}
    for t in reversed(range(len(x))) if backwards else range(len(x)):
        a_i, a_f, a_g, a_o = (x[t] @ layer.weight[fold].T + layer.bias[fold] + h @ layer.recurrent[fold].T).chunk(
            4, dim=1
        )
        c = torch.sigmoid(a_f + p_f * c) * c + torch.sigmoid(a_i + p_i * c) * torch.tanh(a_g)
        h = torch.sigmoid(a_o + p_o * c) * torch.tanh(c)
        actual[t] = h
    return torch.stack([actual[t] for t in range(len(x))])


def by_loop(stack: BidirectionalStack, x: Tensor, fold: int) -> Tensor:
    ahead = back = x[fold]
    for forwards, backwards in zip(stack.forwards, stack.backwards, strict=True):
        ahead = naive_peephole(cast("RecurrentLayer", forwards), ahead, fold, backwards=False)
        back = naive_peephole(cast("RecurrentLayer", backwards), back, fold, backwards=True)
        if stack.merge == "each":
            ahead = back = torch.cat([ahead, back], dim=2)
    return ahead if stack.merge == "each" else torch.cat([ahead, back], dim=2)


@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize("cell", CELLS)
def test_a_stack_equals_torchs_modules_or_a_naive_loop(
    cell: Cell, merge: Literal["each", "top"], num_layers: int
) -> None:
    stack, x, weight = stack_of(cell, num_layers, merge), drawn(G, T, B, K), drawn(G, T, B, 2 * H).detach()
    actual = run(stack, x)
    expected = torch.stack([(by_loop if cell == "peephole" else by_torch)(stack, x, fold) for fold in range(G)])
    assert_close(actual, expected, rtol=1e-12, atol=1e-13)
    wanted = [x, *stack.parameters()]
    ours, theirs = (torch.autograd.grad((output * weight).sum(), wanted) for output in (actual, expected))
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("size", "batch"), [(3, 1), (32, 5)])
@pytest.mark.parametrize("merge", MERGES)
def test_layers_in_float32_agree_with_torch_in_float64(merge: Literal["each", "top"], size: int, batch: int) -> None:
    stack, x = stack_of("lstm", 2, merge, size), drawn(G, 20, batch, K)
    weight = drawn(G, 20, batch, 2 * size).detach()
    exact = torch.stack([by_torch(stack, x, fold) for fold in range(G)])
    exact_gradients = torch.autograd.grad((exact * weight).sum(), [x, *stack.parameters()])
    stack, x = stack.float(), x.detach().float().requires_grad_()
    actual = run(stack, x, Reversal(torch.full((G, batch), 20), 20))
    gradients = torch.autograd.grad((actual * weight).sum(), [x, *stack.parameters()])
    assert_close(actual.double(), exact, rtol=1e-5, atol=1e-5)
    for one, other in zip(gradients, exact_gradients, strict=True):
        assert_close(one.double(), other, rtol=1e-4, atol=1e-4 * float(other.abs().max()))


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize(("cell", "dtype"), [*((cell, torch.float64) for cell in CELLS), ("lstm", torch.float32)])
def test_padding_after_a_sequence_has_no_effect(
    cell: Cell, dtype: torch.dtype, merge: Literal["each", "top"], num_layers: int
) -> None:
    exact = (1e-12, 1e-13) if dtype == torch.float64 else (1e-5, 1e-6)
    stack = stack_of(cell, num_layers, merge).to(dtype)
    lengths = torch.tensor([[6, 1, 4, 3], [2, 2, 5, 1], [6, 6, 0, 6]])
    x = drawn(G, T, B, K).detach().to(dtype)
    inside = torch.arange(T)[:, None] < lengths[:, None]
    x[~inside] = torch.nan
    actual = run(stack, x, Reversal(lengths, T))
    for fold in range(G):
        for sequence in range(B):
            size = int(lengths[fold, sequence])
            if size:
                alone = x[fold, :size, sequence].expand(G, 1, size, K).transpose(1, 2)
                expected = run(stack, alone, Reversal(torch.full((G, 1), size), size))[fold, :, 0]
                assert_close(actual[fold, :size, sequence], expected, *exact)
    gradients: list[tuple[Tensor, ...]] = []
    for filling in (0.0, 7.0):
        x[~inside] = filling
        output = run(stack, x, Reversal(lengths, T))
        gradients.append(torch.autograd.grad((output * inside[..., None]).square().sum(), list(stack.parameters())))
    for one, other in zip(*gradients, strict=True):
        assert_close(one, other, *exact)


def test_reversing_twice_restores_a_batch() -> None:
    x, lengths = drawn(G, T, B, K), torch.tensor([[6, 1, 4, 3], [2, 2, 5, 1], [6, 6, 0, 6]])
    turn = Reversal(lengths, T)
    turned = turn(x)
    assert torch.equal(turn(turned), x)
    for fold in range(G):
        for sequence in range(B):
            size = int(lengths[fold, sequence])
            assert torch.equal(turned[fold, :size, sequence], x[fold, :size, sequence].flip(0))
            assert torch.equal(turned[fold, size:, sequence], x[fold, size:, sequence])
    assert torch.equal(whole()(x), Reversal(torch.full((G, B), T), T)(x))
    assert torch.equal(whole()(whole()(x)), x)
    assert torch.equal(whole()(x), x.flip(1))


@pytest.mark.parametrize(("merge", "num_layers"), [("each", 1), ("top", 1), ("top", 3)])
@pytest.mark.parametrize(("cell", "dtype"), [*((cell, torch.float64) for cell in CELLS), ("lstm", torch.float32)])
def test_forward_layers_continue_from_a_state(
    cell: Cell, dtype: torch.dtype, merge: Literal["each", "top"], num_layers: int
) -> None:
    exact = (1e-12, 1e-13) if dtype == torch.float64 else (1e-5, 1e-6)
    stack, x = stack_of(cell, num_layers, merge).to(dtype), drawn(G, T, B, K).detach().to(dtype)
    long, last = stack(x, whole(), keep)
    first, state = stack(x[:, :4], whole(4), keep)
    second, after = stack(x[:, 4:], whole(2), keep, state)
    assert_close(torch.cat([first, second], dim=1)[..., :H], long[..., :H], *exact)
    for layer, same in zip(after, last, strict=True):
        for part, other in zip(layer, same, strict=True):
            assert_close(part, other, *exact)
    # backward layers start at the end of each window
    alone, _ = stack(x[:, 4:], whole(2), keep)
    assert_close(second[..., H:], alone[..., H:], *exact)
    assert_close(second[..., H:], long[:, 4:, :, H:], *exact)
    assert not torch.allclose(second[..., :H], alone[..., :H])


def test_merged_levels_continue_from_their_states() -> None:
    stack, x = stack_of("lstm", 2, "each"), drawn(G, T, B, K).detach()
    _, state = stack(x[:, :4], whole(4), keep)
    second, _ = stack(x[:, 4:], whole(2), keep, state)
    level = cast("Any", stack.forwards[0])
    ahead, _ = level.from_dense(x[:, 4:], state[0])
    back, _ = cast("Any", stack.backwards[0]).from_dense(x[:, 4:].flip(1))
    expected, _ = cast("Any", stack.forwards[1]).from_dense(torch.cat([ahead, back.flip(1)], dim=3), state[1])
    assert_close(second[..., :H], expected)


@pytest.mark.parametrize("merge", MERGES)
@pytest.mark.parametrize(("cell", "dtype"), [("lstm", torch.float32), ("lstm", torch.float64), ("gru", torch.float64)])
def test_folds_are_independent(cell: Cell, dtype: torch.dtype, merge: Literal["each", "top"]) -> None:
    def outcome(*, changed: str) -> tuple[Tensor, tuple[Tensor, ...]]:
        stack, x = stack_of(cell, 2, merge).to(dtype), drawn(G, T, B, K).detach().to(dtype)
        with torch.no_grad():
            if changed == "input":
                x[1] += 1.0
            elif changed == "weights":
                for parameter in stack.parameters():
                    parameter[1] += 0.1
        output = run(stack, x.requires_grad_())
        return output, torch.autograd.grad(output.square().sum(), [x, *stack.parameters()])

    output, gradients = outcome(changed="nothing")
    for changed in ("input", "weights"):
        other, other_gradients = outcome(changed=changed)
        for before, after in zip((output, *gradients), (other, *other_gradients), strict=True):
            assert torch.equal(before[[0, 2]], after[[0, 2]])
            assert not torch.equal(before[1], after[1])


@pytest.mark.parametrize("merge", MERGES)
def test_dropout_is_applied_to_each_level_and_direction(merge: Literal["each", "top"]) -> None:
    stack, x = stack_of("lstm", 3, merge), drawn(G, T, B, K).detach()
    seen: list[Tensor] = []

    def drop(hidden: Tensor) -> Tensor:
        seen.append(hidden)
        return hidden * 0.0

    output, _ = stack(x, whole(), drop)
    assert [part.shape for part in seen] == [(G, T, B, H)] * 6
    assert not output.any()
    assert all(part.any() for part in seen)
