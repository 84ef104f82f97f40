"""Performances out of MIDI files: the piano's notes with their velocities, ticks and seconds.

The piano is what programs 0 to 7 play outside the drum channel, all of it one instrument: a key can sound only once at
a time. So a note ends where its key is released, or struck again if that comes first. Of several strikes of one key at
one tick the loudest is kept. A note that is never released lasts to its key's next strike or the track's end.

A pickup's notes have the places of the end of a bar, so that bars begin where they do in the music.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.performances.arrays import Performance
from data_prep.readers.beats import BEATS_PER_BAR
from data_prep.readers.midi import file as midi_file
from data_prep.readers.midi.file import DRUMS, MidiNotes, check_releases, sounding
from data_prep.readers.midi.metres import metres_and_pickup
from data_prep.readers.notes import Metre

DEFAULT_TEMPO = 500_000
"""Microseconds of a quarter note by default, as in the MIDI standard."""

_MAX_NAMED = 4


@dataclass(frozen=True)
class PlayedFile:
    """What a file says.

    Attributes:
        performance: The piano's notes; quarter notes and bars as the file's ticks and time signatures count them.
        release: [n] float64, seconds in which the notes end.
        format: MIDI's format: 0 one track, 1 simultaneous tracks, 2 successive ones.
        resolution: Ticks in a quarter note.
        metres: Time signatures by onset, in quarter notes from the file's beginning; empty where the file has none.
        pickup: Length of the opening partial bar in quarter notes, 0 where there is none; its metre is the next one.
        tempos: Distinct tempos, in microseconds of a quarter note.
        others: Other instruments ("program 40", "drums").
        num_unended: Notes that were never released.
    """

    performance: Performance
    release: NDArray[np.float64]
    format: int
    resolution: int
    metres: tuple[Metre, ...]
    pickup: Fraction
    tempos: tuple[int, ...]
    others: tuple[str, ...]
    num_unended: int


def read(data: bytes) -> PlayedFile:
    """Read a file.

    Args:
        data: Its contents.

    Returns:
        The piano's notes, and what decides whether they can be used.

    Raises:
        ValueError: If it cannot be read (see ``midi_file.read``), has no notes of a piano, a tempo of 0, or too many
            notes that never end. The message is one line.
    """
    file = midi_file.read(data)
    pianos = file.notes.of(file.notes.is_piano)
    if not len(pianos.tick):
        raise ValueError(f"there is no piano in it (programs 0 to 7): {_players(file.notes)}")
    check_releases(pianos)
    for at, tempo in file.tempos:
        if tempo == 0:
            raise ValueError(f"its tempo is 0 microseconds a quarter note at tick {at}")
    played = sounding(pianos, np.zeros_like(pianos.tick))
    metres, pickup = metres_and_pickup(file)
    performance = Performance(
        pitch=played.pitch,
        velocity=played.velocity,
        onset=played.tick / file.resolution + float(-pickup % BEATS_PER_BAR),
        duration=(played.end - played.tick) / file.resolution,
        seconds=_seconds(played.tick, file.tempos, file.resolution),
        tick=played.tick,
    )
    return PlayedFile(
        performance=performance,
        release=_seconds(played.end, file.tempos, file.resolution),
        format=file.format,
        resolution=file.resolution,
        metres=tuple(metres),
        pickup=pickup,
        tempos=tuple(sorted({tempo for _, tempo in file.tempos})) or (DEFAULT_TEMPO,),
        others=tuple(sorted({name for _, name in _others(file.notes)})),
        num_unended=int(np.count_nonzero(~pianos.released)),
    )


def with_beats(file: PlayedFile, onset: NDArray[np.float64], end: NDArray[np.float64]) -> Performance:
    """Return a file's performance with other quarter notes than its ticks count, such as those of annotated beats.

    Args:
        file: The file.
        onset: [n] quarter notes.
        end: [n] quarter notes, each later than its onset.

    Returns:
        The performance.
    """
    return replace(file.performance, onset=onset, duration=end - onset)


def _others(notes: MidiNotes) -> list[tuple[int, str]]:
    """Return channel and name of every instrument that is no piano, by channel and program."""
    other = notes.of(~notes.is_piano)
    pairs = sorted(set(zip(other.channel.tolist(), other.program.tolist(), strict=True)))
    named = ((channel, "drums" if channel == DRUMS else f"program {program}") for channel, program in pairs)
    return list(dict.fromkeys(named))


def _players(notes: MidiNotes) -> str:
    """Return in words what plays on which channel, counted from 1."""
    said = [f"channel {channel + 1} plays {name}" for channel, name in _others(notes)]
    more = [f"and {len(said) - _MAX_NAMED} more"] if len(said) > _MAX_NAMED else []
    return ", ".join([*said[:_MAX_NAMED], *more])


def _seconds(tick: NDArray[np.int64], tempos: tuple[tuple[int, int], ...], resolution: int) -> NDArray[np.float64]:
    """[n] the seconds of ticks."""
    known = {0: DEFAULT_TEMPO, **dict(tempos)}  # the last of one tick counts
    begin = np.array(list(known), np.int64)
    second_per_tick = np.array(list(known.values())) / (1e6 * resolution)
    begin_second = np.concatenate([[0.0], np.cumsum(np.diff(begin) * second_per_tick[:-1])])
    index = np.searchsorted(begin, tick, "right") - 1
    return begin_second[index] + (tick - begin[index]) * second_per_tick[index]
