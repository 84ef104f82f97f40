"""What experts in copying predict about a piece's next event, each from the piece's own earlier events alone.

Experts, J = 7 in all:
- match: the longest run of latest events that occurred before votes for what followed it (``melodies.repetition``);
- transposed match: the same of (interval, duration), its votes shifted to the current pitch;
- bars back, five experts: the event that began exactly 1, 2, 4, 8 or 16 bars earlier, if there is one.

Each expert's votes are a distribution over events that is known before the event itself: matches depend on past events,
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
"""How many bars before an event the bars' experts look."""

EXPERTS = ("match", "transposed match", *(f"{counted(bars, 'bar')} back" for bars in BARS_BACK))
"""The J experts by name."""

NUM_MATCHES = 2
"""The first experts, which look for the longest match; the others look a number of bars back."""

VOTE = np.dtype([("length", np.int16), ("votes", np.int32), ("top", np.int32), ("hits", np.int32)])
"""An expert's votes before one event.

length: events just before it that agree with those before what votes, at most LONGEST; -1 for an absent expert.
votes: their number; top: how many are for the event that has most of them; hits: how many are for the event that came.
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
        bar_length: [P] quarter notes of a bar; None for a piece without a metre, where the bars' experts are absent.

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
    """Return whether the bars' experts vote before any note of [N, J], as they do where pieces have metres."""
    return bool((votes["length"][:, NUM_MATCHES:] >= 0).any())


def _put(votes: NDArray[np.void], rows: Ints, code: Ints, start: Ints) -> None:
    """Write the matches of a text into its rows."""
    precedents = find_precedents(code, start)
    for name in ("length", "votes", "top", "hits"):
        votes[name][rows] = getattr(precedents, name)


def _intervals(
    pitch: NDArray[np.int16], duration: NDArray[np.int16], start: Ints, num_durations: int
) -> tuple[Ints, Ints, Ints]:
    """Read the pieces as (interval, duration), from the first note on that has an interval.

    [n] rows, [n] the values there, and [P + 1] offsets of the pieces among these.
    """
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
    """Count a piece's onsets and its bar in whole ticks."""
    used, index = np.unique(duration, return_inverse=True)
    times: list[Fraction] = [durations[int(number)] for number in used]
    resolution = lcm(bar.denominator, *(time.denominator for time in times))
    ticks = np.array([int(time * resolution) for time in times])[index]
    return np.cumsum(ticks) - ticks, int(bar * resolution)


def _bars_back(event: Ints, onset: Ints, bar_ticks: int) -> NDArray[np.void]:
    """[n, bars' experts] the votes in one piece."""
    votes = np.zeros((len(event), len(BARS_BACK)), VOTE)
    row = np.arange(len(event))
    for bars, of_expert in zip(BARS_BACK, votes.T, strict=True):
        sought = onset - bars * bar_ticks
        earlier = np.minimum(np.searchsorted(onset, sought), len(onset) - 1)
        exists = onset[earlier] == sought
        hits = exists & (event[earlier] == event)
        # A run of agreement ends where the events differ, or where no event began at that lag.
        length = np.append(0, row + 1 - np.maximum.accumulate(np.where(hits, 0, row + 1)))[:-1]
        of_expert["length"] = np.where(exists, np.minimum(length, LONGEST), -1)
        of_expert["votes"] = of_expert["top"] = exists
        of_expert["hits"] = hits
    return votes
