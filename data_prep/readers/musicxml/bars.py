"""The bars of a MusicXML part: all notes of its chords and voices, its metres, and its written dynamics.

Times are quarter notes from the beginning of the bar. Grace notes are struck one after the other, just before their
note. Hairpins and words are not read.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.etree.ElementTree import Element

from data_prep.pitches import NUM_PITCHES

DYNAMICS = ("pppppp", "ppppp", "pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "fffff", "ffffff")
"""Marks of loudness, from the softest."""

NEEDED = frozenset({"direction", "direction-type", "notations", "sound"})
"""Elements that this module reads and the reader of tunes does not."""

_ACCENTS = {"sf": "", "sfz": "", "sffz": "", "fz": "", "rf": "", "rfz": "", "fp": "p", "sfp": "p", "sfpp": "pp"}
"""Marks that accent the notes struck with them, and the loudness that follows, if any."""

_GRACE = 0.125  # duration of a grace note
_STEPS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_QUARTERS = {"whole": 4.0, "half": 2.0, "quarter": 1.0, "eighth": 0.5, "16th": 0.25}
_TEMPOS = (5.0, 1000.0)
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6})?")


class Written(NamedTuple):
    """A written note.

    Attributes:
        onset: Its onset; negative for a grace note before the first beat.
        duration: Its duration.
        pitch: MIDI pitch as it sounds.
        continues: Whether a tie ends at it.
        tied: Whether a tie begins at it.
        accented: Whether it has an accent or a marcato.
        staccato: Whether it is staccato.
    """

    onset: float
    duration: float
    pitch: int
    continues: bool = False
    tied: bool = False
    accented: bool = False
    staccato: bool = False


@dataclass
class Bar:
    """A bar of one part.

    Attributes:
        metre: Beats and unit of the metre, None before the first signature.
        length: End of the longest voice.
        notes: The notes.
        dynamics: (time, one of DYNAMICS).
        accents: Times of marks that accent all notes struck with them.
        tempos: (time, quarter notes per minute).
        pedals: (time, whether the sustain pedal goes down).
    """

    metre: tuple[int, int] | None = None
    length: float = 0.0
    notes: list[Written] = field(default_factory=list[Written])
    dynamics: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    accents: list[float] = field(default_factory=list[float])
    tempos: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    pedals: list[tuple[float, bool]] = field(default_factory=list[tuple[float, bool]])


class PartReader:
    """Reader of the bars of one part, whose numbers ``checked.py`` has checked."""

    def __init__(self) -> None:
        """Begin a part."""
        self._divisions, self._transposed = 1.0, 0
        self._now = self._struck = 0.0  # time in the bar; onset of the last note that does not continue a chord
        self._bar = Bar()
        self._signs: set[str] = set()  # articulations of the last chord
        self._graces: defaultdict[str, list[list[Written]]] = defaultdict(list)  # chords of grace notes by voice

    def bars(self, part: Element) -> Iterator[Bar]:
        """Yield the bars of the part."""
        for measure in part.iterfind("measure"):
            self._bar, self._now = Bar(self._bar.metre), 0.0
            for element in measure:
                self._take(element)
            yield self._bar

    def _take(self, element: Element) -> None:
        match element.tag:
            case "attributes":
                self._take_attributes(element)
            case "note":
                self._take_note(element)
            case "forward":
                self._move(self._length(element))
            case "backup":
                self._now = max(self._now - self._length(element), 0.0)
            case "direction":
                self._take_direction(element)
            case "sound":
                self._take_tempo(element.get("tempo", ""), 1.0)
            case _:
                pass

    def _length(self, element: Element) -> float:
        return float(element.findtext("duration", "0")) / self._divisions

    def _move(self, length: float) -> None:
        self._now += length
        self._bar.length = max(self._bar.length, self._now)

    def _take_attributes(self, attributes: Element) -> None:
        self._divisions = float(attributes.findtext("divisions", str(self._divisions)))
        beats, unit = attributes.findtext("time/beats"), attributes.findtext("time/beat-type")
        if beats is not None and unit is not None:
            self._bar.metre = sum(map(int, beats.split("+"))), int(unit)
        for transpose in attributes.iterfind("transpose"):
            octaves = int(transpose.findtext("octave-change", "0"))
            self._transposed = round(float(transpose.findtext("chromatic", "0"))) + 12 * octaves

    def _take_note(self, note: Element) -> None:
        in_chord, is_grace = note.find("chord") is not None, note.find("grace") is not None
        length = 0.0 if is_grace else self._length(note)
        if not in_chord:
            self._struck = self._now
            self._move(length)
        for dynamics in note.iterfind("notations/dynamics"):
            self._take_dynamics(dynamics, self._struck)
        written = self._written(note, _GRACE if is_grace or not length else length)
        if written is None:
            return
        graces = self._graces[note.findtext("voice", "1").strip()]
        if not is_grace:
            for number, chord in enumerate(graces):
                onset = self._struck - (len(graces) - number) * _GRACE
                self._bar.notes += [grace._replace(onset=onset) for grace in chord]
            graces.clear()
            self._bar.notes.append(written)
        elif in_chord and graces:
            graces[-1].append(written)
        else:
            graces.append([written])

    def _written(self, note: Element, duration: float) -> Written | None:
        """Return a note; None for a rest, percussion, and a pitch that MIDI lacks."""
        step, octave = note.findtext("pitch/step"), note.findtext("pitch/octave")
        if step is None or octave is None:
            return None
        alter = round(float(note.findtext("pitch/alter", "0")))
        pitch = _STEPS[step.strip()] + alter + 12 * (int(octave) + 1) + self._transposed
        ties = {tie.get("type") for tie in note.iterfind("tie")}
        if note.find("chord") is None:
            self._signs = set()
        self._signs |= {sign.tag for sign in note.iterfind("notations/articulations/*")}  # the first note has a chord's
        return (
            Written(
                onset=self._struck,
                duration=duration,
                pitch=pitch,
                continues="stop" in ties,
                tied="start" in ties,
                accented=bool(self._signs & {"accent", "strong-accent"}),
                staccato=bool(self._signs & {"staccato", "staccatissimo"}),
            )
            if 0 <= pitch < NUM_PITCHES
            else None
        )

    def _take_direction(self, direction: Element) -> None:
        for dynamics in direction.iterfind("direction-type/dynamics"):
            self._take_dynamics(dynamics, self._now)
        for pedal in direction.iterfind("direction-type/pedal"):
            kind = pedal.get("type", "")
            if kind in {"stop", "change"}:
                self._bar.pedals.append((self._now, False))
            if kind in {"start", "change", "resume"}:
                self._bar.pedals.append((self._now, True))
        played = [sound.get("tempo", "") for sound in direction.iterfind("sound")]
        for tempo in filter(None, played):
            self._take_tempo(tempo, 1.0)
        for metronome in direction.iterfind("direction-type/metronome") if not any(played) else ():
            unit = _QUARTERS.get(metronome.findtext("beat-unit", "").strip(), 0.0)
            dots = len(metronome.findall("beat-unit-dot"))
            self._take_tempo(metronome.findtext("per-minute", ""), unit * (2 - 0.5 ** min(dots, 3)))

    def _take_dynamics(self, dynamics: Element, onset: float) -> None:
        for mark in dynamics:
            if mark.tag in DYNAMICS:
                self._bar.dynamics.append((onset, mark.tag))
            elif mark.tag in _ACCENTS:
                self._bar.accents.append(onset)
                if following := _ACCENTS[mark.tag]:
                    self._bar.dynamics.append((onset, following))

    def _take_tempo(self, text: str, quarters: float) -> None:
        """Take a tempo of beats of a number of quarter notes; what is not a tempo is ignored."""
        number = _NUMBER.search(text)
        tempo = float(number[0]) * quarters if number else 0.0
        if _TEMPOS[0] <= tempo <= _TEMPOS[1]:
            self._bar.tempos.append((self._now, tempo))
