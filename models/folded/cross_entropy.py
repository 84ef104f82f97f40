"""The softmax over folds: its cross-entropy with gradients made on the way, and its values at chosen tokens.

Symbols: G folds, M rows (notes), H units, V tokens, K columns asked for.
Logits are made a megabyte at a time and never all kept: the gradients that they are needed for are taken at once, and
scaled by the incoming gradient of the fold in the backward pass.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.matmul import product
from models.folded.torch_doors import apply

_CHUNK_BYTES = 2**20
"""Logits made at a time, so that they stay in a core's cache until their gradients are taken."""


def linear_cross_entropy(hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor) -> Tensor:
    """Give each fold's weighted sum of cross-entropies of a dense layer's softmax.

    Args:
        hidden: [G, M, H].
        weight: [G, V, H].
        bias: [G, V]; -inf takes a token out of the fold's vocabulary.
        target: [G, M] int64 tokens, any in 0..V-1 where the share is 0.
        share: [G, M] what each row counts, 0 for padding; not differentiated.

    Returns:
        [G] nats.
    """
    return cast("Tensor", apply(_LinearCrossEntropy, hidden, weight, bias, target, share))


def token_log_probabilities(hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    """Give the log probabilities of chosen tokens, outside autograd.

    Args:
        hidden: [G, M, H].
        weight: [G, V, H].
        bias: [G, V]; -inf takes a token out of the fold's vocabulary.
        tokens: [G, M, K] int64 tokens; a negative one has probability 0.

    Returns:
        [G, M, K] nats, each 0 or less.
    """
    found = hidden.new_empty(tokens.shape)
    with torch.no_grad():
        for fold in range(hidden.shape[0]):
            for part in _chunks(hidden.shape[1], weight.shape[1], hidden.element_size()):
                logits = product(hidden[fold, part], weight[fold].t()).add_(bias[fold])
                index = tokens[fold, part]
                chosen = torch.log_softmax(logits, dim=1).gather(1, index.clamp_min(0))
                found[fold, part] = chosen.masked_fill_(index < 0, -torch.inf)
    return found


def _chunks(num_rows: int, num_tokens: int, element_size: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // (num_tokens * element_size))
    for first in range(0, num_rows, step):
        yield slice(first, min(first + step, num_rows))


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor) -> Tensor:
        dhidden, dbias = torch.empty_like(hidden), torch.zeros_like(bias)
        dweight = weight.new_zeros(weight.mT.shape)
        loss = hidden.new_zeros(len(hidden))
        for fold in range(len(hidden)):
            for part in _chunks(hidden.shape[1], weight.shape[1], hidden.element_size()):
                x, column, count = hidden[fold, part], target[fold, part, None], share[fold, part]
                logits = product(x, weight[fold].t()).add_(bias[fold])
                log_p = torch.log_softmax(logits, dim=1)
                # Padding may ask for a token that the fold does not know, and 0 times infinity is no number.
                loss[fold] -= log_p.gather(1, column).squeeze(1).masked_fill_(count == 0, 0.0) @ count
                # The logits' gradient is (p - one-hot) share; the share is put on the narrower side of each product.
                slope = torch.exp(log_p, out=logits).scatter_add_(1, column, -torch.ones_like(column, dtype=x.dtype))
                torch.mul(product(slope, weight[fold]), count.unsqueeze(1), out=dhidden[fold, part])
                dweight[fold] += product((x * count.unsqueeze(1)).t(), slope)
                dbias[fold] += count @ slope
        ctx.save_for_backward(dhidden, dweight.mT, dbias)
        return loss

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dloss: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        dhidden, dweight, dbias = ctx.saved_tensors
        return dhidden * dloss[:, None, None], dweight * dloss[:, None, None], dbias * dloss[:, None], None, None
