"""Requests for tunes: length, key, metre, range, prompt and the parameters of sampling."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from data_prep.errors import BadInputError
from data_prep.pitches import NUM_PITCHES
from data_prep.tunes.notation import MODES, Mode, Tune, signature
from data_prep.tunes.spelling import PITCH_CLASSES, tonic
from models.uses.form import Form, parse_form
from models.uses.kept_bars import KeptBars

MAX_BARS = 1000
"""Maximum number of bars of a tune."""

MAX_VOICES = 4
"""Maximum number of voices of a score: three that are heard, and the one below them."""

_MAX_BEATS, _UNITS, _MAX_QUARTERS = 32, (1, 2, 4, 8, 16, 32), 16

_MODES: Mapping[str, Mode] = {
    "": "major",
    "m": "minor",
    **{name: mode for mode in MODES for name in (mode, mode[:3])},
}
"""Modes by the suffix of the tonic."""

_SHARPS = {"": 0, "#": 1, "b": -1, "♯": 1, "♭": -1}

_MOST_FIFTHS = 7
"""Most sharps or flats of a key signature; keys with more are respelled enharmonically."""


class RequestedKey(NamedTuple):
    """A key: its signature (sharps, or flats if negative) and its mode."""

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
    """A request for a tune; the model chooses what is None.

    Attributes:
        bars: Length in bars, including the prompt. A pickup precedes the first bar and shortens the last.
        temperature: Sampling temperature; 0 takes always the most likely note. At .9 bars repeat about as often as in a
            corpus; at 1 fewer do, as the small errors of each note add up.
        top_p: Sample from the most likely notes that together have this probability; 1 is all.
        top_k: Sample from the k most likely notes; 0 is all.
        key: The key, such as "D", "Am", "F#m", "E dorian" or "Amix"; every composed note is then in its scale. It
            replaces the key of a prompt.
        metre: The metre, such as "6/8". It replaces the metre of a prompt.
        lowest: The lowest pitch that may be composed, such as "G3" or 55.
        highest: The highest pitch that may be composed.
        end_on_tonic: Whether the last note is the tonic.
        form: The form, such as "AABB": parts of equal length; parts with the same letter are alike.
        prompt: A tune whose beginning is to be continued.
        prompt_notes: Number of its notes and rests to be used; all if it has fewer.
        kept: Bars of an earlier tune that are kept, while the others are composed again; not together with a prompt.
        voices: Number of voices of a score, each a tune that hears the voices above it; 1 for single tunes.
        above: Higher voices that the tune hears, from the top. Its metre, pickup and key are those of the first.
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
    kept: KeptBars | None = None
    voices: int = 1
    above: tuple[Tune, ...] = ()

    def __post_init__(self) -> None:
        """Raise BadInputError if no model could fulfil the request."""
        if not 1 <= self.bars <= MAX_BARS:
            raise BadInputError(f"a tune has from 1 to {MAX_BARS} bars", f"got {self.bars}")
        if not 0 <= self.temperature < float("inf"):
            raise BadInputError(
                "a temperature must be finite and at least 0",
                f"got {self.temperature}",
                remedy="0 always takes the most likely note, 1 leaves the probabilities unchanged",
            )
        if not 0 < self.top_p <= 1:
            raise BadInputError("top-p is a probability above 0 and up to 1 (all notes)", f"got {self.top_p}")
        if self.top_k < 0:
            raise BadInputError("top-k is a number of notes, or 0 for all", f"got {self.top_k}")
        if self.prompt is not None and not (self.prompt.num_notes and self.prompt_notes >= 1):
            raise BadInputError(
                "a prompt has at least one note",
                f"got {self.prompt_notes} of {self.prompt.num_notes}",
                remedy="leave the prompt out to compose freely",
            )
        if not 1 <= len(self.above) + self.voices <= MAX_VOICES:
            raise BadInputError(f"a score has from 1 to {MAX_VOICES} voices", f"got {len(self.above) + self.voices}")
        if any(not voice.num_notes for voice in self.above):
            raise BadInputError("a voice above has at least one note", "got one without notes")
        _ = self.asked_key, self.asked_metre, self.asked_form  # parsing checks them
        self._check_kept()
        low, high = self.pitch_range
        if low > high:
            raise BadInputError(
                "the lowest pitch is not above the highest", f"got {self.lowest or low} and {self.highest or high}"
            )

    def _check_kept(self) -> None:
        if self.kept is None:
            return
        if self.prompt is not None or self.above or self.voices > 1:
            raise BadInputError("bars are kept of a single tune", "got a prompt or several voices too")
        self.kept.check(self.bars, self.asked_metre or self.kept.tune.metre)

    @property
    def asked_key(self) -> RequestedKey | None:
        """The requested key, else that of the prompt, the kept bars or the highest voice; None without any of them."""
        if self.key is not None:
            return parse_key(self.key)
        return None if self.given is None else RequestedKey(self.given.fifths, self.given.mode)

    @property
    def asked_metre(self) -> tuple[int, int] | None:
        """The requested metre, else that of the prompt, the kept bars or the highest voice; None without them."""
        if self.metre is not None:
            return parse_metre(self.metre)
        return None if self.given is None else self.given.metre

    @property
    def given(self) -> Tune | None:
        """The tune whose metre, pickup and key are taken: the prompt, kept bars or the highest voice; else None."""
        return self.prompt or (self.kept and self.kept.tune) or next(iter(self.above), None)

    @property
    def asked_form(self) -> Form | None:
        """The requested form; None without one."""
        return None if self.form is None else parse_form(self.form, self.bars, MAX_BARS)

    @property
    def pitch_range(self) -> tuple[int, int]:
        """The lowest and the highest allowed MIDI pitch."""
        low = 0 if self.lowest is None else parse_pitch(self.lowest)
        return low, NUM_PITCHES - 1 if self.highest is None else parse_pitch(self.highest)


def parse_key(text: str) -> RequestedKey:
    """Parse a key such as "F#m"; major if no mode is given. Raise BadInputError if the text is not a key."""
    match = re.fullmatch(r"\s*([A-Ga-g])([#b♯♭]?)\s*([A-Za-z]*)\s*", text)
    mode = _MODES.get(match[3].lower()) if match else None
    if match is None or mode is None:
        raise BadInputError("a key is written like D, Am, F#m, E dorian or Amix", f"got {text!r}")
    letter, sharps = match[1].upper(), _SHARPS[match[2]]
    fewest = signature((PITCH_CLASSES[letter] + sharps) % 12, mode)
    written = letter + {-1: "b", 0: "", 1: "#"}[sharps]
    keys = [RequestedKey(fewest + more, mode) for more in (0, -12, 12) if abs(fewest + more) <= _MOST_FIFTHS]
    return next((key for key in keys if tonic(Tune((), (), fifths=key.fifths, mode=mode)) == written), keys[0])


def parse_metre(text: str) -> tuple[int, int]:
    """Parse a metre such as "6/8"; raise BadInputError if the text is not a metre."""
    match = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    beats, unit = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= beats <= _MAX_BEATS or unit not in _UNITS or Fraction(4 * beats, unit) > _MAX_QUARTERS:
        raise BadInputError(
            f"a metre is written like 6/8: 1 to {_MAX_BEATS} beats, of unit {', '.join(map(str, _UNITS))}, and at most "
            f"{_MAX_QUARTERS} quarters per bar",
            f"got {text!r}",
        )
    return beats, unit


def parse_pitch(text: str | int) -> int:
    """Parse a pitch such as "G3", or a MIDI number; raise BadInputError if the text is neither."""
    match = re.fullmatch(r"\s*([A-Ga-g])([#b♯♭]?)(-?\d{1,2})\s*", str(text))
    number = re.fullmatch(r"\s*(\d{1,3})\s*", str(text))
    if match:
        pitch = 12 * (int(match[3]) + 1) + PITCH_CLASSES[match[1].upper()] + _SHARPS[match[2]]
    else:
        pitch = int(number[1]) if number else -1
    if not 0 <= pitch < NUM_PITCHES:
        raise BadInputError(
            f"a pitch is written like G3, F#4 or Bb5 (C4 is middle C), or as a MIDI number 0 to {NUM_PITCHES - 1}",
            f"got {text!r}",
        )
    return pitch
