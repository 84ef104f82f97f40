"""Tests of pieces, of merged ties, and of the note table."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.limits import MAX_QUARTERS
from data_prep.melodies.assembly import positions
from data_prep.pitches import REST
from data_prep.readers.note_table import from_bytes, to_bytes
from data_prep.readers.notes import Heading, Key, Metre, Note, Piece, Reading, Unread
from data_prep.readers.ties import merge_ties

fractions = st.fractions(min_value=0, max_value=100, max_denominator=16)
notes = st.builds(
    Note,
    onset=fractions,
    duration=fractions,
    pitch=st.integers(REST, 127),
    spelling=st.sampled_from(["C4", "F#5", "B-3", "rest"]),
    chord_size=st.integers(0, 4),
    tied=st.booleans(),
    velocity=st.none() | st.integers(0, 127),
).map(lambda note: note._replace(chord_size=0) if note.pitch == REST else note)
headings = st.builds(
    Heading,
    tune=st.text(max_size=5),
    part=st.text(max_size=5),
    title=st.text(max_size=9),
    composer=st.text(max_size=9),
    num_parts=st.integers(1, 9),
    metres=st.lists(st.builds(Metre, fractions, st.integers(1, 12), st.sampled_from([1, 2, 4, 8, 16])), max_size=3).map(
        tuple
    ),
    keys=st.lists(st.builds(Key, fractions, st.integers(0, 11), st.text(max_size=7)), max_size=3).map(tuple),
    pickup=fractions,
)
readings = st.builds(
    Reading,
    st.lists(st.builds(Piece.of, headings, st.lists(notes, max_size=8)), max_size=3).map(tuple),
    st.lists(st.builds(Unread, st.text(max_size=5), st.text(max_size=9)), max_size=2).map(tuple),
)


@settings(max_examples=40)
@given(readings)
def test_a_reading_is_equal_after_storing_and_loading(reading: Reading) -> None:
    again = from_bytes(to_bytes(reading), "here")
    assert again.unread == reading.unread
    assert len(again.pieces) == len(reading.pieces)
    for before, after in zip(reading.pieces, again.pieces, strict=True):
        assert (after.heading, after.resolution, after.spelling) == (before.heading, before.resolution, before.spelling)
        for name in ("onset", "duration", "pitch", "chord_size", "tied", "velocity"):
            column = getattr(after, name)
            assert column.dtype == getattr(before, name).dtype
            assert np.array_equal(column, getattr(before, name))


@given(st.lists(notes, max_size=8))
def test_times_in_the_columns_are_exact(some: list[Note]) -> None:
    piece = Piece.of(Heading("", "", "", "", 1, (), (), Fraction(0)), some)
    assert [Fraction(int(time), piece.resolution) for time in piece.onset] == [note.onset for note in some]
    assert [Fraction(int(time), piece.resolution) for time in piece.duration] == [note.duration for note in some]


def _chain(*specs: tuple[int, int, bool]) -> list[Note]:
    chain: list[Note] = []
    now = Fraction(0)
    for pitch, duration, tied in specs:
        chain.append(Note(now, Fraction(duration), pitch, f"p{pitch}", tied=tied))
        now += duration
    return chain


def test_a_chain_of_ties_is_merged() -> None:
    merged = merge_ties(_chain((60, 1, True), (60, 2, True), (60, 1, False), (62, 1, False)))
    assert [(note.pitch, note.duration, note.tied) for note in merged] == [(60, 4, False), (62, 1, False)]


def test_a_tie_to_another_pitch_is_ignored() -> None:
    chain = _chain((60, 1, True), (62, 1, False), (62, 1, False))
    assert merge_ties(chain) == chain


def test_a_grace_note_does_not_interrupt_a_tie() -> None:
    merged = merge_ties(_chain((60, 1, True), (64, 0, False), (60, 1, False)))
    assert [(note.pitch, note.duration) for note in merged] == [(60, 2), (64, 0)]


def test_a_tie_across_a_silence_is_ignored() -> None:
    apart = [Note(Fraction(0), Fraction(1), 60, "C4", tied=True), Note(Fraction(2), Fraction(1), 60, "C4")]
    assert merge_ties(apart) == apart


@given(st.lists(st.tuples(st.integers(60, 62), st.integers(0, 3), st.booleans()), max_size=12))
def test_merging_keeps_the_total_duration_of_each_pitch(specs: list[tuple[int, int, bool]]) -> None:
    chain = _chain(*specs)
    merged = merge_ties(chain)
    for pitch in (60, 61, 62):
        assert sum(n.duration for n in merged if n.pitch == pitch) == sum(n.duration for n in chain if n.pitch == pitch)
    timed = [note for note in merged if note.duration > 0]
    assert not any(a.tied and a.pitch == b.pitch for a, b in pairwise(timed))


@pytest.mark.parametrize(
    ("notes", "metre", "reason"),
    [
        (
            [Note(Fraction(0), Fraction(1, prime), 60, "C4") for prime in (9973, 9967, 9949, 9941)],
            (4, 4),
            "common clock",
        ),
        ([Note(Fraction(0), Fraction(1), 60, "C4")], (1, 2**60), "common clock"),
        ([Note(Fraction(0), Fraction(1), 60, "C4")], (2**60, 4), "common clock"),
        ([Note(Fraction(2 * MAX_QUARTERS), Fraction(1), 60, "C4")], (4, 4), "1000000 quarter notes"),
        ([Note(Fraction(0), Fraction(1), 128, "A-9")], (4, 4), "pitches from 0 to 127 are read: A-9 is 128"),
        ([Note(Fraction(0), Fraction(1), -1, "B-2")], (4, 4), "pitches from 0 to 127 are read: B-2 is -1"),
    ],
)
def test_invalid_times_metres_and_pitches_are_rejected(notes: list[Note], metre: tuple[int, int], reason: str) -> None:
    heading = Heading("", "", "", "", 1, (Metre(Fraction(0), *metre),), (), Fraction(0))
    with pytest.raises(ValueError, match=reason) as caught:
        Piece.of(heading, notes)
    assert "\n" not in str(caught.value)


@given(
    st.lists(st.fractions(min_value=0, max_value=MAX_QUARTERS - 1, max_denominator=2**40), min_size=1, max_size=3),
    st.integers(0, 40),
)
def test_positions_in_bars_are_exact(times: list[Fraction], unit: int) -> None:
    metre = Metre(Fraction(0), 3, 2**unit)
    heading = Heading("", "", "", "", 1, (metre,), (), Fraction(1, 3))
    try:
        piece = Piece.of(heading, [Note(time, Fraction(1), 60, "C4") for time in sorted(times)])
    except ValueError:
        return
    _, place, resolution = positions(piece)
    exact = [(time - Fraction(1, 3)) % metre.bar_length for time in sorted(times)]
    assert [Fraction(int(tick), resolution) for tick in place] == exact
