"""Products, dense layers, row gathers and the softmax's cross-entropy over folds."""

import pytest
import torch
from torch import Tensor

from models.folded.arguments import Pointer
from models.folded.cross_entropy import linear_cross_entropy, token_log_probabilities
from models.folded.layers import RecurrentLayer
from models.folded.linear import linear, rows
from models.folded.reference import cross_entropy
from models.folded.reference.matmul import outer, product, products, step_product
from tests.models.closeness import assert_close

pytestmark = pytest.mark.usefixtures("backend")

G, V, H = 3, 11, 4


def drawn(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    source = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=source, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (3, 5, 7), (300, 96, 160), (40, 160, 320), (513, 130, 67)])
def test_products_of_all_shapes_equal_torchs(m: int, k: int, n: int, dtype: torch.dtype) -> None:
    x, w = drawn(2, m, k, dtype=dtype), drawn(2, k, n, dtype=dtype)
    wide, turned = drawn(2, m, 3 * k, dtype=dtype), drawn(2, n, k, dtype=dtype)
    exact = (1e-4, 1e-3) if dtype == torch.float32 else (1e-9, 1e-11)
    assert_close(products(x, w), torch.matmul(x, w), *exact)
    assert_close(products(x, turned.mT), torch.matmul(x, turned.mT), *exact)
    assert_close(products(wide[..., k : 2 * k], w), torch.matmul(wide[..., k : 2 * k], w), *exact)
    assert_close(product(x[0], w[0]), x[0] @ w[0], *exact)
    assert_close(product(x[0].t(), wide[0, :, :k]), x[0].t() @ wide[0, :, :k], *exact)
    y = torch.matmul(x, w)
    assert_close(outer(y, x), torch.matmul(y.mT, x), *exact)
    assert_close(outer(x, y), torch.matmul(x.mT, y), *exact)
    for weights in (w, turned.mT, w[:1], turned.mT[:1]):
        part = x[: len(weights)]
        assert_close(step_product(weights, m)(part), torch.matmul(part, weights), *exact)


def test_linear_is_a_dense_layer_for_each_fold() -> None:
    x, w, b = (part.requires_grad_() for part in (drawn(G, 2, 5, 3), drawn(G, 4, 3), drawn(G, 4)))
    y = linear(x, w, b)
    for fold in range(G):
        assert_close(y[fold], torch.nn.functional.linear(x[fold], w[fold], b[fold]))
    assert torch.autograd.gradcheck(linear, (x, w, b))


def test_rows_are_products_with_one_hot_inputs() -> None:
    table, index = drawn(G, V, H).requires_grad_(), torch.randint(V, (G, 2, 5))
    one_hot = torch.nn.functional.one_hot(index, V).double()
    actual, expected = rows(table, index), torch.einsum("gtbv,gvh->gtbh", one_hot, table)
    assert_close(actual, expected)
    weight = drawn(G, 2, 5, H)
    for one, other in zip(
        torch.autograd.grad((actual * weight).sum(), table),
        torch.autograd.grad((expected * weight).sum(), table),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("chunk_bytes", [1, 3 * V * 8, 2**20])
def test_cross_entropy_equals_torch_fold_by_fold(chunk_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK_BYTES", chunk_bytes)
    hidden, w, b = (part.requires_grad_() for part in (drawn(G, 10, H), drawn(G, V, H), drawn(G, V)))
    target = torch.randint(3, V, (G, 10))
    share = torch.rand(G, 10, dtype=torch.float64) * (torch.rand(G, 10) < 0.7)
    unseen = torch.zeros(G, V, dtype=torch.float64)
    unseen[0, :3] = unseen[2, 1] = -torch.inf
    weight_of_fold = torch.tensor([1.0, 0.0, -2.5])
    loss, alone = linear_cross_entropy(hidden, w, b + unseen, target, share)
    assert torch.equal(loss, alone)
    logits = torch.einsum("gmh,gvh->gmv", hidden, w) + (b + unseen)[:, None]
    nats = torch.nn.functional.cross_entropy(logits.flatten(0, 1), target.flatten(), reduction="none").view(G, 10)
    expected = (nats * share).sum(1)
    assert_close(loss, expected)
    actual = torch.autograd.grad((loss * weight_of_fold).sum(), (hidden, w, b))
    wanted = torch.autograd.grad((expected * weight_of_fold).sum(), (hidden, w, b))
    for one, other in zip(actual, wanted, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("own_loss", [0.0, 0.7])
def test_the_mixture_with_a_pointer_equals_its_formula(own_loss: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK_BYTES", 3 * V * 8)
    hidden, w, b = (part.requires_grad_() for part in (drawn(G, 10, H), drawn(G, V, H), drawn(G, V)))
    log_weight = (-torch.rand(G, 10, dtype=torch.float64)).requires_grad_()
    probability = (torch.rand(G, 10, dtype=torch.float64) * (torch.rand(G, 10) < 0.5)).requires_grad_()
    target, share = torch.randint(V, (G, 10)), torch.rand(G, 10, dtype=torch.float64)
    loss, mixture = linear_cross_entropy(hidden, w, b, target, share, Pointer(log_weight, probability, own_loss))
    logits = torch.einsum("gmh,gvh->gmv", hidden, w) + b[:, None]
    log_p = torch.log_softmax(logits, dim=2).gather(2, target[..., None]).squeeze(2)
    nats = -torch.log(torch.exp(log_weight + log_p) + probability)
    assert_close(mixture, (nats * share).sum(1))
    expected = ((nats - own_loss * log_p) * share).sum(1)
    assert_close(loss, expected)
    weight_of_fold, inputs = torch.tensor([1.0, 0.0, -2.5]), (hidden, w, b, log_weight, probability)
    actual = torch.autograd.grad((loss * weight_of_fold).sum(), inputs)
    wanted = torch.autograd.grad((expected * weight_of_fold).sum(), inputs)
    for one, other in zip(actual, wanted, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("padding_is_known", [True, False])
def test_padding_has_no_effect(padding_is_known: bool) -> None:
    hidden, w, b = drawn(1, 6, H).requires_grad_(), drawn(1, V, H).requires_grad_(), drawn(1, V)
    share = torch.tensor([[1.0, 1.0, 0.0, 1.0, 0.0, 0.0]]).double()
    target = torch.where(share == 0, 0, torch.randint(1, V, (1, 6)))
    if not padding_is_known:
        b[0, 0] = -torch.inf
    loss, _ = linear_cross_entropy(hidden, w, b, target, share)
    exact = torch.log_softmax(hidden @ w.mT + b[:, None], dim=2).gather(2, target[..., None])[..., 0]
    assert_close(loss, -exact[share > 0].sum()[None])
    actual = torch.autograd.grad(loss.sum(), (hidden, w))
    assert torch.equal(actual[0][0].abs().sum(1).bool(), share[0].bool())
    assert all(bool(torch.isfinite(one).all()) for one in actual)


def test_log_probabilities_of_chosen_tokens_equal_torchs_softmax(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cross_entropy, "_CHUNK_BYTES", 4 * V * 8)
    hidden, w, b = drawn(G, 10, H), drawn(G, V, H), drawn(G, V)
    b[0, 5] = -torch.inf
    tokens = torch.randint(-1, V, (G, 10, 3))
    actual = token_log_probabilities(hidden, w, b, tokens)
    exact = torch.log_softmax(torch.einsum("gmh,gvh->gmv", hidden, w) + b[:, None], dim=2)
    for fold in range(G):
        for note in range(10):
            for column in range(3):
                token = int(tokens[fold, note, column])
                expected = -torch.inf if token < 0 else float(exact[fold, note, token])
                assert float(actual[fold, note, column]) == pytest.approx(expected)


@pytest.mark.parametrize("cell", ["rnn", "gru", "lstm", "peephole"])
def test_a_layer_on_rows_equals_a_layer_on_one_hot_inputs(cell: str) -> None:
    def layer(*, one_hot: bool) -> RecurrentLayer:
        sources = [torch.Generator().manual_seed(fold) for fold in range(G)]
        return RecurrentLayer(cell, V, H, one_hot=one_hot, generators=sources).double()  # pyright: ignore[reportArgumentType]

    gathered, dense = layer(one_hot=True), layer(one_hot=False)
    for name, parameter in dense.named_parameters():
        other = gathered.get_parameter(name)
        parameter.data = other.data.mT.contiguous() if name == "weight" else other.data
    index, extra = torch.randint(V, (G, 5, 2)), torch.zeros(G, 5, 2, gathered.bias.shape[1], dtype=torch.float64)
    actual, state = gathered.from_rows(index, extra)
    expected, other_state = dense.from_dense(torch.nn.functional.one_hot(index, V).double())
    assert_close(actual, expected)
    for one, other in zip(state, other_state, strict=True):
        assert_close(one, other)
    second, _ = gathered.from_rows(index, None, state)
    whole, _ = gathered.from_rows(torch.cat([index, index], dim=1))
    assert_close(second, whole[:, 5:])


@pytest.mark.parametrize("with_state", [False, True])
def test_the_lstm_in_float32_equals_that_in_float64(with_state: bool) -> None:
    sources = [torch.Generator().manual_seed(fold) for fold in range(G)]
    layer = RecurrentLayer("lstm", 5, 8, one_hot=False, generators=sources)
    x, h0, c0 = (drawn(*shape, dtype=torch.float32) for shape in ((G, 6, 3, 5), (G, 3, 8), (G, 3, 8)))
    state = (h0, c0) if with_state else None
    actual: list[list[Tensor]] = []
    for dtype in (torch.float32, torch.float64):
        layer = layer.to(dtype)
        initial = tuple(part.to(dtype).requires_grad_() for part in state) if state else None
        hidden, after = layer.from_dense(x.to(dtype), initial)
        wanted = [*layer.parameters(), *(initial or ())]
        outputs = (hidden * drawn(*hidden.shape)).sum() + sum(part.sum() for part in after)
        actual.append([hidden, *after, *torch.autograd.grad(outputs, wanted)])
    for fast, exact in zip(*actual, strict=True):
        assert_close(fast.double(), exact.double(), rtol=1e-4, atol=1e-5)
