"""Sampling from next-token distributions: temperature, the most likely tokens alone, and one token of those left.

Symbols: B rows, V tokens.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RECALLED = 0.95
"""Probability that a note of a part that returns is the note of the part before, where that has one. The rest is the
model's, so that a part can end in another way."""


def shaped(log_p: Floats, temperature: float, top_k: int, top_p: float) -> Floats:
    """Sharpen or flatten distributions, then keep their most likely tokens alone.

    First p^(1/temperature), then the top_k most likely, then of these the fewest that together have at least top_p
    (Holtzman et al. 2020, "The curious case of neural text degeneration"); of equally likely tokens the first.

    Args:
        log_p: [B, V] nats, up to a constant for each row; -inf for what cannot be, which is not all of a row.
        temperature: 0 keeps the most likely token alone.
        top_k: 0 for all.
        top_p: 1 for all.

    Returns:
        [B, V] probabilities, each row of sum 1.
    """
    scaled = log_p - log_p.max(axis=1, keepdims=True)
    if temperature == 0:
        scaled = np.full_like(log_p, -np.inf)
        np.put_along_axis(scaled, log_p.argmax(axis=1)[:, None], 0.0, axis=1)
    elif temperature != 1:
        with np.errstate(over="ignore"):  # to -inf, as it should
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
    """Draw one token of each row by the inverse of its cumulative distribution.

    Args:
        p: [B, V] probabilities or any positive multiples.
        u: [B] uniform in [0, 1).

    Returns:
        [B] tokens; never one of probability 0.
    """
    cumulative = np.cumsum(p, axis=1)
    cumulative /= cumulative[:, -1:]
    return (cumulative <= u[:, None]).sum(axis=1)


def recall(log_p: Floats, token: int) -> None:
    """Mix, in place, [V] nats of the next token with the token of the repeated part."""
    log_p += np.log1p(-RECALLED)
    log_p[token] = np.logaddexp(log_p[token], np.log(RECALLED))
