# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# (music21 has no types for the parts that are used here)
"""MusicXML and kern files, through music21's streams: one voice for each part, or for each voice of a part."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

from music21 import converter, harmony, stream
from music21.chord import Chord
from music21.note import Note as SingleNote

from data_prep.notes import Heading, Key, Metre, Note, Piece, Reading, merge_ties
from data_prep.voices import fill_gaps, signatures_from

MAX_DENOMINATOR = 65535
"""music21's own limit for a quarter length's denominator: what it gives as a float is exact below it."""

_FORMATS = {".krn": "humdrum"}
"""music21's names of the formats other than MusicXML."""


def read(path: Path) -> Reading:
    """Read a score.

    Args:
        path: The file; its ending tells its format.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If there are no notes.
        Exception: Whatever music21 raises for what it cannot read.
    """
    parser = converter.Converter()
    parser.parseFile(path, format=_FORMATS.get(path.suffix.lower(), "musicxml"), forceSource=True, storePickle=False)
    score: Any = parser.stream
    parts = list(score.parts) if hasattr(score, "parts") and len(score.parts) else [score]
    voices = [
        (_part_name(part, number) + (f", voice {voice}" if voice else ""), part, notes)
        for number, part in enumerate(parts, 1)
        for voice, notes in _voices(part)
    ]
    if not voices:
        raise ValueError("there are no notes in it")
    metadata = score.metadata
    pieces: list[Piece] = []
    for name, part, notes in voices:
        metres, keys = _metres(part), _keys(part)
        bar_length = metres[0].bar_length if metres else Fraction(4)
        pickup = _pickup(part, bar_length)
        filled, begin = fill_gaps(merge_ties(notes), bar_length, pickup)
        heading = Heading(
            tune="",
            part=name if len(voices) > 1 else "",
            title=_title(metadata, path),
            composer=str(metadata.composer or "") if metadata else "",
            num_parts=len(voices),
            metres=signatures_from(metres, begin),
            keys=signatures_from(keys, begin),
            pickup=Fraction(0) if begin else pickup,
        )
        pieces.append(Piece.of(heading, filled))
    return Reading(tuple(pieces), ())


def _voices(part: Any) -> Iterator[tuple[str, list[Note]]]:
    """Give the notes of each voice of a part that has any, by onset; a lone voice has no name."""
    if any(instrument.transposition for instrument in part.getInstruments(recurse=True)):
        part.toSoundingPitch(inPlace=True)
    voices: dict[str, list[Note]] = {}
    for element in part.recurse().notes:
        if isinstance(element, harmony.Harmony) or not isinstance(element, SingleNote | Chord):
            continue  # a chord symbol sounds nothing of its own, an unpitched note has no pitch
        onset = _exact(element.getOffsetInHierarchy(part))
        voices.setdefault(_voice_name(element.activeSite), []).append(_note(element, onset))
    alone = voices.pop("", [])  # from bars with one voice, which is the part's first
    names = sorted(voices, key=lambda name: (not name.isdigit(), len(name), name)) or ["1"]
    voices[names[0]] = voices.get(names[0], []) + alone
    for name in names:
        if voices[name]:
            yield (name if len(names) > 1 else ""), _one_at_a_time(voices[name])


def _voice_name(site: Any) -> str:
    """Name the voice that a note stands in: by the file's name for it, or by its place among its bar's voices."""
    if not isinstance(site, stream.Voice):
        return ""
    if isinstance(site.id, str):
        return site.id
    bar: Any = site.activeSite
    return str(1 + list(bar.voices).index(site))


def _note(element: Any, onset: Fraction) -> Note:
    top = max(element.pitches, key=lambda pitch: pitch.ps)
    tie = element.tie.type if element.tie is not None else ""
    velocity = element.volume.velocity if element.hasVolumeInformation() else None
    return Note(
        onset,
        Fraction(0) if element.duration.isGrace else _exact(element.duration.quarterLength),
        top.midi,
        top.nameWithOctave,
        chord_size=len(element.pitches),
        tied=tie in {"start", "continue"},
        velocity=None if velocity is None else int(velocity),
    )


def _one_at_a_time(notes: list[Note]) -> list[Note]:
    """Let each note of a voice end where the next begins, and keep the top one of those that begin together."""
    ordered = sorted(notes, key=lambda note: (note.onset, note.duration > 0, -note.pitch))
    kept: list[Note] = []
    last = -1  # the row in `kept` of the latest note that takes time
    for note in ordered:
        if note.duration > 0:
            if last >= 0 and kept[last].onset == note.onset:
                kept[last] = kept[last]._replace(chord_size=kept[last].chord_size + note.chord_size)
                continue
            if last >= 0 and kept[last].onset + kept[last].duration > note.onset:
                kept[last] = kept[last]._replace(duration=note.onset - kept[last].onset)
            last = len(kept)
        kept.append(note)
    return kept


def _metres(part: Any) -> list[Metre]:
    found: dict[Fraction, Metre] = {}
    for signature in part.recurse().getElementsByClass("TimeSignature"):
        onset = _exact(signature.getOffsetInHierarchy(part))
        found[onset] = Metre(onset, signature.numerator, signature.denominator)
    return [found[onset] for onset in sorted(found)]


def _keys(part: Any) -> list[Key]:
    """Give the key signatures; where a signature and a key stand together (kern), the key knows its mode."""
    found: dict[Fraction, Key] = {}
    for signature in part.recurse().getElementsByClass("KeySignature"):
        onset = _exact(signature.getOffsetInHierarchy(part))
        if hasattr(signature, "tonic"):
            found[onset] = Key(onset, signature.tonic.pitchClass, signature.mode)
        else:
            found.setdefault(onset, Key(onset, signature.asKey("major").tonic.pitchClass, ""))
    return [found[onset] for onset in sorted(found)]


def _pickup(part: Any, bar_length: Fraction) -> Fraction:
    measures = list(part.getElementsByClass(stream.Measure))
    if len(measures) < 2:  # noqa: PLR2004  (the second bar's onset tells the first one's length)
        return Fraction(0)
    first_bar = _exact(measures[1].getOffsetBySite(part)) - _exact(measures[0].getOffsetBySite(part))
    return first_bar if 0 < first_bar < bar_length else Fraction(0)


def _title(metadata: Any, path: Path) -> str:
    title = str(metadata.bestTitle or "") if metadata else ""
    return "" if title == path.name else title  # music21 calls a score without a title by its file


def _part_name(part: Any, number: int) -> str:
    return " ".join(str(part.partName or "").split()) or f"part {number}"


def _exact(length: Any) -> Fraction:
    return Fraction(length).limit_denominator(MAX_DENOMINATOR)
