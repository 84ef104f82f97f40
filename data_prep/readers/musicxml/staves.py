"""Reader of MusicXML files with music21: one piece for each part, or for each voice of a part."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, TypeAlias

import music21
from music21.musicxml import xmlToM21

from data_prep.limits import is_metre
from data_prep.readers.musicxml import checked as musicxml
from data_prep.readers.musicxml.checked import voice_order
from data_prep.readers.notes import Key, Metre, Note, Reading, Repeats
from data_prep.readers.parts import Part, bar_length, pickup, to_pieces
from data_prep.readers.repeats import Course, Turn, playing_order
from data_prep.wording import counted

_m21: Any = music21  # it lacks types
_xml_to_m21: Any = xmlToM21

MAX_DENOMINATOR = 65535
"""music21's limit of the denominator of a length in quarter notes; lengths that are floats are exact below it."""

_Struck: TypeAlias = tuple[Any, Note]
"""A music21 element and the note that represents it."""


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read a score.

    Args:
        path: A MusicXML file or archive.
        repeats: How to read repeats.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If the file is not MusicXML, has no notes, or music21 loses some of them.
        Exception: Any other exception that music21 raises for a file that it cannot read.
    """
    score = musicxml.load(path, repeats)
    importer = _xml_to_m21.MusicXMLImporter()
    importer.xmlPartToPart = partial(_read_part, importer)
    importer.xmlRootToScore(score.root, importer.stream)
    sounding = [(part, _elements(part)) for part in importer.stream.parts]
    num_notes = sum(len(element.pitches) for _, elements in sounding for element in elements)
    if num_notes != score.num_notes:
        raise ValueError(f"it has {counted(score.num_notes, 'note')}, but music21 reads {num_notes}")
    parts: list[Part] = []
    courses = _courses(score.turns, sounding)
    for number, ((part, elements), course) in enumerate(zip(sounding, courses, strict=True), 1):
        metres, keys = _metres(part), _keys(part)
        if course is not None:
            metres, keys = course.signatures(metres), course.signatures(keys)
        first, second = _opening(part)
        parts.append(
            Part(
                name=" ".join(str(part.partName or "").split()) or f"part {number}",
                voices=_voices(part, elements, course),
                metres=metres,
                keys=keys,
                pickup=pickup(bar_length(metres), first, second, announced=score.announced, continued=score.continued),
            )
        )
    metadata = importer.stream.metadata
    title = str(metadata.bestTitle or "")
    title = "" if title == path.name else title  # music21's title of a score without one
    return Reading(tuple(to_pieces(parts, title, str(metadata.composer or ""))), ())


def _read_part(importer: Any, part: Any, score_part: Any) -> Any:
    """Parse a part as music21's importer does, but without sorting its bars after each one, in quadratic time."""
    parser = _xml_to_m21.PartParser(part, mxScorePart=score_part, parent=importer)
    parser.stream.insert = partial(parser.stream.coreInsert, ignoreSort=True)
    parser.parse()
    del parser.stream.insert
    return parser.stream if parser.appendToScoreAfterParse else None


def _elements(part: Any) -> list[Any]:
    """Return the notes and chords of a part at sounding pitch, without unpitched ones."""
    if any(instrument.transposition for instrument in part.getInstruments(recurse=True)):
        part.toSoundingPitch(inPlace=True)
    return [element for element in part.recurse().notes if isinstance(element, (_m21.note.Note, _m21.chord.Chord))]


class _PartCourse(Course):
    """The course of a part with its repeats."""

    def __init__(self, part: Any, order: Sequence[int], places: Sequence[int]) -> None:
        """Compute the times of the turns.

        Args:
            part: The part.
            order: Indices of stretches in the order in which they are played.
            places: [S + 1] number of measures before each turn.
        """
        self._places = places
        self._numbers = _measure_numbers(part)
        onsets = [_exact(measure.getOffsetBySite(part)) for measure in part.getElementsByClass(_m21.stream.Measure)]
        end = _exact(part.highestTime)
        super().__init__(order, [onsets[place] if place < len(onsets) else end for place in places])

    def played(self, voice: Iterable[_Struck]) -> list[Note]:
        """Return the notes of a voice as they are played."""
        numbered = sorted(((self._numbers[id(_measure(element))], note) for element, note in voice), key=itemgetter(0))
        cuts = [bisect_left(numbered, place, key=itemgetter(0)) for place in self._places]
        return self.notes([note for _, note in numbered], cuts)


def _courses(turns: Mapping[int, Turn], parts: Sequence[tuple[Any, Sequence[Any]]]) -> list[_PartCourse | None]:
    """Return the course of each part, None if repeats are read as written."""
    if not turns:
        return [None] * len(parts)
    places = sorted({0, *turns})
    sizes = [0] * len(places)
    for part, elements in parts:
        numbers = _measure_numbers(part)
        for element in elements:
            sizes[bisect_right(places, numbers[id(_measure(element))]) - 1] += 1
    order = playing_order([turns.get(place, Turn()) for place in places], sizes)
    return [_PartCourse(part, order, places) for part, _ in parts]


def _measure_numbers(part: Any) -> dict[int, int]:
    """Return the number of measures before each measure, by id()."""
    return {id(measure): number for number, measure in enumerate(part.getElementsByClass(_m21.stream.Measure))}


def _measure(element: Any) -> Any:
    site = element.activeSite
    return site.activeSite if isinstance(site, _m21.stream.Voice) else site


def _voices(part: Any, elements: Iterable[Any], course: _PartCourse | None) -> dict[str, list[Note]]:
    """Return the notes of each voice in the order of their onsets, by name of the voice, "" for an only voice."""
    voices: dict[str, list[_Struck]] = {}
    for element in elements:
        note = _note(element, _onset(element, part))
        voices.setdefault(_voice_name(element.activeSite), []).append((element, note))
    alone = voices.pop("", [])  # notes of bars with one voice, which is the first voice of the part
    names = sorted(voices, key=voice_order) or ["1"]
    voices[names[0]] = voices.get(names[0], []) + alone
    return {
        (name if len(names) > 1 else ""): _one_at_a_time(
            [note for _, note in voices[name]] if course is None else course.played(voices[name])
        )
        for name in names
        if voices[name]
    }


def _voice_name(site: Any) -> str:
    """Return the name of a voice: that of the file, or its number among the voices of its bar."""
    if not isinstance(site, _m21.stream.Voice):
        return ""
    if isinstance(site.id, str):
        return site.id
    bar: Any = site.activeSite
    return str(1 + list(bar.voices).index(site))


def _note(element: Any, onset: Fraction) -> Note:
    top = max(element.notes if isinstance(element, _m21.chord.Chord) else [element], key=lambda note: note.pitch.ps)
    tie = top.tie.type if top.tie is not None else ""
    velocity = element.volume.velocity if element.hasVolumeInformation() else None
    return Note(
        onset,
        Fraction(0) if element.duration.isGrace else _exact(element.duration.quarterLength),
        top.pitch.midi,
        top.pitch.nameWithOctave,
        chord_size=len(element.pitches),
        tied=tie in {"start", "continue"},
        velocity=None if velocity is None else int(velocity),
    )


def _one_at_a_time(notes: list[Note]) -> list[Note]:
    """Cut each note of a voice at the onset of the next, and keep only the top one of notes with the same onset.

    Grace notes stay in their order before the next note.
    """
    ordered = sorted(notes, key=lambda note: (note.onset, note.duration > 0, -note.pitch if note.duration > 0 else 0))
    kept: list[Note] = []
    last = -1  # index in ``kept`` of the last note that is not a grace note
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
    metres: dict[Fraction, Metre] = {}
    for signature in part.recurse().getElementsByClass("TimeSignature"):
        onset = _onset(signature, part)
        if is_metre(signature.numerator, signature.denominator):
            metres[onset] = Metre(onset, signature.numerator, signature.denominator)
    return sorted(metres.values())


def _keys(part: Any) -> list[Key]:
    """Return the key signatures; the tonic of a signature without a mode is that of the major key."""
    keys: dict[Fraction, Key] = {}
    for signature in part.recurse().getElementsByClass("KeySignature"):
        onset = _onset(signature, part)
        if hasattr(signature, "tonic"):
            keys[onset] = Key(onset, signature.tonic.pitchClass, signature.mode)
        else:
            keys[onset] = Key(onset, signature.asKey("major").tonic.pitchClass, "")
    return sorted(keys.values())


def _opening(part: Any) -> tuple[Fraction, Fraction]:
    """Return the lengths of the first two bars (quarter notes), 0 if there is only one."""
    match [_exact(measure.getOffsetBySite(part)) for measure in part.getElementsByClass(_m21.stream.Measure)[:3]]:
        case [first, second, third]:
            return second - first, third - second
        case [first, second]:
            return second - first, _exact(part.highestTime) - second
        case _:
            return Fraction(0), Fraction(0)


def _onset(element: Any, part: Any) -> Fraction:
    """Return the onset of an element in a part; music21's own method searches all bars of the part."""
    onset = Fraction(0)
    while element is not part:
        site = element.activeSite
        onset += _exact(site.elementOffset(element))
        element = site
    return onset


def _exact(length: Any) -> Fraction:
    return Fraction(length).limit_denominator(MAX_DENOMINATOR)
