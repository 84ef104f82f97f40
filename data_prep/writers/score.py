"""Convert tunes to music21 scores and MusicXML.

All notation is set here: note values, ties, tuplets, beams, accidentals and line breaks. music21 adds none, because it
neither ties notes at beats nor beams the bars of reels in halves.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import groupby
from typing import Any

import music21
from music21.musicxml import m21ToXml

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from data_prep.tunes.spelling import Accidentals, signed, spell, tonic
from data_prep.writers.bars import WrittenBar, WrittenNote, bars, beat_length, lines

_m21: Any = music21  # it is only partly typed
_m21_to_xml: Any = m21ToXml

PROMPT_MARK = "prompt"
"""Text above the first note of a prompt."""

COMPOSED_MARK = "composed from here"
"""Text above the first composed note after a prompt."""

PROMPT_COLOUR = "#0072B2"
"""Colour of the notes of a prompt."""

_SIGNS = {-1: "-", 0: "", 1: "#"}
_TIES = {(False, True): "start", (True, True): "continue", (True, False): "stop"}


def to_music21(tune: Tune, share: float = 1.0) -> Any:
    """Convert a tune to a score.

    Args:
        tune: The tune.
        share: Length of a line, as a share of that on a whole page.

    Returns:
        A score with one violin part and complete notation.
    """
    violin = _m21.instrument.Violin()
    violin.partId, violin.instrumentId = "P1", "P1-I1"  # music21 would choose them at random
    part = _m21.stream.Part(id="tune")
    part.insert(0, violin)
    written = bars(tune)
    for line in lines(written, share):
        for bar in line:
            measure = _measure(tune, bar)
            if bar is written[0]:
                for element in _opening(tune):
                    measure.insert(0, element)
            elif bar is line[0]:
                measure.insert(0, _m21.layout.SystemLayout(isNew=True))
            if bar is written[-1]:
                measure.rightBarline = "final"
            part.append(measure)
    score = _m21.stream.Score(id="score")
    score.metadata = _m21.metadata.Metadata()
    score.metadata.movementName = tune.title or None
    score.insert(0, part)
    return score


def to_musicxml(tune: Tune, share: float = 1.0) -> str:
    """Convert a tune to MusicXML, always the same text for the same tune; for ``share`` see ``to_music21``."""
    exporter = _m21_to_xml.ScoreExporter(to_music21(tune, share), makeNotation=False)
    root = exporter.parse()
    # music21 enters itself as the composer, and as the title of a tune without one
    unwanted = {"identification": "creator", "identification/encoding": "encoding-date"}
    for place, name in (unwanted if tune.title else unwanted | {".": "movement-title"}).items():
        for parent in root.findall(place):
            for element in parent.findall(name):
                parent.remove(element)
    root.find("part-list/score-part/part-name").set("print-object", "no")  # one fiddle needs no name on every line
    root.find("part-list/score-part/part-abbreviation").set("print-object", "no")
    return exporter.asBytes().decode()


def _measure(tune: Tune, bar: WrittenBar) -> Any:
    measure = _m21.stream.Measure(number=bar.number)
    begin = bar.notes[0].offset
    for written, element in zip(bar.notes, _elements(tune, bar), strict=True):
        mark = _mark(tune, written)
        if mark:
            measure.insert(written.offset - begin, _text(mark))
        measure.insert(written.offset - begin, element)
    if bar.number == 0:
        measure.paddingLeft = tune.bar_length - bar.length
        measure.showNumber = _m21.stream.enums.ShowNumber.NEVER
    elif bar.length < tune.bar_length:
        measure.paddingRight = tune.bar_length - bar.length
    return measure


def _opening(tune: Tune) -> Iterator[Any]:
    """Yield the elements before the first note: clef, key, metre and tempo."""
    signature = _m21.key.Key(tonic(tune).replace("b", "-"), tune.mode)
    beat = beat_length(tune.metre)
    beats_per_minute = round(tune.quarters_per_minute / float(beat), 2)
    number = int(beats_per_minute) if beats_per_minute.is_integer() else beats_per_minute
    yield from (_m21.clef.TrebleClef(), signature, _m21.meter.TimeSignature(f"{tune.metre[0]}/{tune.metre[1]}"))
    yield _m21.tempo.MetronomeMark(number=number, referent=_m21.duration.Duration(beat))


def _mark(tune: Tune, written: WrittenNote) -> str:
    """Return the text above a note, which marks the beginning of the prompt and of the composed notes."""
    if not tune.num_prompt or not written.begins:
        return ""
    return {0: PROMPT_MARK, tune.num_prompt: COMPOSED_MARK}.get(written.note, "")


def _text(words: str) -> Any:
    text = _m21.expressions.TextExpression(words)
    text.placement = "above"
    text.style.fontStyle = "italic"
    return text


def _elements(tune: Tune, bar: WrittenBar) -> Iterator[Any]:
    accidentals = Accidentals(signed(tune.fifths))
    all_beams = _beams(bar.notes)
    for index, written in enumerate(bar.notes):
        element = _m21.note.Rest() if written.pitch == REST else _m21.note.Note(_pitch(tune, written, accidentals))
        element.duration = _duration(bar.notes, index)
        if written.pitch == REST:
            element.fullMeasure = len(bar.notes) == 1 and written.length == tune.bar_length
        else:
            element.beams = all_beams[index]
            if written.tied_before or written.tied_after:
                element.tie = _m21.tie.Tie(_TIES[written.tied_before, written.tied_after])
            if written.note < tune.num_prompt:
                element.style.color = PROMPT_COLOUR
        yield element


def _pitch(tune: Tune, written: WrittenNote, accidentals: Accidentals) -> Any:
    name = spell(written.pitch, tune.fifths)
    if written.tied_before:
        accidentals.tie(name)
    is_shown = not written.tied_before and accidentals.needed(name)
    result = _m21.pitch.Pitch(f"{name.letter}{_SIGNS[name.alter]}", octave=name.octave)
    if is_shown or name.alter:
        result.accidental = _m21.pitch.Accidental(name.alter)
        result.accidental.displayStatus = is_shown
    return result


def _duration(notes: Sequence[WrittenNote], index: int) -> Any:
    """Return the duration of a note; a tuplet has a bracket if it is not beamed as a group."""
    written = notes[index]
    result = _m21.duration.Duration(written.value)
    if written.tuplet >= 0:
        members = [note for note in notes if note.tuplet == written.tuplet]
        kind = _m21.duration.Tuplet(
            written.ratio.numerator, written.ratio.denominator, bracket=not _is_beamed(members, notes)
        )
        places = (written is members[0], written is members[-1])
        kind.type = {(True, True): "startStop", (True, False): "start", (False, True): "stop"}.get(places)
        result.appendTuplet(kind)
    return result


def _is_beamed(members: Sequence[WrittenNote], notes: Sequence[WrittenNote]) -> bool:
    """Return whether some notes of a bar are a beam group."""
    beam = [note for note in notes if note.span == members[0].span]
    return len(members) > 1 and beam == members and all(note.has_beam for note in members)


def _beams(notes: Sequence[WrittenNote]) -> list[Any]:
    """Return the beams of each note: neighbours in a span share as many as both have, others are partial."""
    result: list[Any] = [_m21.beam.Beams() for _ in notes]
    for _, run in groupby(range(len(notes)), lambda index: (notes[index].span, notes[index].has_beam)):
        group = list(run)
        if len(group) == 1 or not notes[group[0]].has_beam:
            continue
        flags = [_num_flags(notes[index]) for index in group]
        for place, index in enumerate(group):
            before, after = flags[place - 1] if place else 0, flags[place + 1] if index != group[-1] else 0
            for level in range(1, flags[place] + 1):
                joined = (before >= level, after >= level)
                if any(joined):
                    result[index].append({(False, True): "start", (True, False): "stop"}.get(joined, "continue"))
                else:
                    result[index].append("partial", "left" if place else "right")
    return result


def _num_flags(written: WrittenNote) -> int:
    """Return 1 for an eighth, 2 for a sixteenth, and so on, dotted or not."""
    flags = 0
    while written.value < Fraction(1, 2**flags):
        flags += 1
    return flags
