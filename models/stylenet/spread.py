"""The spread of velocities within the performances of each style, from which predictions differ.

Predictions are means over what players may do, so they vary less within a piece than any player's velocities.

Symbols: G folds, S styles, N notes and P performances of a corpus.
"""

import numpy as np
from numpy.typing import NDArray

from data_prep.performances.arrays import Performances


def played_spreads(performances: Performances) -> NDArray[np.float64]:
    """Return [P] the standard deviation of the velocities within each performance (MIDI units)."""
    piece, count = performances.piece_of_note, np.diff(performances.start)
    velocity = performances.velocity.astype(np.float64)
    mean = np.bincount(piece, velocity, performances.num_pieces) / count
    return np.sqrt(np.bincount(piece, (velocity - mean[piece]) ** 2, performances.num_pieces) / count)


def human_spreads(performances: Performances) -> NDArray[np.float64]:
    """Return the spread of each style, as each fold's network learns it.

    Args:
        performances: The performances with their folds.

    Returns:
        [G, S] medians of the spreads of each fold's training performances (MIDI units).
    """
    spread, fold = played_spreads(performances), performances.fold
    medians = np.zeros((performances.num_folds, len(performances.styles)))
    for held_out in range(performances.num_folds):
        learnt = (fold != held_out) & (fold >= 0)
        for style in range(len(performances.styles)):
            medians[held_out, style] = np.median(spread[learnt & (performances.style == style)])
    return medians
