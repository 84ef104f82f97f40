"""Reader of MIDI files as scores: the notes of each track and channel are snapped to the grid and split into voices.

Drums (channel 10) are omitted, because they have no pitches.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from data_prep.grid import ARTICULATION_GAP, snap
from data_prep.limits import MAX_SILENT_BARS, read_bytes
from data_prep.readers.midi import files as midi_file
from data_prep.readers.midi.events import NUM_CHANNELS
from data_prep.readers.midi.files import DRUMS, INDEPENDENT_TRACKS, KeySignature, MidiFile, MidiNotes
from data_prep.readers.midi.metres import metres_and_pickup
from data_prep.readers.notes import Heading, Key, Note, Piece, Reading, midi_name
from data_prep.readers.parts import without_gaps
from data_prep.readers.voices import adjust_short_notes, split, stack_chords
from data_prep.wording import by_number, counted

MAX_RESTS = 20 * MAX_SILENT_BARS
"""Maximum number of rests that fill the gaps of all voices of a score."""


def read(path: Path) -> Reading:
    """Read the voices of each track and channel of a file.

    Args:
        path: The file.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If the file cannot be read (see ``midi_file.read``), is not of format 0 or 1, has no notes except
            drums, or has too many notes that never end.
    """
    file = midi_file.read(read_bytes(path))
    if file.format == INDEPENDENT_TRACKS:
        raise ValueError("its tracks are independent pieces (format 2); formats 0 and 1 are read as a score")
    if file.format > INDEPENDENT_TRACKS:
        raise ValueError(f"its format is {file.format}; formats 0 and 1 are read as a score")
    return Reading(tuple(_pieces(file)), ())


def _pieces(file: MidiFile) -> Iterator[Piece]:
    """Yield a piece for each voice, in the order of tracks and channels."""
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
        heading = Heading(
            tune="",
            part=part if len(voices) > 1 else "",
            title=file.names.get(0, "") if len(lines) > 1 or len(voices) == 1 else "",
            composer="",
            num_parts=len(voices),
            metres=tuple(metres),
            keys=tuple(keys),
            pickup=pickup,
        )
        piece = without_gaps(heading, _legato(voice))
        num_rests += len(piece.pitch) - len(voice)
        if num_rests > MAX_RESTS:
            rest = by_number(len(voices), "rests", "rest")
            raise ValueError(f"its {counted(len(voices), 'voice')} {rest} for more than {MAX_RESTS} bars together")
        yield piece


def _lines(notes: MidiNotes) -> dict[tuple[int, int], MidiNotes]:
    """Return the sounding notes of each (track, channel) in the order of (tick, pitch).

    A note that is never released lasts until the next note of its track and channel, or until the end of the track.
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
    return split(stack_chords(adjust_short_notes(notes)), ARTICULATION_GAP)


def _key(signature: KeySignature, resolution: int) -> Key:
    tonic = (7 * signature.fifths - 3 * signature.is_minor) % 12
    return Key(snap(signature.tick, resolution), tonic, "minor" if signature.is_minor else "major")


def _legato(voice: list[Note]) -> list[Note]:
    """Extend each note to the next one if the silence between them is only articulation."""
    held = [
        note._replace(duration=after.onset - note.onset)
        if 0 < after.onset - note.onset - note.duration < ARTICULATION_GAP
        else note
        for note, after in pairwise(voice)
    ]
    return [*held, *voice[-1:]]
