"""The softmax over folds: its cross-entropy, alone or mixed with a pointer distribution, and its values at tokens.

Symbols: G folds, M rows (notes), H units, V tokens, K requested columns.
"""

from torch import Tensor

from models.folded.arguments import Pointer
from models.folded.backends import backend_of


def linear_cross_entropy(
    hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor, pointer: Pointer | None = None
) -> tuple[Tensor, Tensor]:
    """Return each fold's weighted sum of cross-entropies of a dense layer's softmax, or of its mixture with a pointer.

    Args:
        hidden: [G, M, H].
        weight: [G, V, H].
        bias: [G, V]; -inf excludes a token from the fold's vocabulary.
        target: [G, M] int64 tokens; if the share is 0, any token.
        share: [G, M] weight of each row, 0 for padding; not differentiated.
        pointer: The other part of the mixture -log(weight * softmax[target] + probability); None for the softmax alone.

    Returns:
        [G] loss to be differentiated (nats), and [G] cross-entropy without ``own_loss`` (nats), detached.
    """
    return backend_of(hidden).linear_cross_entropy(hidden, weight, bias, target, share, pointer)


def token_log_probabilities(hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
    """Return the log probabilities of chosen tokens, outside autograd.

    Args:
        hidden: [G, M, H].
        weight: [G, V, H].
        bias: [G, V]; -inf excludes a token from the fold's vocabulary.
        tokens: [G, M, K] int64 tokens; negative ones have probability 0.

    Returns:
        [G, M, K] log probabilities (nats).
    """
    return backend_of(hidden).token_log_probabilities(hidden, weight, bias, tokens)
