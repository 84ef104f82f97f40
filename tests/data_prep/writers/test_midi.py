# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false
# (pretty_midi and mido have no types)
"""MIDI as written, and as our reader reads it."""

from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import mido
import pytest
from hypothesis import HealthCheck, assume, given, settings

from data_prep.errors import BadInputError
from data_prep.pitches import REST
from data_prep.readers.scores import read
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import tune_of
from data_prep.writers.midi import VIOLIN, program_of, to_bytes, to_pretty_midi
from tests.hand_tunes import JIG, TUNES, sung, tunes, without_last_rest


def _events(tune: Tune, program: int = VIOLIN) -> tuple[int, list[tuple[int, Any]]]:
    """Return the ticks per quarter note, and each event with its tick."""
    file = mido.MidiFile(file=BytesIO(to_bytes(to_pretty_midi(tune, program))), charset="utf-8")
    result: list[tuple[int, Any]] = []
    for track in file.tracks:
        now = 0
        for event in track:
            now += event.time
            result.append((now, event))
    return file.ticks_per_beat, result


@given(tunes())
def test_ticks_are_exact(tune: Tune) -> None:
    ticks, events = _events(tune)
    struck: dict[int, int] = {}
    notes: list[tuple[Fraction, Fraction, int]] = []
    for tick, event in events:
        if event.type == "note_on" and event.velocity:
            assert event.note not in struck, "a note ends before it is struck again"
            struck[event.note] = tick
        elif event.type == "note_on":
            begin = struck.pop(event.note)
            notes.append((Fraction(begin, ticks), Fraction(tick - begin, ticks), event.note))
    timed = zip(tune.onsets(), tune.duration, tune.pitch, strict=True)
    assert sorted(notes) == [note for note in timed if note[2] != REST]


def test_the_events_at_the_beginning() -> None:
    ticks, events = _events(JIG)
    result = {event.type: event for _, event in events}
    metres = [
        (Fraction(tick, ticks), message.numerator, message.denominator)
        for tick, message in events
        if message.type == "time_signature"
    ]
    assert metres == [(0, 1, 8), (Fraction(1, 2), 6, 8)]
    assert result["key_signature"].key == "D"
    assert mido.tempo2bpm(result["set_tempo"].tempo) == pytest.approx(165, abs=0.01)
    assert result["program_change"].program == VIOLIN
    assert result["track_name"].name == JIG.title
    assert {event.program for _, event in _events(JIG, 0)[1] if event.type == "program_change"} == {0}


def test_accents_mark_the_metre() -> None:
    notes = to_pretty_midi(JIG).instruments[0].notes
    by_place: dict[Fraction, set[int]] = {}
    for note, onset in zip(
        notes, (at for at, pitch in zip(JIG.onsets(), JIG.pitch, strict=True) if pitch != REST), strict=True
    ):
        by_place.setdefault((onset - JIG.pickup) % 3, set()).add(note.velocity)
    assert all(len(velocities) == 1 for velocities in by_place.values())
    loudness = {place: velocities.pop() for place, velocities in by_place.items()}
    assert loudness[Fraction(0)] > loudness[Fraction(3, 2)] > loudness[Fraction(1, 2)] == loudness[Fraction(5, 2)]


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tune=tunes())
def test_our_reader_reads_what_was_written(tune: Tune, tmp_path: Path) -> None:
    assume(all((onset * 8).denominator == 1 or (onset * 6).denominator == 1 for onset in tune.onsets()))  # its grid
    path = tmp_path / "tune.mid"
    path.write_bytes(to_bytes(to_pretty_midi(tune)))
    result = tune_of(read(path).pieces[0])
    assert _without_touch(sung(result)) == _without_touch(without_last_rest(sung(tune)))
    assert (result.fifths - tune.fifths) % 12 == 0
    assert result.metre == tune.metre


def _without_touch(notes: list[tuple[int, Fraction]]) -> list[tuple[int, Fraction]]:
    """Join rests that are too short for a reader of MIDI to the notes before them."""
    result: list[tuple[int, Fraction]] = []
    for pitch, length in notes:
        if pitch == REST and length < Fraction(1, 4) and result:
            result[-1] = (result[-1][0], result[-1][1] + length)
        else:
            result.append((pitch, length))
    return result


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
def test_pickups_are_restored(tune: Tune, tmp_path: Path) -> None:
    path = tmp_path / "tune.mid"
    path.write_bytes(to_bytes(to_pretty_midi(tune)))
    assert tune_of(read(path).pieces[0]).pickup == tune.pickup


@pytest.mark.parametrize(
    ("instrument", "program"),
    [("piano", 0), ("violin", 40), ("Flute", 73), ("0", 0), ("127", 127), (" Celesta ", 8), ("acoustic bass", 32)],
)
def test_instruments_are_found_by_name_and_number(instrument: str, program: int) -> None:
    assert program_of(instrument) == program


@pytest.mark.parametrize(
    ("instrument", "words"), [("128", "there are"), ("violn", "did you mean 'violin'"), ("", "no instrument")]
)
def test_an_unknown_instrument_is_rejected(instrument: str, words: str) -> None:
    with pytest.raises(BadInputError, match=words):
        program_of(instrument)
