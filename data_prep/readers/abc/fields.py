"""The values of ABC fields: keys (K:), metres (M:), unit note lengths (L:), and shifts of the pitches of voices.

Source: The abc music standard 2.1, sections 3.1.6 (M:), 3.1.7 (L:), 3.1.14 (K:), 4.6 (clefs and transposition).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from data_prep.limits import is_metre

MAX_DIGITS = 9
"""Maximum number of digits of a number."""

DEFAULT_LENGTH = Fraction(1, 8)
"""Default unit note length (whole notes), except in a short metre."""

PROPAGATIONS = frozenset({"not", "octave", "pitch"})
"""Scope of an accidental in its bar: one note, its octave, or its letter in every octave."""

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
"""Name of each mode, and the sharps of its signature relative to the major key with the same tonic."""

_MODE_WORDS = {*_MODES, "exp"} - {""}
_PIPES = {"HP", "Hp"}
_TONIC = re.compile(r"([A-G])([#b]?)([A-Za-z]*)((?:[\^_=]{1,2}[A-Ga-g])*)")
_ACCIDENTAL = re.compile(r"(\^\^|\^|__|_|=)([A-Ga-g])")
_CLEF = re.compile(
    r"(?:treble|alto|tenor|bass|soprano|mezzosoprano|mezzo|baritone|perc|auto|[CFG](?=[1-5]))[1-5]?([+^_-]\d+)?"
)
_CLEF_MARK = re.compile(r"[+^_-](?:8|15|22)")
_PROPERTY = re.compile(r"[a-z]\w*=")
_CLEF_OCTAVES = {"+8": 1, "+15": 2, "+22": 3, "-8": -1, "-15": -2, "-22": -3}  # "_8" and "^8" are only drawn
_ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}


@dataclass(frozen=True)
class KeyField:
    """The key in a K: field.

    Attributes:
        signature: Alteration (semitones) of each altered letter.
        tonic: Pitch class 0..11, None if there is no key.
        mode: Name of the mode in music21, "" if there is none.
    """

    signature: Mapping[str, int]
    tonic: int | None
    mode: str


NO_KEY = KeyField({}, None, "")
"""The key of music without a key: no letter is altered."""


@dataclass(frozen=True)
class Shift:
    """Shifts of the written pitches of a voice, each None if unspecified.

    Attributes:
        clef: Octaves, from the mark of the clef ("treble-8").
        octave: Octaves, from ``octave=``.
        transpose: Semitones, from ``transpose=``.
    """

    clef: int | None = None
    octave: int | None = None
    transpose: int | None = None

    def updated(self, newer: "Shift") -> "Shift":
        """Return the shifts after a later field."""
        specified = {name: value for name, value in vars(newer).items() if value is not None}
        return replace(self, **specified)

    @property
    def semitones(self) -> int:
        """Total shift in semitones."""
        return 12 * ((self.clef or 0) + (self.octave or 0)) + (self.transpose or 0)


UNMOVED = Shift()
"""No shift."""


def parse_key(text: str) -> tuple[KeyField | None, Shift]:
    """Parse a K: field.

    Args:
        text: Value of the field, as "D Phr ^f clef=bass octave=-1".

    Returns:
        The key, None if the field only changes the clef, and the shifts.

    Raises:
        ValueError: If the tonic or the mode is unknown, or a number is invalid.
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
    if not mode_text:  # it may be a separate word: "G minor", "A harmonic minor", "D m"
        mode_text = next((word for word in others if _short(word) in _MODE_WORDS), "")
    alteration = {"#": 1, "b": -1, "": 0}[accidental]
    pitch_class = (SEMITONES[letter] + alteration) % 12
    if mode_text.lower() == "exp":
        return KeyField(_alterations(others), pitch_class, ""), shift
    mode, sharps = _mode(mode_text, text)
    signature = dict(_signature(_FIFTHS[letter] + 7 * alteration + sharps)) | _alterations(others)
    return KeyField(signature, pitch_class, mode), shift


def parse_voice(text: str) -> tuple[str, Shift]:
    """Parse a V: field, and return the name of the voice and its shifts."""
    name, *words = _words(text) or [""]
    return name, _parse_shift(words)


def parse_metre(text: str) -> tuple[int, int] | None:
    """Parse an M: field.

    Args:
        text: Value of the field: "6/8", "C", "C|", "2+3/8", "(2+3)/8", "none".

    Returns:
        Beats and unit, None for a free or an invalid metre (see ``is_metre``), without which the notes remain correct.
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
        text: Value of the field, as "1/8"; a tempo may follow, as in ABC 1.

    Returns:
        The unit note length (whole notes), None if the field leaves it to the metre.

    Raises:
        ValueError: If the value is not a positive length.
    """
    if text.strip() in {"", "auto"}:
        return None
    match = re.match(r"\s*(\d*)\s*(?:/\s*(\d+))?", text, re.ASCII)
    above, below = (match[1] or "1", match[2] or "1") if match and match[0].strip() else ("0", "1")
    if not number(above) or not number(below):
        raise ValueError(f"a unit note length is written like 1/8: got L:{text.strip()}")
    return Fraction(number(above), number(below))


def default_length(metre: tuple[int, int] | None) -> Fraction:
    """Return the unit note length (whole notes) of a tune without L:."""
    return Fraction(1, 16) if metre is not None and Fraction(*metre) < _SHORT_METRE else DEFAULT_LENGTH


def number(digits: str) -> int:
    """Convert decimal digits to a number; raise ValueError if there are more than MAX_DIGITS."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(f"a number has at most {MAX_DIGITS} digits: got {digits[:MAX_DIGITS]}...")
    return int(digits)


@dataclass(frozen=True)
class Settings:
    """The current values of the fields of a voice.

    Attributes:
        unit: Unit note length (whole notes), None without L:.
        metre: Beats and unit, None in free metre.
        key: The key.
        shift: Shifts of the pitches.
        propagation: Scope of accidentals, one of PROPAGATIONS.
    """

    unit: Fraction | None = None
    metre: tuple[int, int] | None = None
    key: KeyField = NO_KEY
    shift: Shift = UNMOVED
    propagation: str = "octave"

    def with_field(self, name: str, value: str) -> "Settings":
        """Return the settings after a field.

        Args:
            name: Letter of the field.
            value: Value of the field.

        Returns:
            The new settings; ``self`` for a field that affects neither pitches nor times.

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
        """Return the settings at the end of a header, with the default unit note length if there is no L:."""
        return replace(self, unit=self.unit or default_length(self.metre))


def _words(text: str) -> list[str]:
    """Split a value at spaces outside quotation marks, and remove these marks."""
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
            shift = replace(shift, clef=_CLEF_OCTAVES.get(mark[0], 0) if mark else 0)
        elif name == "octave" and equals:
            shift = replace(shift, octave=_signed(value, word))
        elif name in {"transpose", "t"} and equals:
            shift = replace(shift, transpose=_signed(value, word))
    return shift


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
    """Return (letter, semitones) for the letters that a number of sharps, or of flats if negative, alters."""
    letters, sign = (_SHARPS, 1) if fifths > 0 else (_FLATS, -1)
    return [(letter, sign * (1 + (abs(fifths) - 1 - at) // 7)) for at, letter in enumerate(letters[: abs(fifths)])]


def _alterations(words: Sequence[str]) -> dict[str, int]:
    """Return the alterations (semitones) by letter of the accidentals in a key ("^f", "_b", "=c")."""
    return {
        letter.upper(): _ALTERATIONS[accidental]
        for word in words
        if word[:1] in "^_="
        for accidental, letter in _ACCIDENTAL.findall(word)
    }
