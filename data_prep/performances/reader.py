"""Read performances from MIDI files: the piano's notes with their velocities, ticks and seconds.

The notes of programs 0 to 7 outside the drum channel belong to one piano, whose keys sound once at a time: a note ends
where its key is released, or struck again if that comes first. Of several strikes of a key at one tick, the loudest is
kept. A note that is never released lasts until the next strike of its key or the end of the track.

A pickup is placed at the end of a bar, so that bars begin where they do in the music.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.performances.arrays import Performance
from data_prep.readers.beats import BEATS_PER_BAR
from data_prep.readers.midi import files as midi_file
from data_prep.readers.midi.files import DRUMS, MidiNotes, check_releases, sounding
from data_prep.readers.midi.metres import metres_and_pickup
from data_prep.readers.notes import Metre

DEFAULT_TEMPO = 500_000
"""Default tempo in microseconds per quarter note, as in the MIDI standard."""

_MAX_NAMED = 4


@dataclass(frozen=True)
class PlayedFile:
    """The contents of a MIDI file.

    Attributes:
        performance: The piano's notes, in quarter notes and bars by the ticks and time signatures of the file.
        release: [n] float64, end of each note in seconds.
        format: MIDI format: 0 for one track, 1 for simultaneous tracks, 2 for successive ones.
        resolution: Ticks per quarter note.
        metres: Time signatures by onset, in quarter notes from the file's beginning; empty if the file has none.
        pickup: Length of the opening partial bar in quarter notes, 0 if there is none; its metre is the next one.
        tempos: Distinct tempos in microseconds per quarter note.
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
    """Read a MIDI file.

    Args:
        data: The contents of the file.

    Returns:
        The piano's notes, and the properties that decide whether they can be used.

    Raises:
        ValueError: If the file cannot be read (see ``midi_file.read``), or has no notes of a piano, a tempo of 0, or
            too many notes that never end. The message is one line.
    """
    file = midi_file.read(data)
    pianos = file.notes.of(file.notes.is_piano)
    if not len(pianos.tick):
        raise ValueError(f"there is no piano in it (programs 0 to 7): {_players(file.notes)}")
    check_releases(pianos)
    for at, tempo in file.tempos:
        if tempo == 0:
            raise ValueError(f"its tempo is 0 microseconds per quarter note at tick {at}")
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


def _others(notes: MidiNotes) -> list[tuple[int, str]]:
    """Return channel and name of every instrument other than the piano, sorted by channel and program."""
    other = notes.of(~notes.is_piano)
    pairs = sorted(set(zip(other.channel.tolist(), other.program.tolist(), strict=True)))
    named = ((channel, "drums" if channel == DRUMS else f"program {program}") for channel, program in pairs)
    return list(dict.fromkeys(named))


def _players(notes: MidiNotes) -> str:
    """List the instruments with their channels, counted from 1."""
    players = [f"channel {channel + 1} plays {name}" for channel, name in _others(notes)]
    more = [f"and {len(players) - _MAX_NAMED} more"] if len(players) > _MAX_NAMED else []
    return ", ".join([*players[:_MAX_NAMED], *more])


def _seconds(tick: NDArray[np.int64], tempos: tuple[tuple[int, int], ...], resolution: int) -> NDArray[np.float64]:
    """Convert ticks [n] to seconds."""
    tempo_at = {0: DEFAULT_TEMPO, **dict(tempos)}  # of several tempos at one tick, the last applies
    begin = np.array(list(tempo_at), np.int64)
    second_per_tick = np.array(list(tempo_at.values())) / (1e6 * resolution)
    begin_second = np.concatenate([[0.0], np.cumsum(np.diff(begin) * second_per_tick[:-1])])
    index = np.searchsorted(begin, tick, "right") - 1
    return begin_second[index] + (tick - begin[index]) * second_per_tick[index]
