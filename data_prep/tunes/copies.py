"""How much of a tune is copied verbatim from a corpus: its longest copies, in any key, found through a suffix array.

A copy is a run of consecutive rows of a tune (notes, and rests between them) that occurs in one piece with the same
durations and the same intervals; it begins with a note, whose own pitch is free. Tunes of one tradition share much by
descent: of O'Neill's, half have 10 notes or more in a row from another tune, one in twenty 22 or more.

Symbols: N rows of all P pieces, M = N + P places of the text: the pieces one after another, each closed by a separator
of its own. Every run of 2**k places gets a name, a number that is equal for equal runs and ascends with their order
(Karp, Miller and Rosenberg 1972): the names of the longest runs are the ranks of all suffixes, and two places are
compared in log M steps. Every comparison is exact, nothing is hashed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.notation import Tune

MIN_COPY = 8
"""Notes from which on a copy is counted as such: more than a bar of a jig."""

_UNKNOWN = -1
"""The name of a run that the corpus does not hold; less than every name, code and duration."""

_INTERVALS = 2 * NUM_PITCHES
"""Intervals -127..127 and the rest."""


@dataclass(frozen=True)
class Copy:
    """A run of a tune that also occurs in a piece.

    Attributes:
        length: Notes, and rests between them.
        note: The tune's row that it begins with, from 0.
        piece: The piece's id.
        title: The piece's title, "" where it has none.
        piece_note: The piece's row that it begins with, from 0.
        semitones: How much higher it is in the tune than in the piece.
    """

    length: int
    note: int
    piece: str
    title: str
    piece_note: int
    semitones: int


@dataclass(frozen=True)
class Copied:
    """What is copied in a tune.

    Attributes:
        longest: The longest copy, at the same pitch if there is one; None where not even a note's duration is known.
        share: The share of the notes that are in copies of MIN_COPY or more.
    """

    longest: Copy | None
    share: float


@dataclass(frozen=True)
class _Text:
    """Rows to be compared: a tune's, or the whole corpus with its separators.

    Attributes:
        duration: [m] each row's duration, a number.
        code: [m] each row's interval from the note before it (or that it is a rest) and its duration, in one number.
        names: For each k, [m] the name of the run of 2**k rows from there on.
    """

    duration: NDArray[np.int64]
    code: NDArray[np.int64]
    names: Sequence[NDArray[np.int64]]


class CorpusIndex:
    """A corpus in which copies are found: prepared once in .2 s for O'Neill's 87,685 notes, then 10 ms a tune."""

    def __init__(self, melodies: Melodies, titles: Sequence[str]) -> None:
        """Prepare a corpus.

        Args:
            melodies: The pieces.
            titles: [P] their titles.
        """
        self._melodies, self._titles = melodies, titles
        self._durations = {duration: number for number, duration in enumerate(melodies.durations)}
        pieces = np.arange(melodies.num_pieces)
        self._row = np.arange(melodies.num_notes) + melodies.piece_of_note  # [N] each row's place in the text
        self._piece = np.repeat(pieces, np.diff(melodies.start) + 1)  # [M] each place's piece
        separators = melodies.start[1:] + pieces
        duration, code = np.full((2, len(self._piece)), _UNKNOWN)
        duration[self._row] = melodies.duration
        code[self._row] = self._codes(melodies.pitch, melodies.duration)
        code[separators] = _INTERVALS * (len(self._durations) + 1) + pieces
        self._known: list[NDArray[np.int64]] = []  # for each k, what every name of a run of 2**k stands for
        self._text = _Text(duration, code, self._name_runs(code, longest=int(np.diff(melodies.start).max()) + 1))
        starts = self._row[melodies.pitch != REST]
        assert len(starts), "a corpus has notes"
        rank = self._text.names[-1]
        self._order = starts[np.lexsort((rank[starts + 1], duration[starts]))]  # where copies can begin, sorted

    def copied(self, tune: Tune) -> Copied | None:
        """Find which of a tune's composed notes are copied.

        Args:
            tune: The tune; a copy holds none of the notes that were given.

        Returns:
            The copies; None where no note was composed.
        """
        pitch = np.array(tune.pitch[tune.num_prompt :], np.int64)
        notes = np.flatnonzero(pitch != REST)
        if not len(notes):
            return None
        unknown = len(self._durations)
        duration = np.array(
            [self._durations.get(length, unknown) for length in tune.duration[tune.num_prompt :]], np.int64
        )
        code = self._codes(pitch, duration)
        text = _Text(duration, code, self._find_names(code))
        lengths = np.zeros(len(pitch), np.int64)
        lengths[notes] = self._longest(text, notes)
        return Copied(self._longest_copy(tune, text, lengths), _covered(lengths, pitch != REST))

    def among_themselves(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Find what every piece shares with the others.

        Returns:
            [P] the length of the longest copy of another piece, and [P] the share of the notes in copies of others.
        """
        melodies, order = self._melodies, self._order
        alike = self._agreement(self._text, order[1:], order[:-1])
        same = self._piece[order[1:]] == self._piece[order[:-1]]
        before, after = _nearest_other(alike, same), _nearest_other(alike[::-1], same[::-1])[::-1]
        in_text = np.zeros(len(self._piece), np.int64)
        in_text[order] = np.maximum(np.append(0, before), np.append(after, 0))
        lengths = np.split(in_text[self._row], melodies.start[1:-1])
        sounding = np.split(melodies.pitch != REST, melodies.start[1:-1])
        longest = np.array([int(of_piece.max(initial=0)) for of_piece in lengths], np.int64)
        shares = [_covered(of_piece, heard) for of_piece, heard in zip(lengths, sounding, strict=True)]
        return longest, np.array(shares)

    def _codes(self, pitch: NDArray[np.integer], duration: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return rows' codes; a piece's first note has some interval too, which no copy compares."""
        sounding = pitch != REST
        notes = pitch[sounding].astype(np.int64)
        interval = np.zeros(len(pitch), np.int64)
        interval[sounding] = np.diff(notes, prepend=notes[:1]) + NUM_PITCHES
        return interval * (len(self._durations) + 1) + duration

    def _name_runs(self, code: NDArray[np.int64], longest: int) -> list[NDArray[np.int64]]:
        """Name the corpus's runs of 1, 2, 4, ... places, up to a length at which no two are equal."""
        known, names = np.unique(code, return_inverse=True)
        self._known, levels = [known], [names]
        while 2 ** (len(levels) - 1) < longest:
            known, names = np.unique(self._pairs(names, len(levels) - 1), return_inverse=True)
            self._known.append(known)
            levels.append(names)
        return levels

    def _find_names(self, code: NDArray[np.int64]) -> list[NDArray[np.int64]]:
        """Return the names that a tune's runs of 1, 2, 4, ... rows have in the corpus."""
        levels = [_find(code, self._known[0])]
        for level, known in enumerate(self._known[1:]):
            levels.append(_find(self._pairs(levels[-1], level), known))
        return levels

    def _pairs(self, names: NDArray[np.int64], level: int) -> NDArray[np.int64]:
        """Number every run of 2**(level + 1) by the names of its halves.

        What is unknown stays so: an unknown first half makes a negative number, and the number of an unknown second
        half belongs to a run that goes beyond the corpus's end, whose first half holds the last separator.
        """
        second = np.append(names[2**level :], np.full(2**level, _UNKNOWN))[: len(names)]
        return names * (len(self._piece) + 1) + second + 1

    def _agreement(self, text: _Text, rows: NDArray[np.int64], places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many rows of a text agree with those of the corpus from given places on, in a copy's sense."""
        begins = text.duration[rows] == self._text.duration[places]
        length = np.zeros(len(rows), np.int64)
        for level in reversed(range(len(self._known))):
            ahead = rows + 1 + length
            inside = ahead < len(text.code)
            name = text.names[level][np.where(inside, ahead, 0)]
            agree = inside & (name == self._text.names[level][places + 1 + length])
            length += agree * 2**level
        return np.where(begins, 1 + length, 0)

    def _longest(self, text: _Text, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the length of the longest copy that begins with each of a tune's notes, by bisecting the order."""
        order, size = self._order, len(text.code)
        below, above = np.full(len(rows), -1), np.full(len(rows), len(order))  # nothing is below -1
        while np.any(above - below > 1):
            middle = np.clip((below + above) // 2, 0, len(order) - 1)
            places = order[middle]
            agree = self._agreement(text, rows, places)
            differ = np.minimum(rows + agree, size - 1)
            ours = np.where(agree == 0, text.duration[rows], np.where(rows + agree < size, text.code[differ], _UNKNOWN))
            theirs = np.where(agree == 0, self._text.duration[places], self._text.code[places + agree])
            is_greater = ours > theirs
            below, above = np.where(is_greater, middle, below), np.where(is_greater, above, middle)
        neighbours = [order[np.clip(index, 0, len(order) - 1)] for index in (below, above)]
        return np.maximum(*(self._agreement(text, rows, places) for places in neighbours))

    def _longest_copy(self, tune: Tune, text: _Text, lengths: NDArray[np.int64]) -> Copy | None:
        length, row = int(lengths.max()), int(lengths.argmax())
        if length == 0:
            return None
        places = self._order[self._agreement(text, np.full(len(self._order), row), self._order) == length]
        at = np.sort(places) - self._piece[np.sort(places)]  # in the melodies' rows
        higher = tune.pitch[tune.num_prompt + row] - self._melodies.pitch[at].astype(np.int64)
        best = int(np.argmin(np.abs(higher)))
        piece = int(self._melodies.piece_of_note[at[best]])
        return Copy(
            length=length,
            note=tune.num_prompt + row,
            piece=self._melodies.ids[piece],
            title=self._titles[piece],
            piece_note=int(at[best] - self._melodies.start[piece]),
            semitones=int(higher[best]),
        )


def _find(values: NDArray[np.int64], known: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where values stand among known ones, which ascend, or _UNKNOWN."""
    index = np.minimum(np.searchsorted(known, values), len(known) - 1)
    return np.where(known[index] == values, index, _UNKNOWN)


def _nearest_other(alike: NDArray[np.int64], same: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return what each place but the first shares with the nearest one before it, in the order, of another piece.

    Args:
        alike: [s - 1] what neighbours in the order share.
        same: [s - 1] whether they are of one piece.

    Returns:
        [s - 1] for the second place on.
    """
    shared, latest = np.zeros(len(alike), np.int64), 0
    for index, (length, is_same) in enumerate(zip(alike.tolist(), same.tolist(), strict=True)):
        latest = min(latest, length) if is_same else length
        shared[index] = latest
    return shared


def _covered(lengths: NDArray[np.int64], sounding: NDArray[np.bool_]) -> float:
    """Return the share of the notes in copies of MIN_COPY notes or more, whose lengths begin at each row."""
    first = np.flatnonzero(lengths >= MIN_COPY)
    change = np.bincount(first, minlength=len(lengths) + 1) - np.bincount(
        first + lengths[first], minlength=len(lengths) + 1
    )
    return float((np.cumsum(change)[:-1] > 0)[sounding].mean())
