"""Which notes may come next, so that bars are filled and the tune ends where it should.

Symbols: V tokens, S bar positions. Times are whole ticks.
A note stays within its bar, and has a length after which the vocabulary can fill the bar exactly; so the last note of a
tune ends with its last bar. Where nothing fits, demands are given up one by one, see ``NoteRules.allowed``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.events import REST_PITCH

Marked = NDArray[np.bool_]


class Place(NamedTuple):
    """Where a note begins.

    Attributes:
        position: Ticks since its bar's beginning.
        room: Ticks until its bar's end.
        left: Ticks until the tune's end.
        closing: Least ticks of the note that ends the tune.
    """

    position: int
    room: int
    left: int
    closing: int = 0


@dataclass(frozen=True)
class Bars:
    """The bars of a tune: a pickup, full bars, and a last one that the pickup shortens, as tunes are written.

    Attributes:
        length: Ticks of a full bar.
        pickup: Ticks of the pickup, 0 for none.
        end: Ticks of the tune.
        closing: Least ticks of the last note.
    """

    length: int
    pickup: int
    end: int
    closing: int = 0

    def place(self, onset: int) -> Place:
        """Say where a note at an onset before the end stands."""
        position = (onset - self.pickup) % self.length
        left = self.end - onset
        return Place(position, min(self.length - position, left), left, self.closing)


class Allowed(NamedTuple):
    """What may come next.

    Attributes:
        tokens: [V] True for those that may; at least one.
        fills: The note is written as long as the rest of its bar, however long its token is.
    """

    tokens: Marked
    fills: bool


class NoteRules:
    """The rules for a choice of tokens, on a grid of ticks.

    Attributes:
        ticks: [V] each token's length.
    """

    def __init__(self, vocabulary: MelodyVocabulary, usable: Marked, *, beat_in_tokens: bool, resolution: int) -> None:
        """Put the vocabulary on a grid.

        Args:
            vocabulary: What tokens mean.
            usable: [V] the tokens that may be used at all; at least one.
            beat_in_tokens: Whether a token stands at one bar position alone.
            resolution: Ticks in a quarter note, a multiple of all denominators of the vocabulary.
        """
        lengths = np.array([int(duration * resolution) for duration in vocabulary.durations], np.int64)
        self.ticks = lengths[vocabulary.token_duration]
        self._pitch = vocabulary.token_pitch
        self._usable = usable
        self._positions = [int(at * resolution) for at in vocabulary.positions]
        self._number = {at: number for number, at in enumerate(self._positions)}
        self._token_position = vocabulary.token_position if beat_in_tokens else None
        self._filling: dict[tuple[int, int], bool] = {}
        self._allowed: dict[tuple[Place, int | None], Allowed] = {}
        self._longest = int(self.ticks.max())
        self._sums, self._limit = 0, -1

    def position(self, place: Place) -> int:
        """Number a place's bar position, S if the vocabulary lacks it."""
        return self._number.get(place.position, len(self._positions))

    def allowed(self, place: Place, tonic: int | None) -> Allowed:
        """Mark the tokens that may come.

        What is given up if nothing is left, in this order: that the last note is long, that it has a length of its own
        (it then fills the bar), that it is the tonic, that a note stays in its bar, that any note has a length of its
        own.

        Args:
            place: Where the note begins.
            tonic: The pitch class that a note must have which ends with the tune, None for any.

        Returns:
            The tokens.
        """
        # Beyond the longest note it makes no difference how much is left, and bars have their rules in common.
        place = place._replace(left=min(place.left, max(self._longest, place.room + 1)))
        if (place, tonic) not in self._allowed:
            self._allowed[place, tonic] = self._find(place, tonic)
        return self._allowed[place, tonic]

    def _find(self, place: Place, tonic: int | None) -> Allowed:
        position, room, left, closing = place
        at = self._at(position)
        fitting = at & (self.ticks <= room)
        good = [one for one in _lengths(self.ticks[fitting]) if self._can_fill(position + one, room - one)]
        fitting &= np.isin(self.ticks, good)
        tiers = [Allowed(fitting, fills=False)]
        if tonic is not None and room == left:
            is_tonic = (self._pitch % 12 == tonic) & (self._pitch != REST_PITCH)
            ending = Allowed(fitting & (is_tonic | (self.ticks < room)), fills=False)
            tiers = [ending, Allowed(self._usable & is_tonic, fills=True), *tiers]
        if room == left:
            rest = room - self.ticks
            closes = ((rest == 0) & (self.ticks >= closing)) | (rest >= closing)
            tiers = [Allowed(tiers[0].tokens & closes, fills=False), *tiers]
        if left > room:
            tiers.append(Allowed(at & (self.ticks <= left), fills=False))
        tiers.append(Allowed(self._usable, fills=True))
        return next(tier for tier in tiers if tier.tokens.any())

    def _at(self, position: int) -> Marked:
        """[V] the usable tokens that can stand at a bar position."""
        if self._token_position is None:
            return self._usable
        return self._usable & (self._token_position == self._number.get(position, len(self._positions)))

    def _can_fill(self, position: int, room: int) -> bool:
        """Say whether usable tokens can fill the room after a bar position exactly."""
        if self._token_position is None:
            return bool(self._sum_of_lengths(room) >> room & 1)
        end = position + room
        if (position, end) not in self._filling:
            self._filling[end, end] = True
            self._filling.setdefault((position, end), False)  # no token stands at a position without a name
            for at in sorted((at for at in self._positions if position <= at < end), reverse=True):
                lengths = _lengths(self.ticks[self._at(at)])
                self._filling[at, end] = any(self._filling.get((at + one, end), False) for one in lengths)
        return self._filling[position, end]

    def _sum_of_lengths(self, room: int) -> int:
        """Give a number whose bit n, up to the room's, says whether lengths of usable tokens can add up to n."""
        if room > self._limit:
            self._limit = 2 * room
            self._sums, below = 1, (1 << self._limit + 1) - 1
            for one in _lengths(self.ticks[self._usable]):
                step = one
                while step <= self._limit:  # once, twice, four times: together any number of times
                    self._sums |= self._sums << step & below
                    step *= 2
        return self._sums


def usable_tokens(vocabulary: MelodyVocabulary, low: int, high: int, scale: frozenset[int] | None) -> Marked:
    """Mark the tokens that a model knows and that sound in a range and a scale, and rests.

    Args:
        vocabulary: What tokens mean.
        low: The lowest pitch in the model's frame.
        high: The highest.
        scale: Pitch classes in the model's frame, None for all.

    Returns:
        [V] True for each; all False if no sounding one is left.
    """
    pitch = vocabulary.token_pitch
    sounding = (pitch != REST_PITCH) & (pitch >= low) & (pitch <= high) & vocabulary.seen.any(axis=0)
    if scale is not None:
        sounding &= np.isin(pitch % 12, list(scale))
    rests = (pitch == REST_PITCH) & vocabulary.seen.any(axis=0)
    return sounding | rests if sounding.any() else sounding


def _lengths(ticks: NDArray[np.int64]) -> list[int]:
    return np.unique(ticks).tolist()
