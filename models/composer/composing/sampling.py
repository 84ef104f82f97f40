"""Sampling from next-token distributions: temperature, top-k and top-p, and the draw of a token.

Symbols: B rows, V tokens.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RECALLED = 0.95
"""Probability of copying a note in a repeated part. Otherwise the note is sampled from the model, so that a repetition
can have another ending."""


def shaped(log_p: Floats, temperature: float, top_k: int, top_p: float) -> Floats:
    """Apply temperature, top-k and top-p to distributions, in this order.

    The temperature transforms p to p^(1/temperature), up to a factor. Top-p keeps the fewest most likely tokens whose
    probabilities sum to at least top_p (Holtzman et al. 2020, "The curious case of neural text degeneration"). Among
    equally likely tokens the first has priority.

    Args:
        log_p: [B, V] nats, up to a constant for each row; -inf for impossible tokens, but not for all of a row.
        temperature: 0 keeps only the most likely token.
        top_k: 0 for all.
        top_p: 1 for all.

    Returns:
        [B, V] probabilities; each row sums to 1.
    """
    scaled = log_p - log_p.max(axis=1, keepdims=True)
    if temperature == 0:
        scaled = np.full_like(log_p, -np.inf)
        np.put_along_axis(scaled, log_p.argmax(axis=1)[:, None], 0.0, axis=1)
    elif temperature != 1:
        with np.errstate(over="ignore"):  # overflows to -inf
            scaled = scaled / temperature
    p = np.exp(scaled)
    if temperature and (top_k or top_p < 1):
        order = np.argsort(-log_p, axis=1, kind="stable")
        falling = np.take_along_axis(p, order, axis=1)
        if top_k:
            falling[:, top_k:] = 0.0
        before = np.cumsum(falling, axis=1) - falling
        falling[before >= top_p * falling.sum(axis=1, keepdims=True)] = 0.0
        np.put_along_axis(p, order, falling, axis=1)
    return p / p.sum(axis=1, keepdims=True)


def drawn(p: Floats, u: Floats) -> NDArray[np.int64]:
    """Draw a token for each row by inverting its cumulative distribution.

    Args:
        p: [B, V] probabilities, up to a positive factor.
        u: [B] uniform in [0, 1).

    Returns:
        [B] tokens with positive probability.
    """
    cumulative = np.cumsum(p, axis=1)
    cumulative /= cumulative[:, -1:]
    return (cumulative <= u[:, None]).sum(axis=1)


def recall(log_p: Floats, token: int) -> None:
    """Mix [V] log probabilities (nats) of the next token with the token of the repeated part, in place."""
    log_p += np.log1p(-RECALLED)
    log_p[token] = np.logaddexp(log_p[token], np.log(RECALLED))
