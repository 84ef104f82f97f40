"""Rules on the next note: bars are filled, and the tune ends with its last bar.

Symbols: V tokens, S bar positions. Times are integer ticks.
A note stays within its bar, and has a length after which the vocabulary can fill the bar exactly; so the last note of a
tune ends with its last bar. A tuplet that has begun is completed, see ``tuplets``. If no note fits, rules are dropped
one by one, see ``NoteRules.allowed``. No note reaches into a kept note, see ``kept_notes``.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from data_prep.tunes.notation import DIVISIONS
from models.composer.composing.tuplets import Tuplets

Marked = NDArray[np.bool_]

_FAR = 2**62
"""Ticks until a kept note that does not exist."""


class BarPosition(NamedTuple):
    """The place at which a note begins.

    Attributes:
        position: Ticks since the beginning of the bar.
        room: Ticks until the end of the bar, or a kept note in it.
        left: Ticks until the end of the tune.
        closing: Minimum length of the last note of the tune (ticks).
        tuplet: Bar position (ticks) at which the incomplete tuplet begins, None outside of tuplets.
        free: Ticks until the next kept note.
    """

    position: int
    room: int
    left: int
    closing: int = 0
    tuplet: int | None = None
    free: int = _FAR


@dataclass(frozen=True)
class Bars:
    """The bars of a tune: a pickup, full bars, and a last bar that is shortened by the pickup.

    Attributes:
        length: Ticks of a full bar.
        pickup: Ticks of the pickup, 0 for none.
        end: Ticks of the tune.
        closing: Minimum length of the last note (ticks).
        kept: Onsets of the kept notes (ticks), ascending.
    """

    length: int
    pickup: int
    end: int
    closing: int = 0
    kept: tuple[int, ...] = ()

    def place(self, onset: int) -> BarPosition:
        """Return the place of a note at an onset before the end."""
        position = (onset - self.pickup) % self.length
        left = self.end - onset
        following = bisect_left(self.kept, onset)
        free = self.kept[following] - onset if following < len(self.kept) else _FAR
        return BarPosition(position, min(self.length - position, left, free), left, self.closing, free=free)


class Allowed(NamedTuple):
    """The tokens that may come next.

    Attributes:
        tokens: [V] True for allowed tokens; at least one.
        length: Length of the note (ticks), which replaces the token's; None for the token's length.
    """

    tokens: Marked
    length: int | None = None


class NoteRules:
    """The rules for a set of tokens, on a grid of ticks.

    Attributes:
        ticks: [V] each token's length.
    """

    def __init__(
        self, vocabulary: MelodyVocabulary, usable: Marked, *, beat_in_tokens: bool, resolution: int, unit: int
    ) -> None:
        """Put the vocabulary on a grid.

        Args:
            vocabulary: The tokens.
            usable: [V] True for tokens that may be used; at least one.
            beat_in_tokens: Whether the bar position is part of a token.
            resolution: Ticks per quarter note, a multiple of the denominators of usable tokens' durations.
            unit: Ticks of the metre's unit.
        """
        lengths = np.array([int(duration * resolution) for duration in vocabulary.durations], np.int64)
        self.ticks = lengths[vocabulary.token_duration]
        self._pitch = vocabulary.token_pitch
        self._usable = usable
        places = [at * resolution for at in vocabulary.positions]
        self._number = {int(at): number for number, at in enumerate(places) if at.denominator == 1}
        self._num_positions = len(places)
        self._token_position = vocabulary.token_position if beat_in_tokens else None
        self._tuplets = Tuplets(unit)
        self._lengths: dict[int, list[int]] = {}
        self._ways: dict[tuple[int, int, int], frozenset[int]] = {}
        self._fills: dict[tuple[int, int], bool] = {}
        self._allowed: dict[tuple[BarPosition, int | None], Allowed] = {}
        self._longest = int(self.ticks.max())

    def position(self, place: BarPosition) -> int:
        """Return the number of a place's bar position, S if the vocabulary lacks it."""
        return self._number.get(place.position, self._num_positions)

    def following(self, place: BarPosition, before: BarPosition | None) -> BarPosition:
        """Return a place with its tuplet.

        Args:
            place: The place of a note, without a tuplet.
            before: The place of the previous note, None for the first note.

        Returns:
            The place; outside plain places, its tuplet is the incomplete one, or else begins with the unit.
        """
        at = place.position
        if self._tuplets.is_plain(at):
            return place
        start = self._tuplets.start(at)
        if before is not None and before.position < at:
            begun = before.position if before.tuplet is None else before.tuplet
            start = begun if at - begun < self._tuplets.unit else start
        return place._replace(tuplet=start)

    def allowed(self, place: BarPosition, tonic: int | None) -> Allowed:
        """Return the tokens that may come next.

        If no token is left, these rules are dropped one after another: the last note is long; it has its token's length
        (else it fills the bar); it is the tonic; a note stays in its bar; any note has its token's length (else it
        completes its tuplet, or fills the bar).

        Args:
            place: The place of the note.
            tonic: Pitch class of a note that ends with the tune, None for any.

        Returns:
            The tokens.
        """
        # A remainder longer than the longest note makes no difference, so that most bars share cached results.
        most = max(self._longest, place.room + 1)
        place = place._replace(left=min(place.left, most), free=min(place.free, most))
        if (place, tonic) not in self._allowed:
            self._allowed[place, tonic] = self._find(place, tonic)
        return self._allowed[place, tonic]

    def _find(self, place: BarPosition, tonic: int | None) -> Allowed:
        position, room, left, closing, tuplet, free = place
        at = self._at(position)
        good = [length for length in self._lengths_at(position) if length <= room and self._leads(place, length)]
        fitting = at & np.isin(self.ticks, good)
        tiers = [Allowed(fitting)]
        if tonic is not None and room == left:
            is_tonic = (self._pitch % 12 == tonic) & (self._pitch != REST_PITCH)
            tiers = [Allowed(fitting & (is_tonic | (self.ticks < room))), *tiers]
            if self._can_stand(place, room):
                tiers.insert(1, Allowed(self._usable & is_tonic, room))
        if room == left:
            rest = room - self.ticks
            closes = ((rest == 0) & (self.ticks >= closing)) | (rest >= closing)
            tiers = [Allowed(tiers[0].tokens & closes), *tiers]
        if min(left, free) > room and tuplet is None:
            tiers.append(Allowed(at & (self.ticks <= min(left, free)) & (self.ticks % self._tuplets.plain == 0)))
        tiers.append(Allowed(self._usable, self._completing(place)))
        return next(tier for tier in tiers if tier.tokens.any())

    def _at(self, position: int) -> Marked:
        """Return [V] True for usable tokens that can stand at a bar position."""
        if self._token_position is None:
            return self._usable
        return self._usable & (self._token_position == self._number.get(position, self._num_positions))

    def _lengths_at(self, position: int) -> list[int]:
        """Return the lengths of the usable tokens that can stand at a bar position, ascending."""
        key = position if self._token_position is not None else 0
        if key not in self._lengths:
            self._lengths[key] = np.unique(self.ticks[self._at(position)]).tolist()
        return self._lengths[key]

    def _can_stand(self, place: BarPosition, length: int) -> bool:
        """Return whether a note of a length is readable at a place: between plain places, or in its tuplet."""
        begin, end = place.position, place.position + length
        if place.tuplet is None and self._tuplets.is_plain(end):
            return True
        return self._tuplets.can_hold(begin if place.tuplet is None else place.tuplet, begin, end)

    def _leads(self, place: BarPosition, length: int) -> bool:
        """Return whether the rest of the bar can be filled exactly after a note of a length."""
        begin, end = place.position, place.position + place.room
        after, start = begin + length, begin if place.tuplet is None else place.tuplet
        if not self._can_stand(place, length):
            return False
        if after == end or self._tuplets.is_plain(after):
            return self._can_fill(after, end)
        return any(self._can_fill(way, end) for way in self._ways_out(start, after, end))

    def _ways_out(self, start: int, at: int, end: int) -> frozenset[int]:
        """Return the places, at most ``end``, at which the tuplet from ``start`` can end after a note at ``at``."""
        key = (start, at, end)
        if key not in self._ways:
            ends: set[int] = set()
            for after in (at + length for length in self._lengths_at(at)):
                if after <= end and self._tuplets.can_hold(start, at, after):
                    is_out = after == end or self._tuplets.is_plain(after)
                    ends |= {after} if is_out else self._ways_out(start, after, end)
            self._ways[key] = frozenset(ends)
        return self._ways[key]

    def _can_fill(self, position: int, end: int) -> bool:
        """Return whether usable tokens can fill a bar from a plain place to its end exactly."""
        if (position, end) not in self._fills:
            steps: dict[int, set[int]] = {end: set()}
            waiting = [position]
            while waiting:
                at = waiting.pop()
                if at not in steps:
                    notes = (at + length for length in self._lengths_at(at))
                    steps[at] = {after for after in notes if after <= end and self._tuplets.is_plain(after)}
                    steps[at] |= self._ways_out(at, at, end)
                    waiting += steps[at]
            for at in sorted(steps, reverse=True):
                self._fills[at, end] = at == end or any(self._fills[after, end] for after in steps[at])
        return self._fills[position, end]

    def _completing(self, place: BarPosition) -> int:
        """Return the length of a note that completes its tuplet, or else fills the bar."""
        if place.tuplet is not None:
            step = self._tuplets.plain
            first = place.position - place.position % step + step
            for end in range(first, min(place.tuplet + self._tuplets.unit, place.position + place.room) + 1, step):
                if self._can_stand(place, end - place.position):
                    return end - place.position
        return place.room


def usable_tokens(vocabulary: MelodyVocabulary, low: int, high: int, scale: frozenset[int] | None) -> Marked:
    """Return the writable tokens of known rests, and of known pitches in a range and a scale.

    Args:
        vocabulary: The tokens.
        low: The lowest pitch in the model's frame.
        high: The highest pitch in the model's frame.
        scale: Pitch classes in the model's frame, None for all.

    Returns:
        [V] True for these tokens; all False if only rests are left.
    """
    pitch = vocabulary.token_pitch
    known = writable(vocabulary)
    sounding = known & (pitch != REST_PITCH) & (pitch >= low) & (pitch <= high)
    if scale is not None:
        sounding &= np.isin(pitch % 12, list(scale))
    rests = known & (pitch == REST_PITCH)
    return sounding | rests if sounding.any() else sounding


def writable(vocabulary: MelodyVocabulary) -> Marked:
    """Return [V] True for tokens that a model knows and whose lengths can be notated."""
    can_be = np.array([DIVISIONS % duration.denominator == 0 for duration in vocabulary.durations], np.bool_)
    return can_be[vocabulary.token_duration] & vocabulary.seen.any(axis=0)
