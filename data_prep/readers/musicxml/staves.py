"""MusicXML files, through music21's streams: one voice for each part, or for each voice of a part."""

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

_m21: Any = music21  # it has no types for what is used here
_xml_to_m21: Any = xmlToM21

MAX_DENOMINATOR = 65535
"""music21's own limit for a quarter length's denominator: what it gives as a float is exact below it."""

_Struck: TypeAlias = tuple[Any, Note]
"""An element of music21's, and the note that is made of it."""


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read a score.

    Args:
        path: A MusicXML file, or an archive of one.
        repeats: How repeats are read.

    Returns:
        One piece for each voice.

    Raises:
        ValueError: If it is no such file, has no notes, or music21 loses some of them.
        Exception: Whatever music21 raises for what it cannot read.
    """
    score = musicxml.load(path, repeats)
    importer = _xml_to_m21.MusicXMLImporter()
    importer.xmlPartToPart = partial(_read_part, importer)
    importer.xmlRootToScore(score.root, importer.stream)
    sounding = [(part, _elements(part)) for part in importer.stream.parts]
    num_notes = sum(len(element.pitches) for _, elements in sounding for element in elements)
    if num_notes != score.num_notes:
        raise ValueError(f"it has {counted(score.num_notes, 'note')}, of which {num_notes} could be read")
    parts: list[Part] = []
    ways = _ways(score.turns, sounding)
    for number, ((part, elements), way) in enumerate(zip(sounding, ways, strict=True), 1):
        metres, keys = _metres(part), _keys(part)
        if way is not None:
            metres, keys = way.course.signatures(metres), way.course.signatures(keys)
        first, second = _opening(part)
        parts.append(
            Part(
                name=" ".join(str(part.partName or "").split()) or f"part {number}",
                voices=_voices(part, elements, way),
                metres=metres,
                keys=keys,
                pickup=pickup(bar_length(metres), first, second, announced=score.announced, continued=score.continued),
            )
        )
    metadata = importer.stream.metadata
    title = str(metadata.bestTitle or "")
    title = "" if title == path.name else title  # as music21 writes a score without a title
    return Reading(tuple(to_pieces(parts, title, str(metadata.composer or ""))), ())


def _read_part(importer: Any, part: Any, score_part: Any) -> Any:
    """Read a part as music21's importer does, but without sorting its bars after each: that takes quadratic time."""
    parser = _xml_to_m21.PartParser(part, mxScorePart=score_part, parent=importer)
    parser.stream.insert = partial(parser.stream.coreInsert, ignoreSort=True)
    parser.parse()
    del parser.stream.insert
    return parser.stream if parser.appendToScoreAfterParse else None


def _elements(part: Any) -> list[Any]:
    """Find the notes and chords of a part as they sound: what has no pitch is left out."""
    if any(instrument.transposition for instrument in part.getInstruments(recurse=True)):
        part.toSoundingPitch(inPlace=True)
    return [element for element in part.recurse().notes if isinstance(element, (_m21.note.Note, _m21.chord.Chord))]


class _Way:
    """How a part is played with its repeats."""

    def __init__(self, part: Any, order: Sequence[int], places: Sequence[int]) -> None:
        """Find the times of the measures before which the order turns.

        Args:
            part: The part.
            order: Numbers of stretches in the order in which they are played.
            places: [S + 1] measures before each turn.
        """
        self._places = places
        self._numbers = _measure_numbers(part)
        onsets = [_exact(measure.getOffsetBySite(part)) for measure in part.getElementsByClass(_m21.stream.Measure)]
        end = _exact(part.highestTime)
        self.course = Course(order, [onsets[place] if place < len(onsets) else end for place in places])

    def notes(self, voice: Iterable[_Struck]) -> list[Note]:
        """Return the notes of a voice as they are played."""
        numbered = sorted(((self._numbers[id(_measure(element))], note) for element, note in voice), key=itemgetter(0))
        cuts = [bisect_left(numbered, place, key=itemgetter(0)) for place in self._places]
        return self.course.notes([note for _, note in numbered], cuts)


def _ways(turns: Mapping[int, Turn], parts: Sequence[tuple[Any, Sequence[Any]]]) -> list[_Way | None]:
    """Find how each part is played; None where repeats are read as written."""
    if not turns:
        return [None] * len(parts)
    places = sorted({0, *turns})
    sizes = [0] * len(places)
    for part, elements in parts:
        numbers = _measure_numbers(part)
        for element in elements:
            sizes[bisect_right(places, numbers[id(_measure(element))]) - 1] += 1
    order = playing_order([turns.get(place, Turn()) for place in places], sizes)
    return [_Way(part, order, places) for part, _ in parts]


def _measure_numbers(part: Any) -> dict[int, int]:
    """Return how many measures come before each measure, by its id."""
    return {id(measure): number for number, measure in enumerate(part.getElementsByClass(_m21.stream.Measure))}


def _measure(element: Any) -> Any:
    site = element.activeSite
    return site.activeSite if isinstance(site, _m21.stream.Voice) else site


def _voices(part: Any, elements: Iterable[Any], way: _Way | None) -> dict[str, list[Note]]:
    """Make the notes of each voice of a part that has any, by onset; a lone voice has no name."""
    voices: dict[str, list[_Struck]] = {}
    for element in elements:
        note = _note(element, _onset(element, part))
        voices.setdefault(_voice_name(element.activeSite), []).append((element, note))
    alone = voices.pop("", [])  # from bars with one voice, which is the part's first
    names = sorted(voices, key=voice_order) or ["1"]
    voices[names[0]] = voices.get(names[0], []) + alone
    return {
        (name if len(names) > 1 else ""): _one_at_a_time(
            [note for _, note in voices[name]] if way is None else way.notes(voices[name])
        )
        for name in names
        if voices[name]
    }


def _voice_name(site: Any) -> str:
    """Name the voice that a note stands in: by the file's name for it, or by its place among its bar's voices."""
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
    """Let each note of a voice end where the next begins, and keep the top one of those that begin together.

    Grace notes stay in their order before the note that they lead to.
    """
    ordered = sorted(notes, key=lambda note: (note.onset, note.duration > 0, -note.pitch if note.duration > 0 else 0))
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
    metres: dict[Fraction, Metre] = {}
    for signature in part.recurse().getElementsByClass("TimeSignature"):
        onset = _onset(signature, part)
        if is_metre(signature.numerator, signature.denominator):
            metres[onset] = Metre(onset, signature.numerator, signature.denominator)
    return [metres[onset] for onset in sorted(metres)]


def _keys(part: Any) -> list[Key]:
    """Return the key signatures; one without a mode counts as that of the major key."""
    keys: dict[Fraction, Key] = {}
    for signature in part.recurse().getElementsByClass("KeySignature"):
        onset = _onset(signature, part)
        if hasattr(signature, "tonic"):
            keys[onset] = Key(onset, signature.tonic.pitchClass, signature.mode)
        else:
            keys[onset] = Key(onset, signature.asKey("major").tonic.pitchClass, "")
    return [keys[onset] for onset in sorted(keys)]


def _opening(part: Any) -> tuple[Fraction, Fraction]:
    """Measure the first two bars; the length of a part's only bar is unknown."""
    match [_exact(measure.getOffsetBySite(part)) for measure in part.getElementsByClass(_m21.stream.Measure)[:3]]:
        case [first, second, third]:
            return second - first, third - second
        case [first, second]:
            return second - first, _exact(part.highestTime) - second
        case _:
            return Fraction(0), Fraction(0)


def _onset(element: Any, part: Any) -> Fraction:
    """Add up the offsets of an element and what holds it; music21 itself searches all bars of the part."""
    onset = Fraction(0)
    while element is not part:
        site = element.activeSite
        onset += _exact(site.elementOffset(element))
        element = site
    return onset


def _exact(length: Any) -> Fraction:
    return Fraction(length).limit_denominator(MAX_DENOMINATOR)
