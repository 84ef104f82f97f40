"""A tune while it is composed: its notes, the tokens that may follow, and the finished tune."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from data_prep.melodies.events import REST_PITCH
from data_prep.pitches import REST
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Tune
from models.composer.composing.heading import TuneHeading
from models.composer.composing.note_rules import Allowed, BarPosition, Bars, NoteRules
from models.uses.form import Form
from models.uses.request import RequestedKey


class Given(NamedTuple):
    """A note that is not sampled: of a prompt, or kept.

    Attributes:
        token: Its token; None for a rest if the model reads no rests.
        pitch: Pitch in the tune's key, REST for a rest.
        ticks: Length (ticks).
    """

    token: int | None
    pitch: int
    ticks: int


@dataclass
class Draft:
    """A tune in progress.

    Attributes:
        heading: Metre, pickup and key.
        bars: The tune's bars (ticks).
        rules: Rules on the next token.
        resolution: Ticks per quarter note.
        ends_on_tonic: Whether the last note must be the tonic.
        form: The requested form; None without one.
        random: The tune's random stream.
        script: The notes that are kept, by onset (ticks).
        weighed_from: Onset (ticks) from which kept notes are weighed.
        pitch: Pitch of each note in the tune's key, REST for a rest.
        ticks: Length of each note (ticks).
        onset: End of the last note (ticks).
        weight: Log probability of the weighed notes (nats).
    """

    heading: TuneHeading
    bars: Bars
    rules: NoteRules
    resolution: int
    ends_on_tonic: bool
    form: Form | None
    random: np.random.Generator
    script: Mapping[int, Given] = field(default_factory=dict[int, Given])
    weighed_from: int = 0
    pitch: list[int] = field(default_factory=list[int])
    ticks: list[int] = field(default_factory=list[int])
    onset: int = 0
    weight: float = 0.0
    _tokens: dict[int, int] = field(default_factory=dict[int, int])  # by onset
    _ending: int | None = None
    _place: BarPosition = field(default_factory=lambda: BarPosition(0, 0, 0))

    def __post_init__(self) -> None:
        """Start at the beginning of the tune, unless it is a copy."""
        if not self.pitch:
            self._place = self.rules.following(self.bars.place(0), None)

    @property
    def is_finished(self) -> bool:
        """Whether the last bar is full."""
        return self._place.left <= 0

    @property
    def position(self) -> int:
        """Number of the next note's bar position; the number of positions if the vocabulary lacks it."""
        return self.rules.position(self._place)

    def allowed(self) -> Allowed:
        """Return the tokens that may come next."""
        is_last_bar = self._place.room == self._place.left
        self._ending = self._tonic() if self.ends_on_tonic and is_last_bar else None
        tonic = None if self._ending is None else (self._ending + self.heading.shift) % 12
        return self.rules.allowed(self._place, tonic)

    def recalled(self) -> int | None:
        """Return the token at this place of the part that is repeated; None without such a part or token."""
        back = self.form and self.form.bars_back((self.onset - self.bars.pickup) // self.bars.length)
        return self._tokens.get(self.onset - back * self.bars.length) if back else None

    def branch(self, random: np.random.Generator, weighed_from: int) -> "Draft":
        """Return a copy with its own stream, whose kept notes are weighed from an onset (ticks)."""
        own = {"pitch": [*self.pitch], "ticks": [*self.ticks], "_tokens": {**self._tokens}}
        return replace(self, **own, random=random, weighed_from=weighed_from, weight=0.0)

    def kept(self) -> Given | None:
        """Return the kept note that comes next; None if the next note is free."""
        return self.script.get(self.onset)

    def weigh(self, log_probability: float) -> None:
        """Weigh the kept note that comes next by its log probability (nats)."""
        if self.onset >= self.weighed_from:
            self.weight += log_probability

    def append(self, note: Given) -> None:
        """Append a note of a prompt, or a kept one."""
        if note.token is not None:
            self._tokens[self.onset] = note.token
        self._append(note.pitch, note.ticks)

    def notes(self) -> dict[int, Given]:
        """Return the notes so far by onset (ticks)."""
        onsets = accumulate(self.ticks, initial=0)
        notes = zip(onsets, self.pitch, self.ticks, strict=False)
        return {onset: Given(self._tokens.get(onset), pitch, ticks) for onset, pitch, ticks in notes}

    def add(self, token: int, token_pitch: int, length: int | None) -> None:
        """Append an allowed token with its pitch in the model's frame; for ``length`` see ``Allowed``."""
        pitch = REST if token_pitch == REST_PITCH else token_pitch - self.heading.shift
        self._tokens[self.onset] = token
        self._append(pitch, int(self.rules.ticks[token]) if length is None else length)

    def tune(self, num_prompt: int) -> Tune:
        """Return the finished tune, which begins with ``num_prompt`` notes of the prompt."""
        key = self.heading.key or self._estimated_key()
        return Tune(
            pitch=tuple(self.pitch),
            duration=tuple(Fraction(ticks, self.resolution) for ticks in self.ticks),
            metre=self.heading.metre,
            pickup=self.heading.pickup,
            fifths=key.fifths,
            mode=key.mode,
            num_prompt=num_prompt,
        )

    def _append(self, pitch: int, ticks: int) -> None:
        self.pitch.append(pitch)
        self.ticks.append(ticks)
        self.onset += ticks
        self._place = self.rules.following(self.bars.place(self.onset), self._place)

    def _tonic(self) -> int | None:
        """Return the tonic, known or estimated from the notes so far; None before the first pitch."""
        if self.heading.tonic is not None or all(pitch == REST for pitch in self.pitch):
            return self.heading.tonic
        return RequestedKey(*estimate_key(self.pitch, self.ticks)).tonic

    def _estimated_key(self) -> RequestedKey:
        tonic = self.heading.tonic
        if tonic is None and self._ending is not None and self.pitch[-1] % 12 == self._ending:
            tonic = self._ending
        return RequestedKey(*estimate_key(self.pitch, self.ticks, tonic))
