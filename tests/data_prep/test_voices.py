"""Voices: nothing lost, nothing overlapping, no gap."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.limits import MAX_SILENT_BARS
from data_prep.melodies import REST
from data_prep.notes import Metre, Note
from data_prep.voices import fill_gaps, rest, signatures_from, split, stack_chords

times = st.fractions(min_value=0, max_value=24, max_denominator=6)
lengths = st.fractions(min_value=Fraction(1, 6), max_value=6, max_denominator=6)
notes = st.builds(Note, onset=times, duration=lengths, pitch=st.integers(40, 90), spelling=st.just("n"))


@given(st.lists(notes, max_size=20))
def test_chords_keep_every_note_and_show_the_top_one(some: list[Note]) -> None:
    events = stack_chords(some)
    assert [event.onset for event in events] == sorted(event.onset for event in events)
    assert len({(event.onset, event.duration) for event in events}) == len(events)
    for event in events:
        chord = {note.pitch for note in some if (note.onset, note.duration) == (event.onset, event.duration)}
        assert (event.pitch, event.chord_size) == (max(chord), len(chord))


@given(st.lists(notes, max_size=20))
def test_voices_share_out_all_events_without_overlap(some: list[Note]) -> None:
    events = stack_chords(some)
    voices = split(events)
    assert sorted(note for voice in voices for note in voice) == sorted(events)
    for voice in voices:
        assert all(a.onset + a.duration <= b.onset for a, b in pairwise(voice))


@given(st.lists(notes, max_size=20))
def test_there_are_no_more_voices_than_notes_at_one_time(some: list[Note]) -> None:
    events = stack_chords(some)
    at_once = [sum(a.onset <= b.onset < a.onset + a.duration for a in events) for b in events]
    assert len(split(events)) == max(at_once, default=0)


def test_a_line_keeps_its_voice_by_nearness() -> None:
    high = [Note(Fraction(t), Fraction(1), 72 + t, "h") for t in range(4)]
    low = [Note(Fraction(t), Fraction(1, 2), 50 - t, "l") for t in range(4)]
    assert split(sorted(high + low)) == [high, low]


@given(st.lists(notes, max_size=12), st.sampled_from([2, 3, 4]), st.sampled_from([0, 1]))
def test_rests_fill_every_gap_and_keep_to_their_bars(some: list[Note], bar_length: int, pickup: int) -> None:
    voices = split(stack_chords(some))
    for voice in voices:
        filled, begin = fill_gaps(voice, Fraction(bar_length), Fraction(pickup))
        assert [note._replace(onset=note.onset + begin) for note in filled if note.pitch != REST] == voice
        assert filled[0].onset == 0
        assert all(a.onset + a.duration == b.onset for a, b in pairwise(filled))
        assert begin == 0 or (begin - pickup) % bar_length == 0
        for note in filled:
            if note.pitch == REST:
                first = note.onset + begin
                last = first + note.duration
                crossed = [line for line in range(pickup, 40, bar_length) if first < line < last]
                assert not crossed


def test_a_voice_of_rests_is_empty() -> None:
    assert fill_gaps([rest(Fraction(0), Fraction(4))], Fraction(4), Fraction(0)) == ([], 0)


def test_signatures_in_force_from_a_later_time() -> None:
    metres = [Metre(Fraction(0), 4, 4), Metre(Fraction(8), 3, 4), Metre(Fraction(20), 2, 4)]
    assert signatures_from(metres, Fraction(9)) == (Metre(Fraction(0), 3, 4), Metre(Fraction(11), 2, 4))
    assert signatures_from(metres, Fraction(0)) == tuple(metres)
    assert signatures_from([], Fraction(3)) == ()


def _two_notes(apart: int) -> list[Note]:
    return [Note(Fraction(at), Fraction(1), 60, "C4") for at in (0, apart)]


def test_silence_within_bounds_is_filled() -> None:
    filled, _ = fill_gaps(_two_notes(4 * MAX_SILENT_BARS), Fraction(4), Fraction(0))
    assert len(filled) == MAX_SILENT_BARS + 2


@pytest.mark.parametrize(
    ("apart", "bar_length", "refused"),
    [
        (4 * MAX_SILENT_BARS + 8, Fraction(4), "at most 10000 silent bars"),
        (900_000, Fraction(1, 2**40), "at most 10000 silent bars"),
        (10**30, Fraction(4), "1000000 quarter notes"),
    ],
)
def test_silence_without_bounds_is_refused_before_it_is_filled(apart: int, bar_length: Fraction, refused: str) -> None:
    with pytest.raises(ValueError, match=refused):
        fill_gaps(_two_notes(apart), bar_length, Fraction(0))


def test_a_grace_note_within_a_long_note_leaves_no_gap() -> None:
    long = Note(Fraction(0), Fraction(4), 60, "C4")
    grace = Note(Fraction(2), Fraction(0), 62, "D4")
    after = Note(Fraction(4), Fraction(1), 64, "E4")
    assert fill_gaps([long, grace, after], Fraction(4), Fraction(0)) == ([long, grace, after], 0)
