"""A MusicXML score as it is played: all notes, tempos, pedal, and the written dynamics and accents.

The reader of tunes, ``staves.py``, returns the top note of a chord and no dynamics; a piano needs all of them.

A dynamic (p, mf, ...) applies to all staves of its part until the next one. Tied notes are one note. A staccato note is
held for half its length. The instrument of a part is its MIDI program, else the one that music21 recognises in its
name, else a piano, as in MIDI.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from xml.etree.ElementTree import Element

from data_prep.limits import check_length, check_num_notes, is_metre
from data_prep.readers.musicxml import checked
from data_prep.readers.musicxml.bars import NEEDED, Bar, PartReader
from data_prep.readers.notes import Metre, Repeats, clean_name
from data_prep.readers.parts import bar_length, pickup
from data_prep.readers.repeats import Turn, playing_order

_ROUNDING = 1e-6  # tolerance of times (quarter notes)
_NUM_PROGRAMS = 128
_LONGEST_NAME = 100
_Placed: TypeAlias = list[tuple[float, Bar]]
"""The bars of a part in the order of playing, each with the time at which it begins (quarter notes)."""


class PlayedNote(NamedTuple):
    """A note as it is played.

    Attributes:
        onset: Onset (quarter notes from the beginning of the score).
        duration: Duration (quarter notes).
        pitch: MIDI pitch.
        part: Number of its part, from 0.
        dynamic: The loudness in force, "" before the first.
        accented: Whether it is accented.
    """

    onset: float
    duration: float
    pitch: int
    part: int
    dynamic: str
    accented: bool


@dataclass(frozen=True)
class PlayedScore:
    """A score as it is played; times are quarter notes from its beginning.

    Attributes:
        notes: The notes by onset.
        names: Name of each part.
        programs: MIDI program of each part, counted from 0.
        metres: Time signatures by onset; empty if the score has none.
        pickup: Length of the opening partial bar, 0 if there is none.
        tempos: (onset, quarter notes per minute) by onset.
        pedals: (onset, part, whether the sustain pedal goes down) by onset.
    """

    notes: tuple[PlayedNote, ...]
    names: tuple[str, ...]
    programs: tuple[int, ...]
    metres: tuple[Metre, ...]
    pickup: Fraction
    tempos: tuple[tuple[float, float], ...]
    pedals: tuple[tuple[float, int, bool], ...]


def read(path: Path, repeats: Repeats = "written") -> PlayedScore:
    """Read a score.

    Args:
        path: A MusicXML file or archive.
        repeats: How to read repeats.

    Returns:
        The score.

    Raises:
        ValueError: If the file is not MusicXML, has no notes, or is too long.
    """
    score = checked.load(path, repeats, NEEDED)
    elements = score.root.findall("part")
    parts = [list(PartReader().bars(part)) for part in elements]
    order = _order(score.turns, parts)
    lengths = [max((bars[at].length for bars in parts if at < len(bars)), default=0.0) for at in order]
    begins = [0.0, *accumulate(lengths)]
    check_length(begins[-1])
    placed = [[(begin, bars[at]) for begin, at in zip(begins, order, strict=False) if at < len(bars)] for bars in parts]
    notes = sorted(note for number, bars in enumerate(placed) for note in _notes(number, bars))
    if not notes:
        raise ValueError("there are no notes in it")
    check_num_notes(len(notes))
    metres = list(_metres(placed[0]))
    first, second = (Fraction(length).limit_denominator(checked.MAX_DIVISIONS) for length in (*lengths, 0, 0)[:2])
    heads = {head.get("id", ""): head for head in score.root.iterfind("part-list/score-part")}
    described = [heads.get(part.get("id", ""), Element("score-part")) for part in elements]
    every = [(begin, number, bar) for number, bars in enumerate(placed) for begin, bar in bars]
    return PlayedScore(
        notes=tuple(notes),
        names=tuple(_names(head)[0] or f"part {number}" for number, head in enumerate(described, 1)),
        programs=tuple(map(_program, described)),
        metres=tuple(metres),
        pickup=pickup(bar_length(metres), first, second, announced=score.announced, continued=score.continued),
        tempos=tuple(sorted({begin + at: tempo for begin, _, bar in every for at, tempo in bar.tempos}.items())),
        pedals=tuple(sorted(((begin + at, number, down) for begin, number, bar in every for at, down in bar.pedals))),
    )


def _order(turns: Mapping[int, Turn], parts: Sequence[Sequence[Bar]]) -> list[int]:
    """Return the numbers of the bars in the order in which they are played."""
    num_bars = max(map(len, parts), default=0)
    if not turns:
        return list(range(num_bars))
    places = sorted({0, *turns})
    sizes = [sum(len(bar.notes) for bars in parts for bar in bars[begin:end]) for begin, end in pairwise(places)]
    stretches = playing_order([turns.get(place, Turn()) for place in places], [*sizes, 0])
    return [at for stretch in stretches for at in range(places[stretch], places[stretch + 1])]


def _notes(part: int, bars: _Placed) -> list[PlayedNote]:
    """Return the notes of a part with the dynamics in force; tied notes, and a key that two voices strike, are one."""
    dynamics = sorted(((begin + at, mark) for begin, bar in bars for at, mark in bar.dynamics), key=itemgetter(0))
    accents = {_rounded(begin + at) for begin, bar in bars for at in bar.accents}
    notes: list[PlayedNote] = []
    struck: dict[tuple[int, int], int] = {}  # index of each note by its onset and pitch
    held: dict[int, int] = {}  # index of the last note of each pitch from which a tie leads on
    for begin, bar in bars:
        for note in bar.notes:
            onset = max(begin + note.onset, 0.0)
            end = onset + (note.duration / 2 if note.staccato and not note.tied else note.duration)
            number = held.get(note.pitch, -1) if note.continues else -1
            if number < 0 or notes[number].onset + notes[number].duration < onset - _ROUNDING:
                number = struck.setdefault((_rounded(onset), note.pitch), len(notes))
            if number == len(notes):
                in_force = bisect_right(dynamics, onset + _ROUNDING, key=itemgetter(0)) - 1
                dynamic = dynamics[in_force][1] if in_force >= 0 else ""
                notes.append(PlayedNote(onset, 0.0, note.pitch, part, dynamic, _rounded(onset) in accents))
            before = notes[number]
            duration, is_accented = max(before.duration, end - before.onset), before.accented or note.accented
            notes[number] = before._replace(duration=duration, accented=is_accented)
            if note.tied:
                held[note.pitch] = number
    return notes


def _rounded(onset: float) -> int:
    return round(onset / _ROUNDING)


def _metres(bars: _Placed) -> Iterator[Metre]:
    """Yield the metres of a part where they change."""
    last: tuple[int, int] | None = None
    for begin, bar in bars:
        if bar.metre is not None and bar.metre != last and is_metre(*bar.metre):
            last = bar.metre
            yield Metre(Fraction(begin).limit_denominator(checked.MAX_DIVISIONS), *last)


def _program(head: Element) -> int:
    """Return the MIDI program of a part, counted from 0."""
    for number in head.iterfind("midi-instrument/midi-program"):
        text = (number.text or "").strip()
        if text.isdecimal() and 1 <= int(text[:4]) <= _NUM_PROGRAMS:
            return int(text) - 1
    names = [name for name in _names(head) if name]
    if not names or any("piano" in name.casefold() for name in names):
        return 0
    import music21  # takes a second

    untyped: Any = music21
    for name in names:
        try:
            return int(untyped.instrument.fromString(name).midiProgram or 0)
        except untyped.exceptions21.Music21Exception:
            continue
    return 0


def _names(head: Element) -> list[str]:
    """Return the name of a part and that of its instrument."""
    names = (head.findtext(path, "") for path in ("part-name", "score-instrument/instrument-name"))
    return [clean_name(name)[:_LONGEST_NAME] for name in names]
