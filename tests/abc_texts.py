"""ABC that a test writes out: read, and written as the names and lengths of its notes."""

from collections.abc import Callable

from data_prep.readers.abc.files import split_tunes
from data_prep.readers.abc.tunes import read_tune
from data_prep.readers.notes import Note, Piece


def read_text(text: str) -> list[Piece]:
    """Read the only tune of a text."""
    ((tune, lines),) = split_tunes(text)
    return read_tune(tune, lines)


def spelled(music: str, rows: Callable[[Piece], list[Note]], head: str = "M:4/4\nL:1/8\nK:C") -> str:
    """Read one voice, and write what was read as "C4:1/2 rest:1"."""
    (piece,) = read_text(f"X:1\n{head}\n{music}\n")
    return " ".join(f"{note.spelling}:{note.duration}" for note in rows(piece))
