"""The objective of melody searches, which is comparable across encodings, and the cross-entropy of tokens.

Symbols: P pieces, M kept notes, n the notes of a piece (including those that the reading leaves out), G folds.
Every piece is scored by the model of the fold that holds it out. With the piece's frame T_k, header h and floor p0:

    L = (1/n) [ -log p(h) - sum_t log( (1 - eps) sum_{tokens u of event T_k x_t} p(u | past) + eps p0(T_k x_t) ) ]

For any encoding this is the code length of the (pitch, duration) events in the original key: for each header the
probabilities of all pieces of n notes sum to the probability of the header.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.tokens import MelodyEncoding, Sequences
from data_prep.melodies.arrays import Melodies
from models.metrics import CV_LOSS, CV_LOSS_BY_NOTE, NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, FoldValues, Metric

SCORED: tuple[Metric, ...] = (NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, CV_LOSS, CV_LOSS_BY_NOTE)
"""The metrics that ``score`` returns."""


def piece_costs(
    encoding: MelodyEncoding, sequences: Sequences, log_marginal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the cost of each piece under the fold that holds it out.

    Args:
        encoding: The encoding with floors and priors.
        sequences: The pieces in their frames.
        log_marginal: [M] log of the summed probability of all tokens of the note's event (nats).

    Returns:
        [P] nats of the entire piece, including its header.
    """
    fold, piece = _fold_and_piece(encoding, sequences)
    log_p0 = encoding.log_p0[fold, sequences.event]
    cost = -_mixed(encoding.eps[fold], log_marginal, log_p0)
    notes = np.bincount(piece, weights=cost, minlength=encoding.melodies.num_pieces).astype(np.float64)
    return notes + sequences.header_cost + sequences.dropped_cost


def mixed_costs(costs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the cost under a mixture of frames: at most that of the best frame, and independent of key labels.

    Args:
        costs: For each shift, [P] nats of ``piece_costs`` in the frame of that shift, including its prior.

    Returns:
        [P] nats.
    """
    return -np.logaddexp.reduce(-np.stack(costs), axis=0)


def token_costs(encoding: MelodyEncoding, log_joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each note's token cross-entropy (Qin et al. 2017).

    The floor of a token is the event's p0, divided equally among the event's possible tokens; with vocabulary=corpus,
    as in the paper, there is no floor.

    Args:
        encoding: The encoding.
        log_joint: [M] log probability of the note's token (nats).

    Returns:
        [M] nats.
    """
    if encoding.options.vocabulary == "corpus":
        return -log_joint
    sequences = encoding.sequences
    fold, _ = _fold_and_piece(encoding, sequences)
    log_base = encoding.log_p0[fold, sequences.event] - sequences.log_variants
    return -_mixed(encoding.eps[fold], log_joint, log_base)


def score(
    encoding: MelodyEncoding, log_marginal: NDArray[np.float64], log_joint: NDArray[np.float64], folds: range
) -> dict[str, FoldValues]:
    """Average the held-out notes' costs.

    Args:
        encoding: The encoding.
        log_marginal: [M] see ``piece_costs``, in the encoding's own frames.
        log_joint: [M] see ``token_costs``.
        folds: The folds that are scored.

    Returns:
        By metric name: nats per note and cross-entropy, averaged by piece and by note. Cross-entropy excludes first
        notes and pieces that cannot be used for training.
    """
    sequences, melodies = encoding.sequences, encoding.melodies
    cost = piece_costs(encoding, sequences, log_marginal)
    num_notes = np.diff(melodies.start)
    _, piece = _fold_and_piece(encoding, sequences)
    later = np.ones(len(piece), dtype=np.bool_)
    later[sequences.start[:-1][np.diff(sequences.start) > 0]] = False
    later &= encoding.trainable[piece]
    token_cost = np.bincount(
        piece[later], weights=token_costs(encoding, log_joint)[later], minlength=melodies.num_pieces
    ).astype(np.float64)
    num_later = np.bincount(piece[later], minlength=melodies.num_pieces)
    nats_per_note = _over_folds(cost, num_notes, melodies, folds)
    cross_entropy = _over_folds(token_cost, num_later, melodies, folds)
    return {metric.name: values for metric, values in zip(SCORED, (*nats_per_note, *cross_entropy), strict=True)}


def _fold_and_piece(encoding: MelodyEncoding, sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return [M] the fold that scores each kept note, and [M] the note's piece."""
    piece = np.repeat(np.arange(encoding.melodies.num_pieces), np.diff(sequences.start))
    return encoding.scorer[piece], piece


def _mixed(eps: NDArray[np.float64], log_p: NDArray[np.float64], log_floor: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(np.log1p(-eps) + log_p, np.log(eps) + log_floor)


def _over_folds(
    cost: NDArray[np.float64], num_notes: NDArray[np.int64], melodies: Melodies, folds: range
) -> tuple[FoldValues, FoldValues]:
    """Return the mean cost per note of each fold, averaged by piece and by note; pieces without notes are left out."""
    held_out = [(num_notes > 0) & (melodies.fold == fold) for fold in folds]
    return (
        FoldValues(tuple(float((cost[pieces] / num_notes[pieces]).mean()) for pieces in held_out)),
        FoldValues(tuple(float(cost[pieces].sum() / num_notes[pieces].sum()) for pieces in held_out)),
    )
