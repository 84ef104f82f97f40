"""Split groups of related pieces into a test set and folds balanced in notes, reproducibly for a corpus and a seed.

A group is never split. The result does not depend on the order in which files were read.
"""

from collections.abc import Sequence

import numpy as np

from data_prep.errors import BadInputError
from data_prep.randomness import stream
from data_prep.wording import counted

TEST = -1
"""Fold number of a piece of the test set."""

UNFOLDED = 0
"""Number of folds of pieces that are only scored: one fold contains all of them, and the test set is empty."""

MIN_FOLDS = 2
"""One fold to hold out and one to train on."""

MAX_FOLDS = 100
"""More folds would hold out single pieces, with a model for each."""

TEST_SHARE = 0.1
"""Share of the corpus's notes in the test set."""


def hold_out_first(folds: Sequence[int]) -> list[int]:
    """Return the folds of a holdout: the first is held out, and no fold holds out the pieces of the others (1)."""
    return [min(fold, 1) for fold in folds]


def check_num_folds(num_folds: int) -> None:
    """Raise BadInputError if a number of folds is out of bounds."""
    if not MIN_FOLDS <= num_folds <= MAX_FOLDS:
        raise BadInputError(f"cross-validation takes {MIN_FOLDS} to {MAX_FOLDS} folds", f"got {num_folds}")


def assign(
    ids: Sequence[str], groups: Sequence[int], lengths: Sequence[int], *, num_folds: int, seed: int, fingerprint: str
) -> list[int]:
    """Assign every piece to a fold or to the test set.

    The test set is drawn first and does not depend on the number of folds.

    Args:
        ids: [P] names of the pieces.
        groups: [P] groups of related pieces.
        lengths: [P] numbers of notes.
        num_folds: Number of folds, MIN_FOLDS to MAX_FOLDS.
        seed: The user's seed.
        fingerprint: Fingerprint of the corpus.

    Returns:
        [P] folds 0..num_folds-1, or TEST.

    Raises:
        BadInputError: If there are too few groups, or the number of folds is out of bounds.
    """
    check_num_folds(num_folds)
    members: dict[int, list[int]] = {}
    for piece, group in enumerate(groups):
        members.setdefault(group, []).append(piece)
    if len(members) < num_folds + 1:
        raise BadInputError(
            f"{num_folds} folds and a test set need at least {counted(num_folds + 1, 'unrelated piece')}",
            f"this corpus has {len(members)} ({counted(len(ids), 'piece')} in all)",
            remedy="add pieces, use fewer folds, or hold out a larger share",
        )
    by_name = sorted(members.values(), key=lambda pieces: min(ids[piece] for piece in pieces))
    sizes = [sum(lengths[piece] for piece in pieces) for pieces in by_name]
    fold_of_group = _draw(np.array(sizes), num_folds, seed, fingerprint)
    fold_of_piece = {piece: fold for pieces, fold in zip(by_name, fold_of_group, strict=True) for piece in pieces}
    return [fold_of_piece[piece] for piece in range(len(ids))]


def assign_by_style(
    ids: Sequence[str],
    groups: Sequence[int],
    lengths: Sequence[int],
    styles: Sequence[str],
    *,
    num_folds: int,
    seed: int,
    fingerprint: str,
) -> list[int]:
    """Assign every piece to a fold or to the test set so that each of these contains groups of every style.

    The groups of each style are assigned separately. A group with several styles is assigned with the rarest of them,
    and so stays in one fold.

    Args:
        ids: [P] names of the pieces.
        groups: [P] groups of related pieces.
        lengths: [P] numbers of notes.
        styles: [P] styles.
        num_folds: Number of folds, MIN_FOLDS to MAX_FOLDS.
        seed: The user's seed.
        fingerprint: Fingerprint of the corpus.

    Returns:
        [P] folds 0..num_folds-1, or TEST.

    Raises:
        BadInputError: If a style has too few groups, or the number of folds is out of bounds.
    """
    groups_of: dict[str, set[int]] = {}
    styles_of: dict[int, set[str]] = {}
    for group, style in zip(groups, styles, strict=True):
        groups_of.setdefault(style, set()).add(group)
        styles_of.setdefault(group, set()).add(style)
    rarest = {group: min(of, key=lambda style: (len(groups_of[style]), style)) for group, of in styles_of.items()}
    folds = [TEST] * len(ids)
    for style in sorted(set(rarest.values())):
        pieces = [piece for piece, group in enumerate(groups) if rarest[group] == style]
        num_groups = len({groups[piece] for piece in pieces})
        if MIN_FOLDS <= num_folds <= MAX_FOLDS and num_groups <= num_folds:
            raise _too_few(style, num_groups, num_folds)
        chosen = [[values[piece] for piece in pieces] for values in (groups, lengths)]
        names = [ids[piece] for piece in pieces]
        of_style = assign(names, *chosen, num_folds=num_folds, seed=seed, fingerprint=f"{fingerprint} {style}")
        for piece, fold in zip(pieces, of_style, strict=True):
            folds[piece] = fold
    for style in sorted(groups_of):
        if len({fold for fold, of in zip(folds, styles, strict=True) if of == style}) <= num_folds:
            raise _too_few(style, len(groups_of[style]), num_folds)
    return folds


def _too_few(style: str, count: int, num_folds: int) -> BadInputError:
    return BadInputError(
        f"{num_folds} folds and a test set need at least {num_folds + 1} compositions of each style that no rarer "
        "style shares",
        f"the style {style!r} has {count}",
        remedy="add some, use fewer folds or hold out a larger share, or leave the style out",
    )


def _draw(
    sizes: "np.ndarray[tuple[int], np.dtype[np.int64]]", num_folds: int, seed: int, fingerprint: str
) -> list[int]:
    """Draw the groups of the test set, then add each other group, large before small, to the fold with fewest notes."""
    order = stream(seed, f"test set {fingerprint}").permutation(len(sizes))
    target = TEST_SHARE * sizes.sum()
    test: set[int] = set()
    weight = 0
    for group in order:
        fits = weight + sizes[group] <= 1.1 * target  # a huge group must not fill the test set alone
        if weight < target and fits and len(test) < len(sizes) - num_folds:
            test.add(int(group))
            weight += sizes[group]
    if not test:
        test.add(int(np.argmin(sizes)))
    folds = [TEST] * len(sizes)
    weights = np.zeros(num_folds, np.int64)
    shuffled = stream(seed, f"folds {num_folds} {fingerprint}").permutation(len(sizes))
    # large groups first balances the folds; groups of the same power of two stay in random order
    for group in sorted(shuffled, key=lambda group: -int(sizes[group]).bit_length()):
        if int(group) not in test:
            lightest = int(np.argmin(weights))
            folds[int(group)] = lightest
            weights[lightest] += sizes[group]
    return folds
