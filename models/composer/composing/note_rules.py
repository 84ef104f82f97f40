"""Which notes may come next, so that bars are filled and the tune ends where it should.

Symbols: V tokens, S bar positions. Times are whole ticks.
A note stays within its bar, and has a length after which the vocabulary can fill the bar exactly; so the last note of a
tune ends with its last bar. Likewise a tuplet that has begun is completed, as ``tuplets`` has it. Where nothing
fits, demands are given up one by one, see ``NoteRules.allowed``.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.melodies.events import REST_PITCH
from data_prep.tunes.notation import DIVISIONS
from models.composer.composing.tuplets import Tuplets

Marked = NDArray[np.bool_]


class Place(NamedTuple):
    """Where a note begins.

    Attributes:
        position: Ticks since its bar's beginning.
        room: Ticks until its bar's end.
        left: Ticks until the tune's end.
        closing: Least ticks of the note that ends the tune.
        tuplet: Where in the bar the tuplet begins that is not complete yet, None outside of tuplets.
    """

    position: int
    room: int
    left: int
    closing: int = 0
    tuplet: int | None = None


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
        """Return where a note at an onset before the end stands."""
        position = (onset - self.pickup) % self.length
        left = self.end - onset
        return Place(position, min(self.length - position, left), left, self.closing)


class Allowed(NamedTuple):
    """What may come next.

    Attributes:
        tokens: [V] True for those that may; at least one.
        length: Ticks that the note is written with, however long its token is; None for the token's own.
    """

    tokens: Marked
    length: int | None = None


class NoteRules:
    """The rules for a choice of tokens, on a grid of ticks.

    Attributes:
        ticks: [V] each token's length.
    """

    def __init__(
        self, vocabulary: MelodyVocabulary, usable: Marked, *, beat_in_tokens: bool, resolution: int, unit: int
    ) -> None:
        """Put the vocabulary on a grid.

        Args:
            vocabulary: What tokens mean.
            usable: [V] the tokens that may be used at all; at least one.
            beat_in_tokens: Whether a token stands at one bar position alone.
            resolution: Ticks in a quarter note, a multiple of all denominators of usable tokens' durations.
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
        self._allowed: dict[tuple[Place, int | None], Allowed] = {}
        self._longest = int(self.ticks.max())

    def position(self, place: Place) -> int:
        """Number a place's bar position, S if the vocabulary lacks it."""
        return self._number.get(place.position, self._num_positions)

    def following(self, place: Place, before: Place | None) -> Place:
        """Say of a place in which tuplet it lies.

        Args:
            place: Where a note begins, of whose tuplet nothing is said.
            before: Where the note before it begins, None for the first.

        Returns:
            The place; its tuplet begins where the one does that is not complete, or else with the unit.
        """
        at = place.position
        if self._tuplets.is_plain(at):
            return place
        start = self._tuplets.start(at)
        if before is not None and before.position < at:
            begun = before.position if before.tuplet is None else before.tuplet
            start = begun if at - begun < self._tuplets.unit else start
        return place._replace(tuplet=start)

    def allowed(self, place: Place, tonic: int | None) -> Allowed:
        """Mark the tokens that may come.

        What is given up if nothing is left, in this order: that the last note is long, that it has a length of its own
        (it then fills the bar), that it is the tonic, that a note stays in its bar, that any note has a length of its
        own (it then completes its tuplet, or fills the bar).

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
        position, room, left, closing, tuplet = place
        at = self._at(position)
        good = [one for one in self._lengths_at(position) if one <= room and self._leads(place, one)]
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
        if left > room and tuplet is None:
            tiers.append(Allowed(at & (self.ticks <= left) & (self.ticks % self._tuplets.plain == 0)))
        tiers.append(Allowed(self._usable, self._completing(place)))
        return next(tier for tier in tiers if tier.tokens.any())

    def _at(self, position: int) -> Marked:
        """[V] the usable tokens that can stand at a bar position."""
        if self._token_position is None:
            return self._usable
        return self._usable & (self._token_position == self._number.get(position, self._num_positions))

    def _lengths_at(self, position: int) -> list[int]:
        """Return the lengths of the usable tokens that can stand at a bar position, ascending."""
        key = position if self._token_position is not None else 0
        if key not in self._lengths:
            self._lengths[key] = np.unique(self.ticks[self._at(position)]).tolist()
        return self._lengths[key]

    def _can_stand(self, place: Place, length: int) -> bool:
        """Return whether a note of a length can be read where it stands: between plain places, or in its tuplet."""
        begin, end = place.position, place.position + length
        if place.tuplet is None and self._tuplets.is_plain(end):
            return True
        return self._tuplets.can_hold(begin if place.tuplet is None else place.tuplet, begin, end)

    def _leads(self, place: Place, length: int) -> bool:
        """Return whether after a note of a length the rest of the bar can be filled exactly."""
        begin, end = place.position, place.position + place.room
        after, start = begin + length, begin if place.tuplet is None else place.tuplet
        if not self._can_stand(place, length):
            return False
        if after == end or self._tuplets.is_plain(after):
            return self._can_fill(after, end)
        return any(self._can_fill(way, end) for way in self._ways_out(start, after, end))

    def _ways_out(self, start: int, at: int, end: int) -> frozenset[int]:
        """Return the places, up to the bar's end, at which a tuplet's group can end that begins at a place."""
        key = (start, at, end)
        if key not in self._ways:
            found: set[int] = set()
            for after in (at + length for length in self._lengths_at(at)):
                if after <= end and self._tuplets.can_hold(start, at, after):
                    is_out = after == end or self._tuplets.is_plain(after)
                    found |= {after} if is_out else self._ways_out(start, after, end)
            self._ways[key] = frozenset(found)
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

    def _completing(self, place: Place) -> int:
        """Return the length of a note that completes its tuplet, or else fills the bar."""
        if place.tuplet is not None:
            step = self._tuplets.plain
            first = place.position - place.position % step + step
            for end in range(first, min(place.tuplet + self._tuplets.unit, place.position + place.room) + 1, step):
                if self._can_stand(place, end - place.position):
                    return end - place.position
        return place.room


def usable_tokens(vocabulary: MelodyVocabulary, low: int, high: int, scale: frozenset[int] | None) -> Marked:
    """Mark the tokens that a model knows, that can be written, and that sound in a range and a scale, and rests.

    Args:
        vocabulary: What tokens mean.
        low: The lowest pitch in the model's frame.
        high: The highest.
        scale: Pitch classes in the model's frame, None for all.

    Returns:
        [V] True for each; all False if no sounding one is left.
    """
    pitch = vocabulary.token_pitch
    known = writable(vocabulary)
    sounding = known & (pitch != REST_PITCH) & (pitch >= low) & (pitch <= high)
    if scale is not None:
        sounding &= np.isin(pitch % 12, list(scale))
    rests = known & (pitch == REST_PITCH)
    return sounding | rests if sounding.any() else sounding


def writable(vocabulary: MelodyVocabulary) -> Marked:
    """Mark the tokens that a model knows and whose lengths can be written down."""
    can_be = np.array([DIVISIONS % duration.denominator == 0 for duration in vocabulary.durations], np.bool_)
    return can_be[vocabulary.token_duration] & vocabulary.seen.any(axis=0)
