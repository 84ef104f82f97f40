"""Write tunes as ABC, version 2.1 of the standard: https://abcnotation.com/wiki/abc:standard:v2.1."""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from data_prep.pitches import REST
from data_prep.tunes.notation import Mode, Tune
from data_prep.tunes.spelling import Accidentals, Name, signed, spell, tonic
from data_prep.wording import counted
from data_prep.writers.bars import WrittenBar, WrittenNote, bars, beat_length, lines

_UNIT = Fraction(1, 2)
"""Length of a note without a number in quarter notes: an eighth (L:1/8)."""

MODE_SUFFIXES: Mapping[Mode, str] = {"major": "", "minor": "m", "dorian": "dor", "mixolydian": "mix"}
"""Suffix of the tonic for each mode, as in a K: field."""

_ACCIDENTALS = {-1: "_", 0: "=", 1: "^"}
_MIDDLE_OCTAVE = 4


def to_abc(tune: Tune) -> str:
    """Write a tune as ABC.

    Args:
        tune: The tune.

    Returns:
        The text of a file with this tune.
    """
    beat = beat_length(tune.metre)
    beats_per_minute = round(tune.quarters_per_minute / float(beat), 2)
    header = [
        "%abc-2.1",
        "X:1",
        f"T:{_text(tune.title)}",
        *([f"N:{_given(tune.num_prompt)} given, the others composed"] if tune.num_prompt else []),
        f"M:{tune.metre[0]}/{tune.metre[1]}",
        "L:1/8",
        f"Q:{(beat / 4).numerator}/{(beat / 4).denominator}={beats_per_minute:g}",
        f"K:{tonic(tune)}{MODE_SUFFIXES[tune.mode]}",
    ]
    return "\n".join([*header, *_music(bars(tune), tune.fifths)]) + "\n"


def _given(count: int) -> str:
    return "the first note was" if count == 1 else f"the first {counted(count, 'note')} were"


def _text(title: str) -> str:
    """Return a title on one line, with escapes, because a percent sign would begin a comment."""
    return " ".join(title.split()).replace("\\", "\\\\").replace("%", "\\%")


def _music(written: Sequence[WrittenBar], fifths: int) -> Iterator[str]:
    for line in lines(written):
        close = " |]" if line[-1] is written[-1] else " |"
        yield " | ".join(_bar(bar, Accidentals(signed(fifths)), fifths) for bar in line) + close


def _bar(bar: WrittenBar, accidentals: Accidentals, fifths: int) -> str:
    """Return the text of a bar, without spaces inside beam groups."""
    text = ""
    for index, note in enumerate(bar.notes):
        before = bar.notes[index - 1] if index else None
        if before is not None and before.span != note.span:
            text += " "
        if note.tuplet >= 0 and (before is None or before.tuplet != note.tuplet):
            text += _tuplet([member for member in bar.notes if member.tuplet == note.tuplet])
        text += _note(note, accidentals, fifths)
    return text


def _tuplet(notes: Sequence[WrittenNote]) -> str:
    """Return the mark before a tuplet's first note: (3, or the full form for another number of notes."""
    actual, normal, count = notes[0].ratio.numerator, notes[0].ratio.denominator, len(notes)
    return "(3" if (actual, count) == (3, 3) else f"({actual}:{normal}:{count}"


def _note(note: WrittenNote, accidentals: Accidentals, fifths: int) -> str:
    value = note.value / _UNIT
    if note.pitch == REST:
        return f"z{_length(value)}"
    name = spell(note.pitch, fifths)
    if note.tied_before:
        accidentals.write(name)  # readers differ on whether an accidental lasts over a tie
    marked = accidentals.needed(name) or (note.tied_before and name.alter != accidentals.signature[name.letter])
    accidental = _ACCIDENTALS[name.alter] if marked else ""
    return f"{accidental}{_letter(name)}{_length(value)}{'-' if note.tied_after else ''}"


def _letter(name: Name) -> str:
    above = name.octave - _MIDDLE_OCTAVE
    return name.letter.lower() + "'" * (above - 1) if above > 0 else name.letter + "," * -above


def _length(value: Fraction) -> str:
    numerator = "" if value.numerator == 1 else str(value.numerator)
    return numerator + ("" if value.denominator == 1 else f"/{value.denominator}")
