"""The objective of every melody search, comparable across encodings, and the encoding's own cross-entropy beside it.

Symbols: P pieces, M kept notes, n the notes of a piece (those that the reading leaves out too), G folds.
Every piece is scored by the model of the one fold that holds it out. With the piece's frame T_k, header h and floor p0:

    L = (1/n) [ -log p(h) - sum_t log( (1 - eps) sum_{tokens u of event T_k x_t} p(u | past) + eps p0(T_k x_t) ) ]

which is the code length of the (pitch, duration) events in the original key, whatever the tokens are: for each header
the probabilities of all pieces of n notes sum to that header's probability.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.tokens import MelodyEncoding, Sequences
from models.metrics import CV_LOSS, CV_LOSS_BY_NOTE, NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, FoldValues, Metric

SCORED: tuple[Metric, ...] = (NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, CV_LOSS, CV_LOSS_BY_NOTE)
"""The metrics that ``score`` returns."""


def piece_costs(
    encoding: MelodyEncoding, sequences: Sequences, log_marginal: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what each piece costs under the fold that holds it out.

    Args:
        encoding: Where floors and priors come from.
        sequences: The pieces in their frames.
        log_marginal: [M] nats, the log of the summed probability of all tokens that carry the note's event.

    Returns:
        [P] nats of the whole piece, header included.
    """
    fold, piece = _fold_and_piece(encoding, sequences)
    log_p0 = encoding.log_p0[fold, sequences.event]
    cost = -_mixed(encoding.eps[fold], log_marginal, log_p0)
    notes = np.bincount(piece, weights=cost, minlength=encoding.melodies.num_pieces).astype(np.float64)
    return notes + sequences.header_cost + sequences.dropped_cost


def mixed_costs(costs: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Mix over frames instead of paying for one: never more than the cheapest, and no key label is needed.

    Args:
        costs: For each shift, [P] nats of ``piece_costs`` in the frame at that shift, so with its prior paid.

    Returns:
        [P] nats.
    """
    return -np.logaddexp.reduce(-np.stack(costs), axis=0)


def token_costs(encoding: MelodyEncoding, log_joint: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each note's token cross-entropy (Qin et al. 2017).

    Tokens that a fold's training pieces lack are reached through the floor, the event's p0 split evenly among the
    tokens it can have; with vocabulary=corpus, as in the paper, there is no floor.

    Args:
        encoding: The encoding.
        log_joint: [M] nats, the log probability of the note's own token.

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
    encoding: MelodyEncoding, log_marginal: NDArray[np.float64], log_joint: NDArray[np.float64]
) -> dict[str, FoldValues]:
    """Average the held-out notes' costs.

    Args:
        encoding: The encoding.
        log_marginal: [M] as for ``piece_costs``, in the encoding's own frames.
        log_joint: [M] as for ``token_costs``.

    Returns:
        By metric name: nats per note and cross-entropy, by piece and by note. Cross-entropy leaves out first notes and
        the pieces that the encoding may not train on.
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
    fold = melodies.fold
    return {
        NATS_PER_NOTE.name: _by_piece(cost, num_notes, fold, melodies.num_folds),
        NATS_PER_NOTE_BY_NOTE.name: _by_note(cost, num_notes, fold, melodies.num_folds),
        CV_LOSS.name: _by_piece(token_cost, num_later, fold, melodies.num_folds),
        CV_LOSS_BY_NOTE.name: _by_note(token_cost, num_later, fold, melodies.num_folds),
    }


def _fold_and_piece(encoding: MelodyEncoding, sequences: Sequences) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """[M] the fold that scores each kept note, and its piece."""
    piece = np.repeat(np.arange(encoding.melodies.num_pieces), np.diff(sequences.start))
    return encoding.scorer[piece], piece


def _mixed(eps: NDArray[np.float64], log_p: NDArray[np.float64], log_floor: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.logaddexp(np.log1p(-eps) + log_p, np.log(eps) + log_floor)


def _by_piece(
    cost: NDArray[np.float64], notes: NDArray[np.int64], fold: NDArray[np.int8], num_folds: int
) -> FoldValues:
    scored = notes > 0
    mean = cost[scored] / notes[scored]
    return FoldValues(tuple(float(mean[fold[scored] == g].mean()) for g in range(num_folds)))


def _by_note(cost: NDArray[np.float64], notes: NDArray[np.int64], fold: NDArray[np.int8], num_folds: int) -> FoldValues:
    scored = notes > 0
    return FoldValues(
        tuple(float(cost[scored & (fold == g)].sum() / notes[scored & (fold == g)].sum()) for g in range(num_folds))
    )
