"""``tunesmith data notes``: show the notes read from a file, to find out why a tune sounds wrong."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from math import ceil
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from data_prep.wording import counted
from tunesmith.console import err, out, print_json
from tunesmith.options import AsJson, Repeats

if TYPE_CHECKING:
    from data_prep.performances.reader import PlayedFile
    from data_prep.readers.notes import Heading, Metre, Piece

_NOTHING_READ = 2
"""Exit status."""

_OCTAVE_0 = 12
"""MIDI pitch of C0."""


def notes(
    file: Annotated[Path, typer.Argument(help="A MIDI, ABC, MusicXML or kern file.", metavar="FILE")],
    performance: Annotated[
        bool, typer.Option("--performance", help="Read a MIDI file as a performance: the notes that the piano plays.")
    ] = False,
    repeats: Repeats = None,
    as_json: AsJson = False,
) -> None:
    r"""Show the notes read from a file by voice and bar, and the tunes that are skipped.

    D5:1/2 is a note with half the length of a quarter note, D5+2:1 the top note
    of a chord of three notes, and z:1 a rest. Grace notes have length 0. With
    --performance, "at" is a note's position in the bar, and v64 its velocity.

    With --json: {"pieces": \[{"title", "voice", "notes": \[\[onset, pitch,
    duration], ...]}], "skipped": \[{"title", "reason"}]}. Times are in quarter
    notes, as fractions ("3/2"); the pitch of a rest is null; --performance adds
    the velocity to each note.

    The exit status is 2 if nothing can be read, also with --json.
    """
    voices, skipped = _played(file) if performance else _written(file, repeats or "written")
    if as_json:
        print_json(
            {
                "pieces": [
                    {"title": voice.title, "voice": voice.name, "notes": [list(row.as_data()) for row in voice.rows]}
                    for voice in voices
                ],
                "skipped": [{"title": title, "reason": reason} for title, reason in skipped],
            }
        )
    else:
        for voice in voices:
            _print_voice(voice)
        for title, reason in skipped:
            err.print(f"skipped {title or file}: {reason}", markup=False, soft_wrap=True)
    if not voices:
        raise typer.Exit(_NOTHING_READ)


@dataclass(frozen=True)
class _Row:
    """A note: times in quarter notes, the pitch (None for a rest) and its name, and the velocity in a performance."""

    onset: Fraction
    pitch: int | None
    duration: Fraction
    name: str
    velocity: int | None = None

    def as_data(self) -> Iterator[str | int | None]:
        yield from (str(self.onset), self.pitch, str(self.duration))
        if self.velocity is not None:
            yield self.velocity


@dataclass(frozen=True)
class _Voice:
    """A voice: its notes, a description, and the metres that define its bars."""

    title: str
    name: str
    about: str
    metres: "tuple[Metre, ...]"
    pickup: Fraction
    rows: list[_Row]


def _written(file: Path, repeats: str) -> tuple[list[_Voice], list[tuple[str, str]]]:
    from data_prep.readers.cached import read_file
    from data_prep.readers.scores import check_path, reading_of_repeats

    check_path(file, "a file of music")
    reading = read_file(file, reading_of_repeats(repeats))
    return [_voice(piece) for piece in reading.pieces], [(tune.tune, tune.reason) for tune in reading.unread]


def _voice(piece: "Piece") -> _Voice:
    columns = zip(piece.onset, piece.duration, piece.pitch, piece.spelling, piece.chord_size, strict=True)
    heading = piece.heading
    return _Voice(
        title=heading.title or heading.tune,
        name=heading.part,
        about=", ".join([*_signatures(heading), counted(piece.num_sounding, "note")]),
        metres=heading.metres,
        pickup=heading.pickup,
        rows=[
            _Row(
                Fraction(int(onset), piece.resolution),
                int(pitch) if size else None,
                Fraction(int(duration), piece.resolution),
                _name(spelling, int(pitch), int(size)),
            )
            for onset, duration, pitch, spelling, size in columns
        ],
    )


def _signatures(heading: "Heading") -> Iterator[str]:
    from data_prep.melodies.description import TONIC_NAMES

    yield ", ".join(f"{metre.beats}/{metre.unit}" for metre in heading.metres) or "no metre"
    yield ", ".join(f"{TONIC_NAMES[key.tonic]} {key.mode or 'signature'}" for key in heading.keys) or "no key"


def _name(spelling: str, pitch: int, chord_size: int) -> str:
    """Return a note's name with "b" for flats; music21 writes "-", which is also the sign of negative octaves."""
    if not chord_size:
        return "z"
    name = spelling if pitch < _OCTAVE_0 else spelling.replace("-", "b")
    return name if chord_size == 1 else f"{name}+{chord_size - 1}"


def _played(file: Path) -> tuple[list[_Voice], list[tuple[str, str]]]:
    from data_prep.performances.preparation import read_file
    from data_prep.readers.bounded import Failure
    from data_prep.readers.scores import MIDI_SUFFIXES, check_path

    check_path(file, "a performance", MIDI_SUFFIXES)
    read = read_file(file)
    return ([], [("", read.reason)]) if isinstance(read, Failure) else ([_performance(read.file)], [])


def _performance(played: "PlayedFile") -> _Voice:
    from data_prep.melodies.description import TONIC_NAMES

    notes, resolution = played.performance, played.resolution
    columns = (column.tolist() for column in (notes.tick, notes.duration, notes.pitch, notes.velocity))
    written = ", ".join(f"{metre.beats}/{metre.unit}" for metre in played.metres) or "no metre"
    return _Voice(
        title="",
        name="",
        about=f"{written}, {counted(resolution, 'tick')} per quarter note, {counted(notes.num_notes, 'note')}",
        metres=played.metres,
        pickup=played.pickup,
        rows=[
            _Row(
                Fraction(tick, resolution),
                pitch,
                Fraction(round(duration * resolution), resolution),
                f"{TONIC_NAMES[pitch % 12]}{pitch // 12 - 1}",
                velocity,
            )
            for tick, duration, pitch, velocity in zip(*columns, strict=True)
        ],
    )


def _print_voice(voice: _Voice) -> None:
    heading = ": ".join(part for part in (voice.title, voice.name) if part)
    out.print(f"{heading} ({voice.about})" if heading else voice.about, style="bold", markup=False, soft_wrap=True)
    bars = _Bars(voice.metres, voice.pickup)
    for (number, begin), rows in groupby(voice.rows, lambda row: bars.of(row.onset)):
        out.print(f"{number:>5}  {' '.join(_text(row, begin) for row in rows)}", markup=False, soft_wrap=True)


def _text(row: _Row, bar: Fraction) -> str:
    note = f"{row.name}:{row.duration}"
    return note if row.velocity is None else f"{note} at {row.onset - bar} v{row.velocity},"


class _Bars:
    """The beginnings of bars: bar 1 is the first full bar, 0 the pickup; a change of metre begins a bar."""

    def __init__(self, metres: "Sequence[Metre]", pickup: Fraction) -> None:
        first = metres[0].bar_length if metres else Fraction(4)
        self._spans = [(Fraction(0), 0, pickup), (pickup, 1, first)] if pickup else [(Fraction(0), 1, first)]
        for metre in metres:
            begin, number, length = self._spans[-1]
            if metre.onset > begin:
                self._spans.append((metre.onset, number + ceil((metre.onset - begin) / length), metre.bar_length))

    def of(self, time: Fraction) -> tuple[int, Fraction]:
        """Return the number and the beginning of the bar that contains a time."""
        begin, number, length = self._spans[bisect_right(self._spans, time, key=itemgetter(0)) - 1]
        bars = (time - begin) // length
        return number + int(bars), begin + bars * length
