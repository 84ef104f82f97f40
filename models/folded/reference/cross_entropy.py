"""The softmax over folds: its cross-entropy, with gradients computed in the forward pass, and its values at tokens.

Logits are computed a megabyte at a time and not stored: the forward pass computes the gradients too, and the backward
pass scales them by the incoming gradient of the fold.
"""

from collections.abc import Iterator
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.arguments import Pointer
from models.folded.reference.matmul import product
from models.folded.torch_typing import Function

_CHUNK_BYTES = 2**20
"""Bytes of logits computed at a time, so that they fit into a core's cache."""

_LEAST = -80.0
"""Log probability (nats) below which the gradient is capped, so that float32 does not overflow."""


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor, pointer: Pointer | None
) -> tuple[Tensor, Tensor]:
    """See :func:`models.folded.cross_entropy.linear_cross_entropy`."""
    mixed = (None, None, 0.0) if pointer is None else (pointer.log_weight, pointer.probability, pointer.own_loss)
    return cast("tuple[Tensor, Tensor]", _LinearCrossEntropy.apply(hidden, weight, bias, target, share, *mixed))


def token_log_probabilities(hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    """See :func:`models.folded.cross_entropy.token_log_probabilities`."""
    log_p = hidden.new_empty(tokens.shape)
    with torch.no_grad():
        for fold in range(hidden.shape[0]):
            for part in _chunks(hidden.shape[1], weight.shape[1], hidden.element_size()):
                logits = product(hidden[fold, part], weight[fold].t()).add_(bias[fold])
                index = tokens[fold, part]
                chosen = torch.log_softmax(logits, dim=1).gather(1, index.clamp_min(0))
                log_p[fold, part] = chosen.masked_fill_(index < 0, -torch.inf)
    return log_p


def _chunks(num_rows: int, num_tokens: int, element_size: int) -> Iterator[slice]:
    step = max(1, _CHUNK_BYTES // (num_tokens * element_size))
    for first in range(0, num_rows, step):
        yield slice(first, min(first + step, num_rows))


def _mixed(log_p: Tensor, log_weight: Tensor, probability: Tensor) -> tuple[Tensor, Tensor]:
    """Return [m] log probabilities of mixtures of softmax and pointer, and [m] the softmax's share of each."""
    from_softmax = log_weight + log_p
    mixed = torch.logaddexp(from_softmax, probability.log())
    return mixed, torch.exp(from_softmax - mixed)


class _LinearCrossEntropy(Function):
    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917  (autograd takes tensors one by one)
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        target: Tensor,
        share: Tensor,
        log_weight: Tensor | None,
        probability: Tensor | None,
        own_loss: float,
    ) -> tuple[Tensor, Tensor]:
        dhidden, dbias = torch.empty_like(hidden), torch.zeros_like(bias)
        dweight = weight.new_zeros(weight.mT.shape)
        nats, own = hidden.new_zeros((2, len(hidden)))
        dmixture = hidden.new_zeros((2, *share.shape))
        for fold in range(len(hidden)):
            for part in _chunks(hidden.shape[1], weight.shape[1], hidden.element_size()):
                x, column, count = hidden[fold, part], target[fold, part, None], share[fold, part]
                logits = product(x, weight[fold].t()).add_(bias[fold])
                log_p = torch.log_softmax(logits, dim=1)
                # The fold may not know the token at padding, and 0 times infinity is NaN.
                predicted = log_p.gather(1, column).squeeze(1).masked_fill_(count == 0, 0.0)
                if log_weight is not None and probability is not None:
                    own[fold] -= predicted @ count
                    predicted, of_softmax = _mixed(predicted, log_weight[fold, part], probability[fold, part])
                    dmixture[0, fold, part] = of_softmax * -count
                    dmixture[1, fold, part] = torch.exp(-predicted.clamp_min(_LEAST)) * -count
                nats[fold] -= predicted @ count
                # The logits' gradient is (p - one-hot) * share; each product scales its narrower factor by the share.
                slope = torch.exp(log_p, out=logits).scatter_add_(1, column, -torch.ones_like(column, dtype=x.dtype))
                if log_weight is not None:
                    count = count * own_loss - dmixture[0, fold, part]
                torch.mul(product(slope, weight[fold]), count.unsqueeze(1), out=dhidden[fold, part])
                dweight[fold] += product((x * count.unsqueeze(1)).t(), slope)
                dbias[fold] += count @ slope
        ctx.save_for_backward(dhidden, dweight.mT, dbias, dmixture)
        ctx.mark_non_differentiable(nats)
        return nats + own_loss * own, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dloss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        dhidden, dweight, dbias, dmixture = ctx.saved_tensors
        of_rows = dloss[:, None]
        return (
            dhidden * of_rows[..., None],
            dweight * of_rows[..., None],
            dbias * of_rows,
            None,
            None,
            *(dmixture * of_rows if ctx.needs_input_grad[5] else (None, None)),
            None,
        )
