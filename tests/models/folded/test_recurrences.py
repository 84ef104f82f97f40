"""Recurrences compared with torch's modules and naive loops in float64."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from models.folded.arguments import CellWeights
from models.folded.backends import backend_of
from models.folded.reference import matmul
from tests.models.closeness import assert_close

pytestmark = pytest.mark.usefixtures("backend")

G, T, B, K = 3, 5, 4, 6


def lstm(
    pre: Tensor, recurrent: Tensor, peephole: Tensor | None = None, state: tuple[Tensor, Tensor] | None = None
) -> tuple[Tensor, tuple[Tensor, ...]]:
    weights = CellWeights("lstm" if peephole is None else "peephole", recurrent, None, peephole)
    return backend_of(pre).recurrence(weights, pre, state, None)


def gru(pre: Tensor, recurrent: Tensor, bias: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    weights = CellWeights("gru", recurrent, bias)
    hidden, (last,) = backend_of(pre).recurrence(weights, pre, None if state is None else (state,), None)
    return hidden, last


def rnn(pre: Tensor, recurrent: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
    weights = CellWeights("rnn", recurrent)
    hidden, (last,) = backend_of(pre).recurrence(weights, pre, None if state is None else (state,), None)
    return hidden, last


def drawn(*shape: int, seed: int = 0) -> Tensor:
    source = torch.Generator().manual_seed(seed + sum(shape))
    return torch.randn(shape, generator=source, dtype=torch.float64).requires_grad_()


def naive_lstm(
    pre: Tensor, recurrent: Tensor, peephole: Tensor | None, h: Tensor, c: Tensor
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """Run one fold's LSTM step by step by its equations."""
    p_i, p_f, p_o = torch.zeros(3, h.shape[1], dtype=h.dtype) if peephole is None else peephole
    outputs: list[Tensor] = []
    for a in pre:
        a_i, a_f, a_g, a_o = (a + h @ recurrent.T).chunk(4, dim=1)
        i, f = torch.sigmoid(a_i + p_i * c), torch.sigmoid(a_f + p_f * c)
        c = f * c + i * torch.tanh(a_g)
        h = torch.sigmoid(a_o + p_o * c) * torch.tanh(c)
        outputs.append(h)
    return torch.stack(outputs), (h, c)


def same_gradients(ours: Tensor, theirs: Tensor, inputs: Sequence[Tensor]) -> None:
    actual = torch.autograd.grad(ours, inputs)
    expected = torch.autograd.grad(theirs, inputs)
    for one, other in zip(actual, expected, strict=True):
        assert_close(one, other)


@pytest.fixture(params=["together", "one by one"])
def both_ways(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Step folds together, then one by one, as if their weights did not fit into the cache."""
    if request.param == "one by one":
        monkeypatch.setattr(matmul, "_CACHE_BYTES", 0)


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_recurrences_equal_torch(kind: str, size: int, with_state: bool) -> None:
    modules: list[Any] = [
        {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU, "rnn": torch.nn.RNN}[kind](K, size, dtype=torch.float64)
        for _ in range(G)
    ]
    names: tuple[str, ...] = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    w, r, b, b_h = (
        torch.stack([getattr(module, name).detach() for module in modules]).requires_grad_() for name in names
    )
    x, h0, c0 = drawn(G, T, B, K), drawn(G, B, size), drawn(G, B, size, seed=1)
    dh, d_last = drawn(G, T, B, size).detach(), drawn(G, B, size).detach()
    pre = torch.einsum("gtbk,gnk->gtbn", x, w) + b[:, None, None]
    if kind == "lstm":
        hidden, (last, cell) = lstm(pre + b_h[:, None, None], r, None, (h0, c0) if with_state else None)
        ours = (hidden * dh).sum() + ((last + 2 * cell) * d_last).sum()
    elif kind == "gru":
        b_r_z = torch.cat([b_h[:, : 2 * size], torch.zeros(G, size)], dim=1)
        hidden, last = gru(pre + b_r_z[:, None, None], r, b_h[:, 2 * size :], h0 if with_state else None)
        ours = (hidden * dh).sum() + (last * d_last).sum()
    else:
        hidden, last = rnn(pre + b_h[:, None, None], r, h0 if with_state else None)
        ours = (hidden * dh).sum() + (last * d_last).sum()
    theirs = torch.zeros((), dtype=torch.float64)
    for fold, module in enumerate(modules):
        state: Any = (h0[fold, None], c0[fold, None]) if kind == "lstm" else h0[fold, None]
        values: dict[str, Tensor] = dict(zip(names, (w[fold], r[fold], b[fold], b_h[fold]), strict=True))
        arguments = (x[fold], state) if with_state else (x[fold],)
        output, after = torch.func.functional_call(module, values, arguments)
        assert_close(hidden[fold], output)
        after = after[0] + 2 * after[1] if kind == "lstm" else after
        theirs = theirs + (output * dh[fold]).sum() + (after * d_last[fold]).sum()
    states = [h0, c0][: 2 if kind == "lstm" else 1] if with_state else []
    same_gradients(ours, theirs, [x, w, r, b, b_h, *states])


@pytest.mark.usefixtures("both_ways")
@pytest.mark.parametrize("with_state", [False, True])
@pytest.mark.parametrize("size", [1, 5])
def test_peepholes_equal_a_naive_loop(size: int, with_state: bool) -> None:
    pre, r, p = drawn(G, T, B, 4 * size), drawn(G, 4 * size, size), drawn(G, 3, size)
    h0, c0 = drawn(G, B, size), drawn(G, B, size, seed=1)
    if not with_state:
        h0, c0 = (torch.zeros_like(state, requires_grad=True) for state in (h0, c0))
    dh, d_last = drawn(G, T, B, size).detach(), drawn(G, B, size).detach()
    hidden, (last, cell) = lstm(pre * 1.0, r, p, (h0, c0) if with_state else None)
    ours = (hidden * dh).sum() + ((last + 2 * cell) * d_last).sum()
    theirs = torch.zeros((), dtype=torch.float64)
    for fold in range(G):
        output, (after_h, after_c) = naive_lstm(pre[fold], r[fold], p[fold], h0[fold], c0[fold])
        assert_close(hidden[fold], output)
        theirs = theirs + (output * dh[fold]).sum() + ((after_h + 2 * after_c) * d_last[fold]).sum()
    same_gradients(ours, theirs, [pre, r, p, *([h0, c0] if with_state else [])])


def run_lstm(pre: Tensor, r: Tensor, p: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, ...]:
    hidden, (last, cell) = lstm(pre * 1.0, r, p, (h0, c0))
    return hidden, last, cell


def run_plain(pre: Tensor, r: Tensor, h0: Tensor, c0: Tensor) -> tuple[Tensor, ...]:
    hidden, (last, cell) = lstm(pre * 1.0, r, None, (h0, c0))
    return hidden, last, cell


def run_gru(pre: Tensor, r: Tensor, b: Tensor, h0: Tensor) -> tuple[Tensor, ...]:
    return gru(pre * 1.0, r, b, h0)


def run_rnn(pre: Tensor, r: Tensor, h0: Tensor) -> tuple[Tensor, ...]:
    return rnn(pre * 1.0, r, h0)


@pytest.mark.parametrize(
    ("run", "shapes"),
    [
        (run_lstm, [(2, 3, 2, 8), (2, 8, 2), (2, 3, 2), (2, 2, 2), (2, 2, 2)]),
        (run_plain, [(2, 3, 2, 8), (2, 8, 2), (2, 2, 2), (2, 2, 2)]),
        (run_gru, [(2, 3, 2, 6), (2, 6, 2), (2, 2), (2, 2, 2)]),
        (run_rnn, [(2, 3, 2, 2), (2, 2, 2), (2, 2, 2)]),
    ],
)
def test_gradients_agree_with_finite_differences(
    run: Callable[..., tuple[Tensor, ...]], shapes: list[tuple[int, ...]]
) -> None:
    assert torch.autograd.gradcheck(run, [drawn(*shape) for shape in shapes])


def test_a_single_step_works() -> None:
    hidden, _ = lstm(drawn(2, 1, 3, 8) * 1.0, drawn(2, 8, 2))
    assert hidden.shape == (2, 1, 3, 2)
    torch.autograd.backward(hidden.sum())


@pytest.mark.parametrize(("size", "batch"), [(16, 2), (128, 40), (272, 3)])
@pytest.mark.parametrize("kind", ["lstm", "peephole", "gru", "rnn"])
def test_float32_kernels_agree_with_float64(kind: str, size: int, batch: int) -> None:
    gates = {"lstm": 4, "peephole": 4, "gru": 3, "rnn": 1}[kind]
    inputs = [drawn(2, 3, batch, gates * size), drawn(2, gates * size, size), drawn(2, 3, size), drawn(2, size)]
    actual: list[list[Tensor]] = []
    for dtype in (torch.float64, torch.float32):
        pre, r, p, b = ((part.detach() * 0.1).to(dtype).requires_grad_() for part in inputs)
        if kind == "gru":
            hidden, _ = gru(pre * 1.0, r, b)
        elif kind == "rnn":
            hidden, _ = rnn(pre * 1.0, r)
        else:
            hidden, _ = lstm(pre * 1.0, r, p if kind == "peephole" else None)
        wanted = [pre, r, *([p] if kind == "peephole" else [b] if kind == "gru" else [])]
        actual.append([hidden, *torch.autograd.grad(hidden.sum(), wanted)])
    for exact, fast in zip(*actual, strict=True):
        assert_close(fast.double(), exact, rtol=1e-4, atol=1e-4)
