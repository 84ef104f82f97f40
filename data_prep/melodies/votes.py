"""Copy experts, which predict the next event of a piece from earlier events of the piece.

J = 7 experts:
- match: votes for the events that followed earlier occurrences of the latest events (``melodies.repetition``);
- transposed match: the same for (interval, duration), with votes shifted to the current pitch;
- bars back, five experts: vote for the event that began exactly 1, 2, 4, 8 or 16 bars earlier, if there is one.

The votes of an expert are a distribution over events that is known before the event: matches depend on past events,
bars back on past durations and the metre. Intervals wrap within the MIDI pitches, as shifts of a piece do, so votes do
not depend on the key that a piece is shifted to.

Symbols: N notes of all pieces together, P pieces, J experts, D durations.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import lcm

import numpy as np
from numpy.typing import NDArray

from data_prep.melodies.repetition import LONGEST, Ints, find_precedents
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.wording import counted

BARS_BACK = (1, 2, 4, 8, 16)
"""Distances of the experts that look a number of bars back."""

EXPERTS = ("match", "transposed match", *(f"{counted(bars, 'bar')} back" for bars in BARS_BACK))
"""Names of the J experts."""

NUM_MATCHES = 2
"""Number of experts that look for the longest match, which come first."""

VOTE = np.dtype([("length", np.int16), ("votes", np.int32), ("top", np.int32), ("hits", np.int32)])
"""Votes of an expert before an event.

length: number of latest events that match, at most LONGEST; -1 if the expert has no vote.
votes: number of votes; top: votes for the event with the most votes; hits: votes for the actual event.
"""


def find_votes(
    pitch: NDArray[np.int16],
    duration: NDArray[np.int16],
    start: Ints,
    durations: Sequence[Fraction],
    bar_length: Sequence[Fraction | None],
) -> NDArray[np.void]:
    """Collect the experts' votes before every note.

    Args:
        pitch: [N] MIDI pitches or REST.
        duration: [N] indices into ``durations``.
        start: [P + 1] offsets of the pieces.
        durations: The D durations in quarter notes.
        bar_length: [P] quarter notes per bar; None for a piece without a metre, where no expert looks bars back.

    Returns:
        [N, J] of VOTE.
    """
    votes = np.zeros((len(pitch), len(EXPERTS)), VOTE)
    votes["length"] = -1
    event = pitch.astype(np.int64) * len(durations) + duration
    _put(votes[:, 0], np.arange(len(event)), event, start)
    _put(votes[:, 1], *_intervals(pitch, duration, start, len(durations)))
    for piece, (first, end) in enumerate(pairwise(start.tolist())):
        bar = bar_length[piece]
        if bar is not None:
            rows = slice(first, end)
            onset, bar_ticks = _onsets(duration[rows], durations, bar)
            votes[rows, NUM_MATCHES:] = _bars_back(event[rows], onset, bar_ticks)
    return votes


def any_look_back(votes: NDArray[np.void]) -> bool:
    """Return whether any expert that looks bars back votes, [N, J], which requires pieces with a metre."""
    return bool((votes["length"][:, NUM_MATCHES:] >= 0).any())


def _put(votes: NDArray[np.void], rows: Ints, code: Ints, start: Ints) -> None:
    """Write the matches of a sequence of codes to their rows."""
    precedents = find_precedents(code, start)
    for name in ("length", "votes", "top", "hits"):
        votes[name][rows] = getattr(precedents, name)


def _intervals(
    pitch: NDArray[np.int16], duration: NDArray[np.int16], start: Ints, num_durations: int
) -> tuple[Ints, Ints, Ints]:
    """Return [n] rows with an interval, [n] their codes of (interval, duration), and [P + 1] the pieces' offsets."""
    row = np.arange(len(pitch))
    piece = np.repeat(np.arange(len(start) - 1), np.diff(start))
    sounding = pitch != REST
    latest = np.maximum.accumulate(np.where(sounding, row, -1))  # the latest sounding note, this one included
    before = np.append(-1, latest)[: len(pitch)]
    has_interval = before >= start[piece]
    interval = np.where(sounding, (pitch.astype(np.int64) - pitch[before]) % NUM_PITCHES, NUM_PITCHES)
    code = (interval * num_durations + duration)[has_interval]
    offsets = np.append(0, np.cumsum(np.bincount(piece[has_interval], minlength=len(start) - 1)))
    return row[has_interval], code.astype(np.int64), offsets.astype(np.int64)


def _onsets(duration: NDArray[np.int16], durations: Sequence[Fraction], bar: Fraction) -> tuple[Ints, int]:
    """Return the onsets of a piece and the length of a bar in whole ticks."""
    used, index = np.unique(duration, return_inverse=True)
    times: list[Fraction] = [durations[int(number)] for number in used]
    resolution = lcm(bar.denominator, *(time.denominator for time in times))
    ticks = np.array([int(time * resolution) for time in times])[index]
    return np.cumsum(ticks) - ticks, int(bar * resolution)


def _bars_back(event: Ints, onset: Ints, bar_ticks: int) -> NDArray[np.void]:
    """Return [n, len(BARS_BACK)] the votes in one piece of the experts that look bars back."""
    votes = np.zeros((len(event), len(BARS_BACK)), VOTE)
    row = np.arange(len(event))
    for bars, of_expert in zip(BARS_BACK, votes.T, strict=True):
        target = onset - bars * bar_ticks
        earlier = np.minimum(np.searchsorted(onset, target), len(onset) - 1)
        exists = onset[earlier] == target
        hits = exists & (event[earlier] == event)
        # a match ends where the events differ, or where no event began at that lag
        length = np.append(0, row + 1 - np.maximum.accumulate(np.where(hits, 0, row + 1)))[:-1]
        of_expert["length"] = np.where(exists, np.minimum(length, LONGEST), -1)
        of_expert["votes"] = of_expert["top"] = exists
        of_expert["hits"] = hits
    return votes
