"""What a user may ask of a tune: length, key, metre, range, prompt, and how boldly it is sampled."""

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from data_prep.errors import BadInputError
from data_prep.pitches import NUM_PITCHES
from data_prep.tunes.notation import Mode, Tune, signature
from data_prep.tunes.spelling import tonic
from models.uses.form import Form, parse_form

MAX_BARS = 1000
"""Most bars of a tune."""

_MAX_BEATS, _UNITS, _MAX_QUARTERS = 32, (1, 2, 4, 8, 16, 32), 16

_MODES: dict[str, Mode] = {
    "": "major",
    "maj": "major",
    "major": "major",
    "m": "minor",
    "min": "minor",
    "minor": "minor",
    "dor": "dorian",
    "dorian": "dorian",
    "mix": "mixolydian",
    "mixolydian": "mixolydian",
}
"""Modes as they are written behind a tonic."""

_PITCH_CLASSES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
_SHARPS = {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}

_MOST_FIFTHS = 7
"""Most sharps or flats of a key signature; keys with more are written as the same key of another name."""


class Key(NamedTuple):
    """A key: its signature (sharps, or flats if negative) and the mode that tells its tonic."""

    fifths: int
    mode: Mode

    @property
    def tonic(self) -> int:
        """The tonic's pitch class 0..11."""
        return Tune((), (), fifths=self.fifths, mode=self.mode).tonic

    @property
    def scale(self) -> frozenset[int]:
        """The seven pitch classes of the signature."""
        return Tune((), (), fifths=self.fifths, mode=self.mode).scale


@dataclass(frozen=True)
class SamplingRequest:
    """What is asked of a tune; what is None is left to the model.

    Attributes:
        bars: Its length in bars, what was given included. A pickup comes before them, and shortens the last.
        temperature: Above 1 bolder than the model, below 1 safer, 0 always its most likely note. At .9 bars return
            about as often as in a corpus; at 1 the small errors of each note add up, and fewer do.
        top_p: Sample from the most likely notes that together have this probability; 1 is all.
        top_k: Sample from the k most likely notes; 0 is all.
        key: As in "D", "Am", "F#m", "E dorian" or "Amix"; every composed note is then in its scale. With a prompt it
            says what key the prompt is in.
        metre: As in "6/8". With a prompt it says what metre the prompt is in.
        lowest: The lowest pitch that may be composed, as in "G3" or 55.
        highest: The highest, likewise.
        end_on_tonic: Whether the last note is the tonic.
        form: As in "AABB": parts of equal length, of which those with the same letter are alike.
        prompt: A tune whose beginning is to be continued.
        prompt_notes: How many of its notes and rests are taken, or all if it has fewer.
    """

    bars: int = 16
    temperature: float = 0.9
    top_p: float = 1.0
    top_k: int = 0
    key: str | None = None
    metre: str | None = None
    lowest: str | int | None = None
    highest: str | int | None = None
    end_on_tonic: bool = True
    form: str | None = None
    prompt: Tune | None = None
    prompt_notes: int = 16

    def __post_init__(self) -> None:
        """Refuse with a BadInputError what no model could do."""
        if not 1 <= self.bars <= MAX_BARS:
            raise BadInputError(f"a tune has from 1 to {MAX_BARS} bars", f"got {self.bars}")
        if not 0 <= self.temperature < float("inf"):
            raise BadInputError(
                "a temperature is 0 (always the most likely note) or more, 1 as the model has it",
                f"got {self.temperature}",
            )
        if not 0 < self.top_p <= 1:
            raise BadInputError("top-p is a probability above 0 and up to 1, which keeps all", f"got {self.top_p}")
        if self.top_k < 0:
            raise BadInputError("top-k is a number of notes, or 0 to keep all", f"got {self.top_k}")
        if self.prompt is not None and not (self.prompt.num_notes and self.prompt_notes >= 1):
            raise BadInputError(
                "a prompt has at least one note",
                f"got {self.prompt_notes} of {self.prompt.num_notes}",
                remedy="leave the prompt out to compose freely",
            )
        _ = self.asked_key, self.asked_metre, self.asked_form  # parsed, and so checked
        low, high = self.pitch_range
        if low > high:
            raise BadInputError(
                "the lowest pitch is at or below the highest", f"got {self.lowest or low} and {self.highest or high}"
            )

    @property
    def asked_key(self) -> Key | None:
        """The key, as text or as the prompt has it."""
        if self.key is not None:
            return parse_key(self.key)
        return None if self.prompt is None else Key(self.prompt.fifths, self.prompt.mode)

    @property
    def asked_metre(self) -> tuple[int, int] | None:
        """The metre, as text or as the prompt has it."""
        if self.metre is not None:
            return parse_metre(self.metre)
        return None if self.prompt is None else self.prompt.metre

    @property
    def asked_form(self) -> Form | None:
        """The form, if one is asked for."""
        return None if self.form is None else parse_form(self.form, self.bars, MAX_BARS)

    @property
    def pitch_range(self) -> tuple[int, int]:
        """The lowest and the highest MIDI pitch."""
        low = 0 if self.lowest is None else parse_pitch(self.lowest)
        return low, NUM_PITCHES - 1 if self.highest is None else parse_pitch(self.highest)


def parse_key(text: str) -> Key:
    """Read a key as it is written, "F#m"; a BadInputError says how one is. Of a key without a mode it is major."""
    found = re.fullmatch(r"\s*([A-Ga-g])([#b♯♭]?)\s*([A-Za-z]*)\s*", text)
    mode = _MODES.get(found[3].lower()) if found else None
    if found is None or mode is None:
        raise BadInputError("a key is written like D, Am, F#m, E dorian or Amix", f"got {text!r}")
    letter, sharps = found[1].upper(), _SHARPS[found[2]]
    fewest = signature((_PITCH_CLASSES[letter] + sharps) % 12, mode)
    written = letter + {-1: "b", 0: "", 1: "#"}[sharps]
    keys = [Key(fewest + more, mode) for more in (0, -12, 12) if abs(fewest + more) <= _MOST_FIFTHS]
    return next((key for key in keys if tonic(Tune((), (), fifths=key.fifths, mode=mode)) == written), keys[0])


def parse_metre(text: str) -> tuple[int, int]:
    """Read a metre as it is written, "6/8"; a BadInputError says how one is."""
    found = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    beats, unit = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= beats <= _MAX_BEATS or unit not in _UNITS or Fraction(4 * beats, unit) > _MAX_QUARTERS:
        raise BadInputError(
            f"a metre is written like 6/8: 1 to {_MAX_BEATS} beats, of unit {', '.join(map(str, _UNITS))}, and at most "
            f"{_MAX_QUARTERS} quarters a bar",
            f"got {text!r}",
        )
    return beats, unit


def parse_pitch(text: str | int) -> int:
    """Read a pitch as it is written, "G3", or as a MIDI number; a BadInputError says how one is."""
    found = re.fullmatch(r"\s*([A-Ga-g])([#b♯♭]?)(-?\d{1,2})\s*", str(text))
    number = re.fullmatch(r"\s*(\d{1,3})\s*", str(text))
    if found:
        pitch = 12 * (int(found[3]) + 1) + _PITCH_CLASSES[found[1].upper()] + _SHARPS[found[2]]
    else:
        pitch = int(number[1]) if number else -1
    if not 0 <= pitch < NUM_PITCHES:
        raise BadInputError(
            f"a pitch is written like G3, F#4 or Bb5 (C4 is the middle C), or as a MIDI number 0 to {NUM_PITCHES - 1}",
            f"got {text!r}",
        )
    return pitch
