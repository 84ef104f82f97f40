"""MIDI files as scores: notes of each track and channel, put on the grid and split into voices.

Drums (channel 10) have no pitches and are left out.
"""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np

from data_prep.grid import ARTICULATION_GAP, snap
from data_prep.limits import MAX_SILENT_BARS, read_bytes
from data_prep.readers.midi import file as midi_file
from data_prep.readers.midi.events import NUM_CHANNELS
from data_prep.readers.midi.file import DRUMS, INDEPENDENT_TRACKS, KeySignature, MidiFile, MidiNotes
from data_prep.readers.midi.metres import metres_and_pickup
from data_prep.readers.notes import Heading, Key, Note, Piece, Reading, midi_name
from data_prep.readers.parts import bar_length
from data_prep.readers.voices import fill_gaps, settle_short, signatures_from, split, stack_chords
from data_prep.wording import by_number, counted

MAX_RESTS = 20 * MAX_SILENT_BARS
"""Rests that are filled in for all voices of a score together."""


def read(path: Path) -> Reading:
    """Read a file's tracks and channels, each split into voices.

    Args:
        path: The file.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If the file cannot be read (see ``midi_file.read``), is not of format 0 or 1, has no notes but
            drums, or too many notes that never end.
    """
    file = midi_file.read(read_bytes(path))
    if file.format == INDEPENDENT_TRACKS:
        raise ValueError("its tracks are independent pieces (format 2); formats 0 and 1 are read as a score")
    if file.format > INDEPENDENT_TRACKS:
        raise ValueError(f"its format is {file.format}; formats 0 and 1 are read as a score")
    return Reading(tuple(_pieces(file)), ())


def _pieces(file: MidiFile) -> Iterator[Piece]:
    """Yield every voice of every line, in the order of tracks and channels."""
    metres, pickup = metres_and_pickup(file)
    keys = list({key.onset: key for key in (_key(signature, file.resolution) for signature in file.keys)}.values())
    lines = _lines(file.notes)
    voices = [
        (f"track {track + 1}, channel {channel + 1}, voice {number}", voice)
        for (track, channel), notes in lines.items()
        for number, voice in enumerate(_voices(notes, file.resolution), 1)
    ]
    num_rests = 0
    for part, voice in voices:
        filled, begin = fill_gaps(_legato(voice), bar_length(metres), pickup)
        num_rests += len(filled) - len(voice)
        if num_rests > MAX_RESTS:
            raise ValueError(
                f"its {counted(len(voices), 'voice')} {by_number(len(voices), 'rests', 'rest')} for more than "
                f"{MAX_RESTS} bars together"
            )
        yield Piece.of(
            Heading(
                tune="",
                part=part if len(voices) > 1 else "",
                title=file.names.get(0, "") if len(lines) > 1 or len(voices) == 1 else "",
                composer="",
                num_parts=len(voices),
                metres=signatures_from(metres, begin),
                keys=signatures_from(keys, begin),
                pickup=Fraction(0) if begin else pickup,
            ),
            filled,
        )


def _lines(notes: MidiNotes) -> dict[tuple[int, int], MidiNotes]:
    """Return what sounds on each track and channel, in their order, a line's notes by (tick, pitch).

    A note that is never released lasts to the next one of its line, or to its track's end.
    """
    pitched = notes.of(notes.channel != DRUMS)
    if not len(pitched.tick):
        raise ValueError("there are no notes in it")
    midi_file.check_releases(pitched)
    lines: dict[tuple[int, int], MidiNotes] = {}
    number = pitched.track * NUM_CHANNELS + pitched.channel
    order = np.lexsort((pitched.tick, number))
    for own in np.split(order, np.flatnonzero(np.diff(number[order])) + 1):
        line = pitched.of(own)
        strikes = np.append(np.unique(line.tick), line.end.max())
        following = strikes[np.searchsorted(strikes[:-1], line.tick, "right")]
        line = replace(line, end=np.where(line.released, line.end, following))
        lines[divmod(int(number[own[0]]), NUM_CHANNELS)] = midi_file.sounding(line, np.zeros_like(own))
    return lines


def _voices(line: MidiNotes, resolution: int) -> list[list[Note]]:
    columns = (line.tick.tolist(), line.end.tolist(), line.pitch.tolist(), line.velocity.tolist())
    notes: list[Note] = []
    for tick, end, pitch, velocity in zip(*columns, strict=True):
        onset = snap(tick, resolution)
        notes.append(Note(onset, snap(end, resolution) - onset, pitch, midi_name(pitch), velocity=velocity))
    return split(stack_chords(settle_short(notes)), ARTICULATION_GAP)


def _key(signature: KeySignature, resolution: int) -> Key:
    tonic = (7 * signature.fifths - 3 * signature.is_minor) % 12
    return Key(snap(signature.tick, resolution), tonic, "minor" if signature.is_minor else "major")


def _legato(voice: list[Note]) -> list[Note]:
    """Hold each note until the next where the silence between them is only articulation."""
    held = [
        note._replace(duration=after.onset - note.onset)
        if 0 < after.onset - note.onset - note.duration < ARTICULATION_GAP
        else note
        for note, after in pairwise(voice)
    ]
    return [*held, *voice[-1:]]
