"""Tests of voices: all notes are kept, without overlaps and gaps."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.grid import ARTICULATION_GAP, SHORTEST
from data_prep.limits import MAX_SILENT_BARS
from data_prep.pitches import REST
from data_prep.readers.notes import Metre, Note
from data_prep.readers.voices import adjust_short_notes, fill_gaps, rest, signatures_from, split, stack_chords

times = st.fractions(min_value=0, max_value=24, max_denominator=6)
lengths = st.fractions(min_value=Fraction(1, 6), max_value=6, max_denominator=6)
notes = st.builds(Note, onset=times, duration=lengths, pitch=st.integers(40, 90), spelling=st.just("n"))


@given(st.lists(notes, max_size=20))
def test_chords_count_all_notes_and_keep_the_top_one(some: list[Note]) -> None:
    events = stack_chords(some)
    assert [event.onset for event in events] == sorted(event.onset for event in events)
    assert len({(event.onset, event.duration) for event in events}) == len(events)
    for event in events:
        chord = {note.pitch for note in some if (note.onset, note.duration) == (event.onset, event.duration)}
        assert (event.pitch, event.chord_size) == (max(chord), len(chord))


@given(st.lists(notes, max_size=20))
def test_split_distributes_all_events_without_overlaps(some: list[Note]) -> None:
    events = stack_chords(some)
    voices = split(events)
    assert sorted(note for voice in voices for note in voice) == sorted(events)
    for voice in voices:
        assert all(a.onset + a.duration <= b.onset for a, b in pairwise(voice))


@given(st.lists(notes, max_size=20))
def test_there_are_no_more_voices_than_simultaneous_notes(some: list[Note]) -> None:
    events = stack_chords(some)
    at_once = [sum(a.onset <= b.onset < a.onset + a.duration for a in events) for b in events]
    assert len(split(events)) == max(at_once, default=0)


def test_a_line_stays_in_the_voice_nearest_in_pitch() -> None:
    high = [Note(Fraction(t), Fraction(1), 72 + t, "h") for t in range(4)]
    low = [Note(Fraction(t), Fraction(1, 2), 50 - t, "l") for t in range(4)]
    assert split(sorted(high + low)) == [high, low]


TOUCHES = st.fractions(min_value=-ARTICULATION_GAP, max_value=ARTICULATION_GAP, max_denominator=24).filter(
    lambda touch: touch < ARTICULATION_GAP
)
"""Overlap of a note with the next one (quarter notes), negative for a silence."""


def _line(played: list[tuple[int, Fraction, Fraction]]) -> list[Note]:
    """Return notes in sequence, each held too long or too short by less than half of its length."""
    line: list[Note] = []
    begin = Fraction(0)
    for pitch, length, touch in played:
        line.append(Note(begin, length + min(max(touch, -length / 3), length / 3), pitch, "n"))
        begin += length
    return line


LENGTHS = st.sampled_from([Fraction(1, 4), Fraction(1, 3), Fraction(1, 2), Fraction(1)])


def _played(low: int, high: int) -> st.SearchStrategy[list[tuple[int, Fraction, Fraction]]]:
    """Draw the (pitch, length, overlap) of notes."""
    return st.lists(st.tuples(st.integers(low, high), LENGTHS, TOUCHES), min_size=2, max_size=10)


@given(_played(40, 90))
def test_a_line_played_legato_or_detached_is_one_voice(played: list[tuple[int, Fraction, Fraction]]) -> None:
    line = _line(played)
    (voice,) = split(line, ARTICULATION_GAP)
    assert [(note.onset, note.pitch) for note in voice] == [(note.onset, note.pitch) for note in line]
    assert all(a.onset + a.duration <= b.onset for a, b in pairwise(voice))
    for note, before, (_, length, _) in list(zip(voice, line, played, strict=True))[:-1]:
        assert note.duration == min(length, before.duration)


@given(_played(72, 79), _played(48, 55))
def test_two_lines_played_legato_or_detached_are_two_voices(
    above: list[tuple[int, Fraction, Fraction]], below: list[tuple[int, Fraction, Fraction]]
) -> None:
    high, low = _line(above), _line(below)
    voices = split(sorted(high + low, key=lambda note: (note.onset, -note.pitch)), ARTICULATION_GAP)
    assert [[(note.onset, note.pitch) for note in voice] for voice in voices] == [
        [(note.onset, note.pitch) for note in line] for line in (high, low)
    ]


def test_notes_within_a_long_note_are_another_voice() -> None:
    held = [Note(Fraction(0), Fraction(4), 60, "n")]
    moving = [Note(Fraction(beat), Fraction(1), 72 + beat, "n") for beat in range(4)]
    assert split(stack_chords(held + moving), ARTICULATION_GAP) == [moving, held]


@given(st.lists(st.tuples(st.fractions(0, 4, max_denominator=4), st.sampled_from([0, 0, 1, 2, 6, 12])), max_size=12))
def test_adjusted_durations_of_short_notes(some: list[tuple[Fraction, int]]) -> None:
    played = [Note(onset, Fraction(length, 12), 60 + i, "n") for i, (onset, length) in enumerate(sorted(some))]
    adjusted = adjust_short_notes(played)
    for before, after in zip(played, adjusted, strict=True):
        assert after._replace(duration=before.duration) == before
        together = [note.duration for note in played if note.onset == before.onset]
        later = [note.onset - before.onset for note in played if note.onset > before.onset]
        if before.duration > SHORTEST:
            assert after.duration == before.duration
        elif before.duration == 0:
            assert after.duration == (0 if max(together) else min([SHORTEST, *later]))
        elif after.duration != before.duration:
            assert after.duration == 0
            assert max(together) >= 4 * before.duration
            assert not later or min(later) > max(together) - ARTICULATION_GAP


def test_grace_notes_precede_the_event_nearest_in_pitch() -> None:
    def note(pitch: int, duration: int) -> Note:
        return Note(Fraction(1), Fraction(duration), pitch, "n")

    low, high, grace, other, third = note(50, 1), note(70, 2), note(52, 0), note(72, 0), note(71, 0)
    events = stack_chords([low, high, other, grace, third])
    assert events == [other, grace, third, high, low]
    assert split(events, ARTICULATION_GAP) == [[other, third, high], [grace, low]]


@given(st.lists(notes, max_size=12), st.sampled_from([2, 3, 4]), st.sampled_from([0, 1]))
def test_rests_fill_all_gaps_and_do_not_cross_bar_lines(some: list[Note], bar_length: int, pickup: int) -> None:
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


def test_signatures_from_a_later_time() -> None:
    metres = [Metre(Fraction(0), 4, 4), Metre(Fraction(8), 3, 4), Metre(Fraction(20), 2, 4)]
    assert signatures_from(metres, Fraction(9)) == (Metre(Fraction(0), 3, 4), Metre(Fraction(11), 2, 4))
    assert signatures_from(metres, Fraction(0)) == tuple(metres)
    assert signatures_from([], Fraction(3)) == ()


def _two_notes(apart: int) -> list[Note]:
    return [Note(Fraction(at), Fraction(1), 60, "C4") for at in (0, apart)]


def test_long_silence_is_filled() -> None:
    filled, _ = fill_gaps(_two_notes(4 * MAX_SILENT_BARS), Fraction(4), Fraction(0))
    assert len(filled) == MAX_SILENT_BARS + 2


@pytest.mark.parametrize(
    ("apart", "bar_length", "reason"),
    [
        (4 * MAX_SILENT_BARS + 8, Fraction(4), "at most 10000 silent bars"),
        (900_000, Fraction(1, 2**40), "at most 10000 silent bars"),
        (10**30, Fraction(4), "1000000 quarter notes"),
    ],
)
def test_too_long_silence_is_rejected_before_it_is_filled(apart: int, bar_length: Fraction, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        fill_gaps(_two_notes(apart), bar_length, Fraction(0))


def test_a_grace_note_within_a_long_note_leaves_no_gap() -> None:
    long = Note(Fraction(0), Fraction(4), 60, "C4")
    grace = Note(Fraction(2), Fraction(0), 62, "D4")
    after = Note(Fraction(4), Fraction(1), 64, "E4")
    assert fill_gaps([long, grace, after], Fraction(4), Fraction(0)) == ([long, grace, after], 0)
