"""Write tunes as MIDI: one instrument, exact ticks, and accents on the beats."""

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from math import lcm
from typing import Any

import pretty_midi

from data_prep.errors import unknown
from data_prep.limits import is_metre
from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from data_prep.writers.bars import beat_length

_pretty_midi: Any = pretty_midi  # it is untyped

VIOLIN = 40
"""Program of a violin, counted from 0."""

_VELOCITY, _ON_BEAT, _ON_BAR = 80, 6, 14
"""Velocity of a note, and what is added on a beat and at the beginning of a bar."""

_LEAST_TICKS = 480
"""Ticks per quarter note; a multiple is used if the durations of a tune require it."""

_NUM_PROGRAMS = 128


def to_pretty_midi(tune: Tune, program: int = VIOLIN) -> Any:
    """Convert a tune to MIDI.

    Args:
        tune: The tune.
        program: MIDI program from 0; use 0 for tunes that a piano model will perform.

    Returns:
        A ``PrettyMIDI`` with notes, metre, key signature and tempo; a pickup ends at the next time signature.
    """
    ticks = lcm(_LEAST_TICKS, *(time.denominator for time in (tune.pickup, *tune.duration)))
    midi = _pretty_midi.PrettyMIDI(resolution=ticks, initial_tempo=tune.quarters_per_minute, charset="utf-8")
    for onset, (beats, unit) in _metres(tune):
        time = midi.tick_to_time(int(onset * ticks))
        midi.time_signature_changes.append(_pretty_midi.TimeSignature(beats, unit, time))
    midi.key_signature_changes.append(_pretty_midi.KeySignature(_key(tune), 0.0))
    played = _pretty_midi.Instrument(program, name=tune.title)
    for pitch, onset, duration in zip(tune.pitch, tune.onsets(), tune.duration, strict=True):
        if pitch != REST:
            begin, end = (midi.tick_to_time(int(time * ticks)) for time in (onset, onset + duration))
            played.notes.append(_pretty_midi.Note(_velocity(tune, onset), pitch, begin, end))
    midi.instruments.append(played)
    return midi


def program_of(instrument: str) -> int:
    """Return the program of an instrument.

    Args:
        instrument: Its number from 0 to 127, or its General MIDI name or part of it (piano, flute, celesta).

    Returns:
        The number; of several matches an exact one or the first, so that "piano" is the grand piano.

    Raises:
        BadInputError: If there is no such instrument.
    """
    text = instrument.strip().casefold()
    if text.isdecimal() and int(text) < _NUM_PROGRAMS:
        return int(text)
    names = [_pretty_midi.program_to_instrument_name(program).casefold() for program in range(_NUM_PROGRAMS)]
    matching = [program for program, name in enumerate(names) if text and text in name]
    if not matching:
        raise unknown("instrument", instrument, names, "of General MIDI")
    return min(matching, key=lambda program: (names[program] != text, program))


def to_bytes(midi: Any) -> bytes:
    """Return the contents of a MIDI file."""
    file = BytesIO()
    midi.write(file)
    return file.getvalue()


def _metres(tune: Tune) -> Iterator[tuple[Fraction, tuple[int, int]]]:
    """Yield metres with their onsets; a pickup is a bar with a shorter metre, as notation programs write it.

    If there is no such metre, as for a third of a quarter note, the tune's metre is repeated at the first full bar.
    """
    parts = tune.pickup / 4  # of a whole note
    unit = max(parts.denominator, tune.metre[1])
    if parts:
        beats = int(parts * unit)
        yield Fraction(0), (beats, unit) if parts * unit == beats and is_metre(beats, unit) else tune.metre
    yield tune.pickup, tune.metre


def _key(tune: Tune) -> int:
    """Return pretty_midi's number of a key: 0..11 in major, 12..23 in minor; other modes keep signature and third."""
    major = 7 * tune.fifths % 12
    return (major + 9) % 12 + 12 if tune.mode in {"minor", "dorian"} else major


def _velocity(tune: Tune, onset: Fraction) -> int:
    place = (onset - tune.pickup) % tune.bar_length
    if place == 0:
        return _VELOCITY + _ON_BAR
    return _VELOCITY + (_ON_BEAT if place % beat_length(tune.metre) == 0 else 0)
