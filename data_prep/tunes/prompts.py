"""Read prompts: a single tune from a file of any kind, with remarks about it."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from data_prep.errors import BadInputError
from data_prep.melodies.assembly import metre_of
from data_prep.pitches import REST
from data_prep.readers.cached import read_file
from data_prep.readers.notes import Key, Piece, Reading, Unread
from data_prep.readers.scores import check_path
from data_prep.tunes.notation import MODES, Mode, Tune, signature
from data_prep.tunes.spelling import tonic
from data_prep.wording import counted

_LIKE: dict[str, tuple[int, Mode]] = {
    "": (0, "major"),
    "ionian": (0, "major"),
    "aeolian": (0, "minor"),
    "phrygian": (5, "minor"),
    "lydian": (7, "major"),
    "locrian": (10, "minor"),
}
"""Replacements of modes that tunes do not have: semitones from the tonic up to that of the replacement, and its mode.

Both have the same signature.
"""


def read_prompt(path: Path) -> tuple[Tune, tuple[str, ...]]:
    """Read a tune as a prompt.

    Args:
        path: An ABC, MIDI, MusicXML or kern file.

    Returns:
        The first tune of the file, with its top voice and the top notes of its chords, and a line for each thing in
        the file that was left out or assumed.

    Raises:
        BadInputError: If the file does not exist, cannot be read, or has no notes.
    """
    piece, remarks = read_voice(path, "a prompt")
    return tune_of(piece), remarks


def read_voice(path: Path, purpose: str) -> tuple[Piece, tuple[str, ...]]:
    """Read a single voice from a file.

    Args:
        path: An ABC, MIDI, MusicXML or kern file.
        purpose: The purpose of the file, with its article ("a prompt").

    Returns:
        The voice, with remarks as in ``read_prompt``.

    Raises:
        BadInputError: If the file does not exist, cannot be read, or has no notes.
    """
    check_path(path, purpose)
    reading = read_file(path)
    if not any(piece.num_sounding for piece in reading.pieces):
        reason = reading.unread[0].reason if reading.unread else "there are no notes in it"
        raise BadInputError(f"{purpose} is a tune of at least one note", f"none can be read from {path}: {reason}")
    top, remarks = top_voice(reading)
    return top, tuple(f"{path.name}: {remark}" for remark in remarks)


def top_voice(reading: Reading) -> tuple[Piece, list[str]]:
    """Return the top voice of the first tune that sounds, and remarks; there must be one."""
    pieces = [piece for piece in reading.pieces if piece.num_sounding]
    voices = [piece for piece in pieces if piece.heading.tune == pieces[0].heading.tune]
    top = max(voices, key=lambda piece: float(piece.pitch[piece.pitch != REST].mean()))
    remarks = [
        *_about_file(reading.unread, pieces, voices, top),
        *_about_notes(top),
        *_about_signatures(top, tune_of(top)),
    ]
    return top, remarks


def tune_of(piece: Piece) -> Tune:
    """Convert a voice to a tune, with its first metre and key and without grace notes."""
    fifths, mode = _signature(piece.heading.keys)
    timed = np.flatnonzero(piece.duration > 0).tolist()
    return Tune(
        pitch=tuple(int(piece.pitch[index]) for index in timed),
        duration=tuple(Fraction(int(piece.duration[index]), piece.resolution) for index in timed),
        metre=metre_of(piece)[1:],
        pickup=piece.heading.pickup,
        fifths=fifths,
        mode=mode,
        title=piece.heading.title,
    )


def _signature(keys: Sequence[Key]) -> tuple[int, Mode]:
    """Return the signature and the mode of a tune in the first key."""
    if not keys:
        return 0, "major"
    for mode in MODES:
        if keys[0].mode == mode:
            return signature(keys[0].tonic, mode), mode
    higher, mode = _LIKE.get(keys[0].mode, _LIKE[""])
    return signature((keys[0].tonic + higher) % 12, mode), mode


def _about_file(
    unread: Sequence[Unread], pieces: Sequence[Piece], voices: Sequence[Piece], top: Piece
) -> Iterator[str]:
    num_tunes = len({piece.heading.tune for piece in pieces})
    if num_tunes > 1:
        name = top.heading.title or top.heading.tune
        yield f"the first of its {counted(num_tunes, 'tune')} is taken, {name!r}"
    if unread:
        first = unread[0]
        yield f"{counted(len(unread), 'tune')} in it cannot be read, the first is {first.tune!r}: {first.reason}"
    if len(voices) > 1:
        yield f"the top one of its {counted(len(voices), 'voice')} is taken, {top.heading.part!r}"


def _about_notes(top: Piece) -> Iterator[str]:
    chords = int(np.count_nonzero((top.chord_size > 1) & (top.duration > 0)))
    if chords:
        yield f"only the top note is taken of {counted(chords, 'chord')}"
    graces = int(np.count_nonzero(top.duration == 0))
    if graces:
        yield f"{counted(graces, 'grace note')} left out"


def _about_signatures(top: Piece, tune: Tune) -> Iterator[str]:
    metres, keys = top.heading.metres, top.heading.keys
    metre, key = f"{tune.metre[0]}/{tune.metre[1]}", f"{tonic(tune)} {tune.mode}"
    if not metres:
        yield f"it states no metre; {metre} is assumed"
    elif any((later.beats, later.unit) != tune.metre for later in metres):
        yield f"its first metre is taken throughout, {metre}"
    if not keys:
        yield f"it states no key; {key} is assumed"
    elif any(later[1:] != keys[0][1:] for later in keys):
        yield f"its first key is taken throughout, {key}"
    elif not keys[0].mode:
        yield f"its key signature states no mode; {key} is assumed"
    elif keys[0].mode not in MODES:
        yield f"a tune in {keys[0].mode} is taken for one in {key}, which has the same signature"
