"""MusicXML scores as MIDI that a model can perform, with the dynamics and accents that are written in them.

The notes get the velocities that notation programs give to the written dynamics, so that these can be kept in a
performance. A score without dynamics is flat.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.limits import is_metre
from data_prep.performances.arrays import Performance
from data_prep.pitches import MAX_VELOCITY, NUM_PITCHES
from data_prep.readers.bounded import Failure, FileReader, read_one
from data_prep.readers.midi.events import NUM_CHANNELS
from data_prep.readers.midi.files import DRUMS, PIANO_PROGRAMS
from data_prep.readers.musicxml import playing
from data_prep.readers.musicxml.bars import DYNAMICS
from data_prep.readers.musicxml.playing import PlayedScore
from data_prep.readers.notes import Repeats
from data_prep.readers.scores import MUSICXML_SUFFIXES
from data_prep.writers import midi_events
from data_prep.writers.midi_events import Event

ACCENT = "accent"
"""The marking of accented notes."""

TICKS_PER_QUARTER = 480
"""Resolution of the MIDI."""

_MAX_NAMED = 4  # parts in an error message

_STEP = 16
"""Difference of velocity between neighbouring dynamics, and between an accented note and others."""

_MEZZOFORTE = 80

_VELOCITY = {mark: _MEZZOFORTE + _STEP * (at - DYNAMICS.index("mf")) for at, mark in enumerate(DYNAMICS)}
"""Velocity of each dynamic, before it is clipped: ppp 16, pp 32, p 48, mp 64, mf 80, f 96, ff 112, fff 128, as in
the playback of notation programs."""


@dataclass(frozen=True)
class Markings:
    """The dynamics and accents in force at the piano's m notes, in the order of (tick, pitch).

    Attributes:
        key: [m] int64, tick and pitch of each note as one number.
        dynamic: [m] int64, index of the dynamic in DYNAMICS, -1 before the first.
        accented: [m] bool, whether the note is accented.
    """

    key: NDArray[np.int64]
    dynamic: NDArray[np.int64]
    accented: NDArray[np.bool_]

    def of_notes(self, performance: Performance) -> dict[str, NDArray[np.bool_]]:
        """Return for each marking that occurs which notes of a performance have it, from the softest dynamic.

        Args:
            performance: The n notes of the score's MIDI, with any velocities.

        Returns:
            [n] bool for each marking: some of DYNAMICS, and ACCENT.
        """
        if not len(self.key):
            return {}
        key = _key(performance.tick, performance.pitch)
        place = np.minimum(np.searchsorted(self.key, key), len(self.key) - 1)
        known = self.key[place] == key
        noted = {mark: known & (self.dynamic[place] == at) for at, mark in enumerate(DYNAMICS)}
        noted[ACCENT] = known & self.accented[place]
        return {mark: notes for mark, notes in noted.items() if notes.any()}


@dataclass(frozen=True)
class ScoreAsMidi:
    """A score as MIDI.

    Attributes:
        midi: The contents of the MIDI file.
        markings: The dynamics and accents of the piano's notes.
    """

    midi: bytes
    markings: Markings


def is_score(path: Path) -> bool:
    """Return whether a file is read as MusicXML, by its suffix."""
    return path.suffix.lower() in MUSICXML_SUFFIXES


def read_score(path: Path, repeats: Repeats = "written") -> ScoreAsMidi:
    """Read a MusicXML score within bounds, and convert it to MIDI.

    Args:
        path: A MusicXML file or archive.
        repeats: How to read repeats.

    Returns:
        The MIDI and the markings.

    Raises:
        BadInputError: If the file cannot be read as MusicXML, or has no notes or too many instruments.
    """
    answer = read_one(FileReader(partial(convert, repeats=repeats), lambda _: (playing.__name__,)), path)
    if isinstance(answer, Failure):
        raise BadInputError("a readable MusicXML file with piano notes is needed", answer.reason)
    return answer


def convert(path: Path, repeats: Repeats) -> ScoreAsMidi:
    """Read a MusicXML score without bounds; for untrusted files use ``read_score``.

    Args:
        path: A MusicXML file or archive.
        repeats: How to read repeats.

    Returns:
        The MIDI and the markings.

    Raises:
        ValueError: If the file cannot be read as MusicXML, or has no piano or too many instruments.
    """
    score = playing.read(path, repeats)
    if not any(score.programs[note.part] in PIANO_PROGRAMS for note in score.notes):
        more = f" and {len(score.names) - _MAX_NAMED} more" if len(score.names) > _MAX_NAMED else ""
        raise ValueError(f"there is no piano in it: its parts are {', '.join(score.names[:_MAX_NAMED])}{more}")
    return ScoreAsMidi(_to_midi(score), _markings(score))


def _to_midi(score: PlayedScore) -> bytes:
    """Write a score as MIDI: a track for tempos and metres, and one for each part."""
    channels = _channels(score.programs)
    tracks: list[list[Event]] = [[] for _ in score.programs]
    for part, program in enumerate(score.programs):
        tracks[part].append(midi_events.program(channels[program], program))
    for note in score.notes:
        begin, end = _ticks(note.onset), _ticks(note.onset + note.duration)
        velocity = _VELOCITY[note.dynamic or "mf"] + (_STEP if note.accented else 0)
        velocity = min(max(velocity, 1), MAX_VELOCITY)
        tracks[note.part] += midi_events.note(begin, end, channels[score.programs[note.part]], note.pitch, velocity)
    for onset, part, is_down in score.pedals:
        tracks[part].append(midi_events.pedal(_ticks(onset), channels[score.programs[part]], is_down=is_down))
    return midi_events.to_file([_signatures(score), *tracks], TICKS_PER_QUARTER)


def _signatures(score: PlayedScore) -> list[Event]:
    """Return the tempos and metres; a pickup is a bar in a shorter metre, as notation programs write it."""
    tempos = [midi_events.tempo(_ticks(onset), tempo) for onset, tempo in score.tempos]
    metres = [(_ticks(metre.onset), metre.beats, metre.unit) for metre in score.metres]
    if score.pickup and metres:
        _, beats, unit = metres[0]
        whole = score.pickup / 4
        part_unit = max(whole.denominator, unit)
        part_beats = int(whole * part_unit)
        fits = part_beats == whole * part_unit and is_metre(part_beats, part_unit)
        metres[0] = (_ticks(score.pickup), beats, unit)
        metres.insert(0, (0, part_beats, part_unit) if fits else (0, beats, unit))
    return [*tempos, *(midi_events.metre(*metre) for metre in metres)]


def _channels(programs: tuple[int, ...]) -> dict[int, int]:
    """Return a channel for each program, none of them that of drums; raise ValueError if there are too few."""
    free = [channel for channel in range(NUM_CHANNELS) if channel != DRUMS]
    distinct = sorted(set(programs))
    if len(distinct) > len(free):
        raise ValueError(f"scores of at most {len(free)} instruments are performed: it has {len(distinct)}")
    return dict(zip(distinct, free, strict=False))


def _markings(score: PlayedScore) -> Markings:
    pianos = [note for note in score.notes if score.programs[note.part] in PIANO_PROGRAMS]
    ticks, pitches, dynamics, accents = (
        np.array(column)
        for column in (
            [_ticks(note.onset) for note in pianos],
            [note.pitch for note in pianos],
            [DYNAMICS.index(note.dynamic) if note.dynamic else -1 for note in pianos],
            [note.accented for note in pianos],
        )
    )
    # of a note struck by two parts, the louder is the one that is heard
    order = np.lexsort((-accents.astype(np.int64), -dynamics, _key(ticks, pitches)))
    key, first = np.unique(_key(ticks, pitches)[order], return_index=True)
    return Markings(key, dynamics[order][first], accents[order][first])


def _key(tick: NDArray[np.int64], pitch: NDArray[np.integer]) -> NDArray[np.int64]:
    return tick.astype(np.int64) * NUM_PITCHES + pitch


def _ticks(quarters: float | Fraction) -> int:
    return round(quarters * TICKS_PER_QUARTER)
