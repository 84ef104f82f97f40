"""The values of ABC's fields: keys (K:), metres (M:), unit note lengths (L:) and what shifts a voice's pitches.

Source: The abc music standard 2.1, sections 3.1.6 (M:), 3.1.7 (L:), 3.1.14 (K:), 4.6 (clefs and transposition).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from data_prep.limits import is_metre

MAX_DIGITS = 9
"""Digits of a number; longer numbers are no length, metre or shift."""

DEFAULT_LENGTH = Fraction(1, 8)
"""Unit note length, in whole notes, where neither L: nor a short metre says otherwise."""

PROPAGATIONS = frozenset({"not", "octave", "pitch"})
"""How far an accidental lasts in its bar: for one note, for its octave, or for its letter in every octave."""

_SHORT_METRE = Fraction(3, 4)
SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
"""Pitch class of each letter."""

_FIFTHS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
_SHARPS, _FLATS = "FCGDAEB", "BEADGCF"
_MODES = {
    "": ("major", 0),
    "maj": ("major", 0),
    "ion": ("ionian", 0),
    "m": ("minor", -3),
    "min": ("minor", -3),
    "aeo": ("aeolian", -3),
    "dor": ("dorian", -2),
    "phr": ("phrygian", -4),
    "lyd": ("lydian", 1),
    "mix": ("mixolydian", -1),
    "loc": ("locrian", -5),
}
"""Each mode's name, and the sharps of its signature beyond those of the major key on its tonic."""

_MODE_WORDS = {*_MODES, "exp"} - {""}
_PIPES = {"HP", "Hp"}
_TONIC = re.compile(r"([A-G])([#b]?)([A-Za-z]*)((?:[\^_=]{1,2}[A-Ga-g])*)")
_ACCIDENTAL = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")
_CLEF = re.compile(
    r"(?:treble|alto|tenor|bass|soprano|mezzosoprano|mezzo|baritone|perc|auto|[CFG](?=[1-5]))[1-5]?([+^_-]\d+)?"
)
_CLEF_MARK = re.compile(r"[+^_-](?:8|15|22)")
_PROPERTY = re.compile(r"[a-z]\w*=")
_CLEF_OCTAVES = {"8": 1, "15": 2, "22": 3}
_ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}


@dataclass(frozen=True)
class KeyField:
    """What a K: field says of the key; a field with a clef alone says nothing of it.

    Attributes:
        signature: The alteration of each letter that has one, in semitones.
        tonic: Pitch class 0..11, None without a key.
        mode: music21's name of the mode, "" where there is none.
    """

    signature: Mapping[str, int]
    tonic: int | None
    mode: str


NO_KEY = KeyField({}, None, "")
"""The key of music without one: no letter is altered."""


@dataclass(frozen=True)
class Shift:
    """How a voice's written pitches are shifted; None where not given.

    Attributes:
        clef: Octaves that the clef's mark moves them by ("treble-8").
        octave: Octaves (``octave=``).
        transpose: Semitones (``transpose=``).
    """

    clef: int | None = None
    octave: int | None = None
    transpose: int | None = None

    def updated(self, newer: "Shift") -> "Shift":
        """Return the shift after a later field."""
        return Shift(
            self.clef if newer.clef is None else newer.clef,
            self.octave if newer.octave is None else newer.octave,
            self.transpose if newer.transpose is None else newer.transpose,
        )

    @property
    def semitones(self) -> int:
        """Semitones in all."""
        return 12 * ((self.clef or 0) + (self.octave or 0)) + (self.transpose or 0)


UNMOVED = Shift()
"""The shift where none is given."""


def parse_key(text: str) -> tuple[KeyField | None, Shift]:
    """Parse a K: field.

    Args:
        text: What follows the colon, as "D Phr ^f clef=bass octave=-1".

    Returns:
        The key, None if the field only changes the clef; and how pitches are moved.

    Raises:
        ValueError: If there is a tonic with an unknown mode, or a number that is none.
    """
    words = _words(text)
    shift = _parse_shift(words)
    words = [word for word in words if not _PROPERTY.match(word) and not _is_clef(word)]
    if not words:
        return (None if text.strip() else NO_KEY), shift
    first, *others = words
    if first.lower() in {"none", "exp"} or _ACCIDENTAL.match(first):
        return KeyField(_alterations(words), None, ""), shift
    if first in _PIPES:
        return KeyField({"F": 1, "C": 1}, SEMITONES["A"], "mixolydian"), shift
    tonic = _TONIC.fullmatch(re.split(r"[/,;.]", first, maxsplit=1)[0])
    if tonic is None:
        raise ValueError(f"a key begins with its tonic, A to G: got K:{text.strip()}")
    letter, accidental, mode_text, alterations = tonic.groups()
    others.append(alterations)
    if not mode_text:  # it may stand apart: "G minor", "A harmonic minor", "D m"
        mode_text = next((word for word in others if _short(word) in _MODE_WORDS), "")
    alteration = {"#": 1, "b": -1, "": 0}[accidental]
    pitch_class = (SEMITONES[letter] + alteration) % 12
    if mode_text.lower() == "exp":
        return KeyField(_alterations(others), pitch_class, ""), shift
    mode, sharps = _mode(mode_text, text)
    signature = dict(_signature(_FIFTHS[letter] + 7 * alteration + sharps)) | _alterations(others)
    return KeyField(signature, pitch_class, mode), shift


def parse_voice(text: str) -> tuple[str, Shift]:
    """Parse a V: field: the voice's name, and how its pitches are moved."""
    name, *words = _words(text) or [""]
    return name, _parse_shift(words)


def parse_metre(text: str) -> tuple[int, int] | None:
    """Parse an M: field.

    Args:
        text: What follows the colon: "6/8", "C", "C|", "2+3/8", "(2+3)/8", "none".

    Returns:
        Beats and unit; None for free metre, and for what is no metre (see limits.py), which is ignored: the notes stay
        correct.
    """
    written = text.replace("(", "").replace(")", "")
    if written.strip().upper() in {"C", "C|"}:
        return (2, 2) if "|" in written else (4, 4)
    match = re.match(r"\s*(\d+(?:\s*\+\s*\d+)*)\s*/\s*(\d+)", written, re.ASCII)
    if match is None:
        return None
    beats = sum(number(part) for part in match[1].split("+"))
    unit = number(match[2])
    return (beats, unit) if is_metre(beats, unit) else None


def parse_length(text: str) -> Fraction | None:
    """Parse an L: field.

    Args:
        text: What follows the colon, as "1/8"; a tempo may follow, as ABC 1 allowed.

    Returns:
        The unit note length in whole notes; None where the field leaves it to the metre.

    Raises:
        ValueError: If it is not written like a positive length.
    """
    if text.strip() in {"", "auto"}:
        return None
    match = re.match(r"\s*(\d*)\s*(?:/\s*(\d+))?", text, re.ASCII)
    above, below = (match[1] or "1", match[2] or "1") if match and match[0].strip() else ("0", "1")
    if not number(above) or not number(below):
        raise ValueError(f"a unit note length is written like 1/8: got L:{text.strip()}")
    return Fraction(number(above), number(below))


def default_length(metre: tuple[int, int] | None) -> Fraction:
    """Return the unit note length, in whole notes, of a tune without L:."""
    return Fraction(1, 16) if metre is not None and Fraction(*metre) < _SHORT_METRE else DEFAULT_LENGTH


def number(digits: str) -> int:
    """Return the value of digits.

    Args:
        digits: Decimal digits.

    Returns:
        The value.

    Raises:
        ValueError: If there are more than MAX_DIGITS.
    """
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has at most {MAX_DIGITS} digits: got {digits[:MAX_DIGITS]}...")
    return int(digits)


@dataclass(frozen=True)
class Settings:
    """How a voice is read, as fields decide it.

    Attributes:
        unit: Unit note length in whole notes; None where no L: gives it.
        metre: Beats and unit; None in free metre.
        key: The key.
        shift: What moves the pitches.
        propagation: How far an accidental lasts, one of PROPAGATIONS.
    """

    unit: Fraction | None = None
    metre: tuple[int, int] | None = None
    key: KeyField = NO_KEY
    shift: Shift = UNMOVED
    propagation: str = "octave"

    def with_field(self, name: str, value: str) -> "Settings":
        """Return the settings after a field.

        Args:
            name: Its letter.
            value: What follows the colon.

        Returns:
            The settings; the same ones for a field that affects neither pitch nor time.

        Raises:
            ValueError: If the value is invalid.
        """
        if name == "L":
            return replace(self, unit=parse_length(value))
        if name == "M":
            return replace(self, metre=parse_metre(value))
        if name == "K":
            key, shift = parse_key(value)
            return replace(self, key=key or self.key, shift=self.shift.updated(shift))
        words = value.split()
        if name == "I" and words[:1] == ["propagate-accidentals"] and words[-1] in PROPAGATIONS:
            return replace(self, propagation=words[-1])
        return self

    def with_unit(self) -> "Settings":
        """Return the settings at a header's end, which decides the unit note length where no L: does."""
        return replace(self, unit=self.unit or default_length(self.metre))


def _words(text: str) -> list[str]:
    """Split a field at spaces outside quotation marks, which are dropped."""
    text = text.translate({ord("♯"): "#", ord("♭"): "b"})
    return [word.replace('"', "") for word in re.findall(r'(?:[^\s"]|"[^"]*"?)+', text)]


def _is_clef(word: str) -> bool:
    return _CLEF.fullmatch(word) is not None or _CLEF_MARK.fullmatch(word) is not None


def _parse_shift(words: Sequence[str]) -> Shift:
    shift = UNMOVED
    for word in words:
        name, equals, value = word.partition("=")
        name = name.lower()
        if _is_clef(word) or (name == "clef" and equals):
            mark = re.search(r"[+-]\d+$", word)
            shift = shift.updated(Shift(clef=_clef_octaves(mark[0] if mark else "")))
        elif name == "octave" and equals:
            shift = shift.updated(Shift(octave=_signed(value, word)))
        elif name in {"transpose", "t"} and equals:
            shift = shift.updated(Shift(transpose=_signed(value, word)))
    return shift


def _clef_octaves(mark: str) -> int:
    """Return the octaves of a clef's mark: "-8" is one octave down, "+15" two up; "_8" and "^8" are only drawn."""
    octaves = _CLEF_OCTAVES.get(mark[1:], 0)
    return -octaves if mark.startswith("-") else octaves


def _signed(value: str, word: str) -> int:
    if not re.fullmatch(r"[+-]?\d{1,3}", value):
        raise ValueError(f"a shift is a whole number: got {word}")
    return int(value)


def _short(mode: str) -> str:
    return mode.lower()[:3]


def _mode(text: str, field: str) -> tuple[str, int]:
    short = _short(text)
    if short not in _MODES:
        raise ValueError(
            f"a key's mode is major, minor, dorian, phrygian, lydian, mixolydian or locrian: got K:{field.strip()}"
        )
    return _MODES[short]


def _signature(fifths: int) -> list[tuple[str, int]]:
    """Return the letters that a number of sharps (flats if negative) alters, each with its semitones."""
    letters, sign = (_SHARPS, 1) if fifths > 0 else (_FLATS, -1)
    return [(letter, sign * (1 + (abs(fifths) - 1 - at) // 7)) for at, letter in enumerate(letters[: abs(fifths)])]


def _alterations(words: Sequence[str]) -> dict[str, int]:
    """Return the alterations that a key names one by one ("^f", "_b", "=c")."""
    return {
        letter.upper(): _ALTERATIONS[accidental]
        for word in words
        if word[:1] in "^_="
        for accidental, letter in _ACCIDENTAL.findall(word)
    }
