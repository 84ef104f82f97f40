"""The compiled kernels compared with the reference and with numpy, and builds for different vectors with each other."""

from collections.abc import Iterator
from dataclasses import replace
from typing import cast, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from models.folded.arguments import GATES, Cell, CellWeights, Pointer, Reversal
from models.folded.native import build
from models.folded.native.backend import Native, load
from models.folded.native.library import Library
from models.folded.reference.backend import Reference

SIZES = [(5, 1, 16), (7, 3, 24), (4, 7, 33), (6, 13, 70), (300, 2, 5), (9, 50, 64), (3, 5, 1), (1, 2, 300), (2, 0, 8)]
"""Steps, sequences and units: multiples of no vector among them, and more rows than a group has."""

CELLS: tuple[Cell, ...] = get_args(Cell)

TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5}


@pytest.fixture(scope="module")
def native() -> Native:
    backend = load()
    if isinstance(backend, str):
        pytest.skip(f"no native backend: {backend}")
    return backend


@pytest.fixture(params=[1, 9])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def drawn(source: torch.Generator, *shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(shape, generator=source, dtype=dtype).requires_grad_()


def results_of(
    backend: Reference, cell: Cell, sizes: tuple[int, int, int], dtype: torch.dtype, *, mode: str, with_state: bool
) -> list[Tensor]:
    """Return a layer's hidden states, last state and all gradients."""
    (num_steps, batch, size), folds, inputs = sizes, 2, 11
    source = torch.Generator().manual_seed(num_steps + batch + size)
    wide = GATES[cell] * size
    dense = mode.startswith("dense")
    x = drawn(source, folds, num_steps, batch, inputs if dense else wide, dtype=dtype)
    weight, bias = drawn(source, folds, wide, inputs, dtype=dtype), drawn(source, folds, wide, dtype=dtype)
    recurrent, own = drawn(source, folds, wide, size, dtype=dtype), drawn(source, folds, 3, size, dtype=dtype)
    state = tuple(
        drawn(source, folds, batch, size, dtype=dtype) for _ in range(2 if cell in {"lstm", "peephole"} else 1)
    )
    lengths = torch.randint(1, num_steps + 1, (folds, batch), generator=source)
    turn = None if "back" not in mode else Reversal(lengths if "padded" in mode else lengths * 0 + num_steps, num_steps)
    weights = CellWeights(
        cell, recurrent / size**0.5, own[:, 0] if cell == "gru" else None, own if cell == "peephole" else None
    )
    before = state if with_state else None
    if dense:
        hidden, after = backend.dense_recurrence(weights, x, weight, bias, before, turn)
    else:
        hidden, after = backend.recurrence(weights, x * 1.0, before, turn)
    loss = (hidden * torch.linspace(-1, 1, max(1, hidden.numel()), dtype=dtype)[: hidden.numel()].view_as(hidden)).sum()
    if turn is None:
        loss = loss + sum((part**2).sum() for part in after)
    wanted = [x, recurrent, *([weight, bias] if dense else []), *(state if with_state else ())]
    if cell in {"gru", "peephole"}:
        wanted.append(own)
    last = [part.detach() for part in after] if turn is None else []
    return [hidden.detach(), *last, *torch.autograd.grad(loss, wanted)]


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("cell", CELLS)
def test_layers_equal_the_reference(native: Native, cell: Cell, dtype: torch.dtype) -> None:
    for sizes in SIZES:
        for mode in ("dense", "pre", "dense back", "pre back padded", "dense back padded"):
            for with_state in (False, True):
                actual = results_of(native, cell, sizes, dtype, mode=mode, with_state=with_state)
                expected = results_of(Reference(), cell, sizes, dtype, mode=mode, with_state=with_state)
                for ours, theirs in zip(actual, expected, strict=True):
                    scale = 1.0 + float(theirs.abs().max()) if theirs.numel() else 1.0
                    torch.testing.assert_close(ours, theirs, rtol=0.0, atol=TOLERANCES[dtype] * scale)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("num_rows", "size", "tokens"), [(0, 3, 5), (1, 1, 2), (301, 70, 1001), (200, 64, 2048), (7, 300, 33)]
)
def test_cross_entropies_and_dense_layers_equal_the_reference(
    native: Native, num_rows: int, size: int, tokens: int, dtype: torch.dtype
) -> None:
    source = torch.Generator().manual_seed(num_rows + size)
    hidden, weight, bias = (
        drawn(source, 3, *shape, dtype=dtype) for shape in ((num_rows, size), (tokens, size), (tokens,))
    )
    log_weight = torch.rand(3, num_rows, generator=source, dtype=dtype).log().requires_grad_()
    probability = torch.rand(3, num_rows, generator=source, dtype=dtype).requires_grad_()
    target = torch.randint(tokens, (3, num_rows), generator=source)
    share = torch.rand(3, num_rows, generator=source, dtype=dtype)
    asked = torch.randint(-1, tokens, (3, num_rows, 4), generator=source)
    everything: list[list[Tensor]] = []
    for backend in (native, Reference()):
        inputs = [hidden, weight, bias]
        loss, _ = backend.linear_cross_entropy(hidden, weight, bias, target, share, None)
        results = [loss.detach(), *torch.autograd.grad(loss.sum(), inputs)]
        loss, _ = backend.linear_cross_entropy(
            hidden, weight, bias, target, share, Pointer(log_weight, probability, 0.3)
        )
        results += [loss.detach(), *torch.autograd.grad(loss.sum(), [*inputs, log_weight, probability])]
        with torch.no_grad():
            results.append(backend.token_log_probabilities(hidden, weight, bias, asked).clamp_min(-1e3))
        y = backend.linear(hidden, weight, bias)
        everything.append([*results, y.detach(), *torch.autograd.grad((y**2).sum(), inputs)])
    for ours, theirs in zip(*everything, strict=True):
        scale = 1.0 + float(theirs.abs().max()) if theirs.numel() else 1.0
        torch.testing.assert_close(ours, theirs, rtol=0.0, atol=TOLERANCES[dtype] * scale)


def ulps(actual: Tensor, exact: Tensor) -> float:
    """Return the largest error in units of the last place of the exact float32 value."""
    spacing = np.spacing(np.abs(exact.numpy()).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(actual.double().numpy() - exact.numpy()) / spacing))


def elementwise(native: Native, cell: Cell, x: Tensor) -> Tensor:
    """Return tanh(x) by the plain cell, or sigmoid(x) by a GRU whose new state is 0 and whose old state is 1."""
    pre = (
        x.view(1, 1, -1, 1)
        if cell == "rnn"
        else torch.stack([torch.zeros_like(x), x, torch.zeros_like(x)], dim=-1).view(1, 1, -1, 3)
    )
    weights = CellWeights(cell, torch.zeros(1, GATES[cell], 1), torch.zeros(1, 1) if cell == "gru" else None)
    state = None if cell == "rnn" else (torch.ones(1, x.numel(), 1),)
    return native.recurrence(weights, pre.clone(), state, None)[0].flatten()


def test_tanh_and_sigmoid_are_within_a_few_units_of_the_last_place(native: Native) -> None:
    tiny = torch.logspace(-30, 0, 200_000)
    x = torch.cat([torch.linspace(-100, 100, 1_000_001), tiny, -tiny])
    assert ulps(elementwise(native, "rnn", x), torch.tanh(x.double())) < 2
    inside = x[x > -80]  # below, sigmoid is less than 2e-35 and counts as 0
    assert ulps(elementwise(native, "gru", inside), torch.sigmoid(inside.double())) < 3
    assert float(elementwise(native, "gru", x).min()) >= 0


@pytest.mark.parametrize("cell", ["rnn", "gru"])
def test_infinities_and_nan_are_kept(native: Native, cell: Cell) -> None:
    actual = elementwise(native, cell, torch.tensor([torch.inf, -torch.inf, torch.nan, -torch.nan] * 9))
    expected = torch.tensor([1.0, -1.0 if cell == "rnn" else 0.0, torch.nan, torch.nan] * 9)
    torch.testing.assert_close(actual, expected, rtol=0.0, atol=1e-38, equal_nan=True)


def test_nan_in_the_weights_gives_a_loss_of_nan(native: Native) -> None:
    weight = torch.zeros(1, 40, 3)
    weight[0, 7, 1] = torch.nan
    share, target = torch.ones(1, 5), torch.zeros(1, 5, dtype=torch.int64)
    loss, _ = native.linear_cross_entropy(torch.ones(1, 5, 3), weight, torch.zeros(1, 40), target, share, None)
    assert bool(loss.isnan().all())


@pytest.mark.usefixtures("native")
def test_vectors_of_every_width_compute_the_same_bits() -> None:
    target = build.find_target()
    if not target.options[0].startswith("-march"):
        pytest.skip("this is no x86-64 processor")
    options = {("-march=x86-64-v3", f"-DVECTOR_BYTES={width}") for width in (16, 32)} | {target.options}
    everything: list[list[Tensor]] = []
    for each in sorted(options):
        narrow = replace(target, options=cast("tuple[str, ...]", each))
        backend = Native(Library(build.built_library(narrow)), "")
        results = [
            part
            for cell in CELLS
            for part in results_of(backend, cell, (9, 50, 70), torch.float32, mode="dense", with_state=True)
        ]
        source = torch.Generator().manual_seed(1)
        hidden, weight, bias = (
            drawn(source, 2, *shape, dtype=torch.float32) for shape in ((301, 70), (1001, 70), (1001,))
        )
        tokens, share = torch.randint(1001, (2, 301), generator=source), torch.rand(2, 301, generator=source)
        loss, _ = backend.linear_cross_entropy(hidden, weight, bias, tokens, share, None)
        results += [loss.detach(), *torch.autograd.grad(loss.sum(), [hidden, weight, bias])]
        everything.append(results)
    for others in everything[1:]:
        assert all(torch.equal(one, other) for one, other in zip(everything[0], others, strict=True))


@pytest.mark.usefixtures("native")
def test_the_kernels_can_be_loaded_where_gradients_are_disabled() -> None:
    with torch.inference_mode():
        assert isinstance(load(), Native)
    with torch.no_grad():
        assert isinstance(load(), Native)
