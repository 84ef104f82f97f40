"""Melodies as sequences of tokens, with all that the comparable objective needs beside the tokens.

Symbols: P pieces, M notes that the reading keeps (of all pieces together), V tokens (of all folds together), D distinct
durations, E = 129 * D events, S bar positions, G folds.
An event is (pitch, duration), REST included, numbered as in ``melodies.events``. A token is an event, and with it the
spelling (literal reading) and the bar position (beat = target). A piece's frame is the key it is shifted to; the
objective charges the shift, and the metre and pickup where they are used, as the piece's header.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import NUM_TONICS, Floor, MelodyVocabulary, shift_to_c
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.events import (
    NUM_GRID_PITCHES,
    REST_PITCH,
    base_distribution,
    grid_pitch,
    marginals,
    num_events,
    unseen_share,
)
from data_prep.melodies.votes import any_look_back
from data_prep.pitches import NUM_PITCHES, REST

UNKNOWN = -1
"""The token of a note that no token of the vocabulary carries."""

_NATURALS = {"F": (-1, 5), "C": (0, 0), "G": (1, 7), "D": (2, 2), "A": (3, 9), "E": (4, 4), "B": (5, 11)}
"""Each letter's place on the line of fifths and its pitch class."""

_TONIC_FIFTHS = np.array([0, 7, 2, -3, 4, -1, 6, 1, -4, 3, -2, 5])
"""Each tonic's place on the line of fifths, in the spelling whose commoner mode has fewer accidentals (1: C sharp, for
its minor). A piece's own notes must not decide: past notes would then tell of those to come."""

_FIFTHS_LOW, _NUM_FIFTHS = -64, 128
"""Places on the line of fifths that a token's key can hold; real spellings stay within -15..19 before shifting."""


@dataclass(frozen=True)
class MelodyOptions:
    """How pieces become tokens.

    Attributes:
        beat: Whether the bar position is unused, an input beside the past notes, or part of the predicted token.
        transpose: Shift every piece to C by its key signature: nearest (-5..+6), or downward in the literal reading.
        reading: Tokens from sounding events, or from spelled names with rests and chords left out.
        vocabulary: Tokens a fold knows: those of its training pieces, or of the whole corpus.
        augment: Train on pieces shifted by -augment..augment-1 semitones; 0 is off.
        bars: Whether metre and pickup are used beside the beat, as experts do that look a number of bars back.
    """

    beat: Literal["off", "input", "target"] = "off"
    transpose: bool = False
    reading: Literal["sounding", "literal"] = "sounding"
    vocabulary: Literal["training", "corpus"] = "training"
    augment: int = 0
    bars: bool = False


@dataclass(frozen=True)
class Sequences:
    """The pieces as the model reads them, in one frame each.

    The kept notes of piece p are rows ``start[p]:start[p + 1]``.

    Attributes:
        token: [M] int32, the note's token or UNKNOWN.
        event: [M] int32, the note's event in the frame.
        position: [M] int16, where in the bar the note starts: known from the header and the past durations.
        log_variants: [M] nats, log of the number of tokens among which the base p0 of the note's event is split.
        start: [P + 1] int64, offsets of the pieces.
        shift: [P] int64, semitones from the original key to the frame.
        header_cost: [P] nats, -log p(header) under the fold that holds the piece out.
        dropped_cost: [P] nats for the notes the reading leaves out, each -log(eps * p0).
    """

    token: NDArray[np.int32]
    event: NDArray[np.int32]
    position: NDArray[np.int16]
    log_variants: NDArray[np.float64]
    start: NDArray[np.int64]
    shift: NDArray[np.int64]
    header_cost: NDArray[np.float64]
    dropped_cost: NDArray[np.float64]


@dataclass(frozen=True)
class _Notes:
    """Every note of the pieces in the original key, before tokens."""

    pitch: NDArray[np.int64]  # [N] 0..128
    fifths: NDArray[np.int64]  # [N] place on the line of fifths, 0 where the reading does not spell
    duration: NDArray[np.int64]  # [N]
    position: NDArray[np.int64]  # [N]
    piece: NDArray[np.int64]  # [N]
    kept: NDArray[np.bool_]  # [N] False where the reading leaves the note out


class MelodyEncoding:
    """All of a corpus under one choice of options: vocabulary, sequences, floors and headers of every fold.

    What is learnt from training pieces (vocabulary, floors, priors) is learnt from the corpus's own, or known: then the
    corpus stands under the alphabets of what is known, extended by what those lack, and all of it is to be scored.

    Attributes:
        options: The options.
        melodies: What was encoded.
        keys: [V] the vocabulary, ascending, as packed (pitch, fifths, duration, position).
        seen: [G, V] whether a fold's training pieces (augmented if so) hold the token; all True for vocabulary=corpus.
        seen_position: [G, S] whether a fold's training pieces hold a note at that bar position.
        eps: [G] the share of the floor: Good-Turing's estimate of an event no known token carries.
        log_p0: [G, E] nats, the floor's distribution: add-one-smoothed marginals of pitch and duration.
        log_shift_prior: [G, 12] nats, log p(shift) in the order of ``shifts``.
        log_bar_prior: [G, metres, S] nats, log p(metre, pickup).
        trainable: [P] whether a piece may be trained on and enters cv_loss (literal: pieces in one key).
        sequences: The pieces in their frames.
    """

    def __init__(self, melodies: Melodies, options: MelodyOptions, known: MelodyVocabulary | None = None) -> None:
        """Encode a corpus.

        Args:
            melodies: The pieces with their folds.
            options: How they become tokens.
            known: What a trained model learnt, with its floor, of as many folds; None to learn it from the pieces.
        """
        self.options = options
        self.melodies = melodies
        self._notes = _read(melodies, options)
        self._fold = melodies.fold.astype(np.int64)
        self._fold_of_note = self._fold[self._notes.piece]
        shift = self._own_shift()
        self._known = known
        self.keys = self._vocabulary(shift) if known is None else self._known_keys(known)
        self.eps, self.log_p0 = self._floor(shift) if known is None else self._known_floor(known)
        self.log_shift_prior = self._shift_prior()
        self.log_bar_prior = self._bar_prior()
        self.trainable: NDArray[np.bool_] = (
            melodies.one_key
            if options.reading == "literal" and options.transpose
            else np.ones(melodies.num_pieces, dtype=np.bool_)
        )
        self.sequences = self._sequences(shift)
        self.seen, self.seen_position = self._seen() if known is None else self._known_seen(known)

    @property
    def num_folds(self) -> int:
        """Number of folds G."""
        return self.melodies.num_folds

    @property
    def scorer(self) -> NDArray[np.int64]:
        """[P] the fold whose floor and priors a piece is charged by; the last for those that no fold holds out."""
        return np.minimum(self._fold, self.num_folds - 1)

    @property
    def num_tokens(self) -> int:
        """Number of tokens V of all folds together."""
        return len(self.keys)

    @property
    def num_durations(self) -> int:
        """Number of durations D."""
        return len(self.melodies.durations)

    @property
    def num_positions(self) -> int:
        """Number of bar positions S."""
        return len(self.melodies.positions)

    @property
    def num_events(self) -> int:
        """Number of events E."""
        return num_events(self.num_durations)

    @property
    def shifts(self) -> range:
        """The 12 shifts that a piece's frame can have."""
        return range(-11, 1) if self.options.reading == "literal" else range(-5, 7)

    @cached_property
    def vocabulary(self) -> MelodyVocabulary:
        """What a trained model needs to read and write notes without the corpus."""
        if self._known is not None:
            return self._known
        melodies = self.melodies
        return MelodyVocabulary(
            token_pitch=self.token_pitch,
            token_duration=self.token_duration,
            token_position=self.token_position,
            durations=melodies.durations,
            positions=melodies.positions,
            metres=melodies.metres,
            seen=self.seen,
            seen_position=self.seen_position,
            bar_counts=self._bar_counts(),
            tonic_counts=self._tonic_counts(),
            looks_back=any_look_back(melodies.votes),
            token_fifths=self._unpack(self.keys)[1],
            floor=self._common_floor(),
        )

    @cached_property
    def token_pitch(self) -> NDArray[np.int64]:
        """[V] each token's pitch, REST_PITCH for a rest."""
        return self._unpack(self.keys)[0]

    @cached_property
    def token_duration(self) -> NDArray[np.int64]:
        """[V] each token's duration, an index into the corpus's durations."""
        return self._unpack(self.keys)[2]

    @cached_property
    def token_position(self) -> NDArray[np.int64]:
        """[V] each token's bar position, 0 unless beat = target."""
        return self._unpack(self.keys)[3]

    @cached_property
    def token_event(self) -> NDArray[np.int64]:
        """[V] the event that each token carries."""
        return self.token_pitch * self.num_durations + self.token_duration

    @cached_property
    def event_tokens(self) -> NDArray[np.int32]:
        """[E, K] the tokens that carry each event, padded with UNKNOWN; K is the most that one event has."""
        order = np.argsort(self.token_event, kind="stable")
        events = self.token_event[order]
        first = np.searchsorted(events, events, side="left")
        rank = np.arange(len(events)) - first
        table = np.full((self.num_events, int(rank.max(initial=0)) + 1), UNKNOWN, dtype=np.int32)
        table[events, rank] = order
        return table

    @cached_property
    def augmented(self) -> NDArray[np.int32]:
        """[2 * augment, V] each token shifted by -augment..augment-1; UNKNOWN where no piece's shift leads."""
        pitch, fifths, duration, position = self._unpack(self.keys)
        shifts = range(-self.options.augment, self.options.augment)
        return np.stack([self._lookup(self._pack(_moved(pitch, k), fifths, duration, position)) for k in shifts])

    def at_shift(self, shift: int) -> Sequences:
        """Put every piece into the frame that lies ``shift`` semitones above the original key, charged as such."""
        return self._sequences(np.full(self.melodies.num_pieces, shift, dtype=np.int64))

    def decode(
        self, tokens: Sequence[int] | NDArray[np.integer], shift: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Read tokens back.

        Args:
            tokens: [n] tokens of a piece in its frame.
            shift: The frame's semitones above the original key.

        Returns:
            Three arrays [n]: MIDI pitch in the original key or REST, duration index, bar position index (0 unless
            beat = target).
        """
        index = np.asarray(tokens, dtype=np.int64)
        pitch = _moved(self.token_pitch[index], -shift)
        return np.where(pitch == REST_PITCH, REST, pitch), self.token_duration[index], self.token_position[index]

    def _own_shift(self) -> NDArray[np.int64]:
        tonic = self.melodies.tonic.astype(np.int64)
        return shift_to_c(tonic, self.options.reading) if self.options.transpose else np.zeros_like(tonic)

    def _pack(
        self,
        pitch: NDArray[np.int64],
        fifths: NDArray[np.int64],
        duration: NDArray[np.int64],
        position: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        spelled = pitch * _NUM_FIFTHS + (fifths - _FIFTHS_LOW)
        return (spelled * self.num_durations + duration) * self.num_positions + position

    def _unpack(self, keys: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
        rest, position = np.divmod(keys, self.num_positions)
        rest, duration = np.divmod(rest, self.num_durations)
        pitch, fifths = np.divmod(rest, _NUM_FIFTHS)
        return pitch, fifths + _FIFTHS_LOW, duration, position

    def _note_keys(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """[M] the key of every kept note when each piece is shifted by its own number of semitones."""
        notes = self._notes
        position = notes.position if self.options.beat == "target" else np.zeros_like(notes.position)
        pitch = _moved(notes.pitch, shift[notes.piece])
        return self._pack(pitch, self._spelled(shift), notes.duration, position)[notes.kept]

    def _spelled(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N] each note's place on the line of fifths in its piece's frame; 0 where the reading does not spell."""
        notes = self._notes
        if self.options.reading != "literal":
            return notes.fifths
        return notes.fifths - _TONIC_FIFTHS[-shift % NUM_TONICS][notes.piece]

    def _events(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """[N] the event of every note, left out or not, when each piece is shifted by its own number of semitones."""
        return _moved(self._notes.pitch, shift[self._notes.piece]) * self.num_durations + self._notes.duration

    def _vocabulary(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        trained = (self._fold_of_note[self._notes.kept] == self.num_folds) | (self.num_folds > 1)
        keys = np.unique(self._note_keys(shift)[trained])
        if not self.options.augment:
            return keys
        pitch, fifths, duration, position = self._unpack(keys)
        shifts = range(-self.options.augment, self.options.augment)
        return np.unique([self._pack(_moved(pitch, k), fifths, duration, position) for k in shifts])

    def _lookup(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        index = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[index] == keys, index, UNKNOWN).astype(np.int32)

    def _training_counts(self, index: NDArray[np.int64], size: int, fold: NDArray[np.int64]) -> NDArray[np.int64]:
        """[G, size] how often each fold's training pieces hold each index."""
        count = np.bincount(fold * size + index, minlength=(self.num_folds + 1) * size)
        held_out = count.reshape(self.num_folds + 1, size)  # the last row: held out by none
        return held_out.sum(axis=0) - held_out[:-1]

    def _common_counts(self, index: NDArray[np.int64], size: int, fold: NDArray[np.int64]) -> NDArray[np.int64]:
        """[size] how often the pieces that any fold trains on hold each index."""
        return np.bincount(index[(fold == self.num_folds) | (self.num_folds > 1)], minlength=size)

    def _floor(self, shift: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        counts, eps = self._event_counts(shift, self._training_counts)
        return eps, np.log(base_distribution(counts, self.num_durations))

    def _event_counts(
        self, shift: NDArray[np.int64], count: Callable[..., NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how often training pieces hold each event, [..., E], and the share of the floor, [...]."""
        event, kept = self._events(shift), self._notes.kept
        counts = count(event, self.num_events, self._fold_of_note)
        kept_counts = count(event[kept], self.num_events, self._fold_of_note[kept])
        # Notes that the reading leaves out are carried by no token, as new events are not.
        uncarried = (kept_counts == 1).sum(axis=-1) + (counts - kept_counts).sum(axis=-1)
        return counts, unseen_share(uncarried, counts.sum(axis=-1))

    def _common_floor(self) -> Floor:
        counts, eps = self._event_counts(self.sequences.shift, self._common_counts)
        return Floor(float(eps), *marginals(counts, self.num_durations))

    def _known_keys(self, known: MelodyVocabulary) -> NDArray[np.int64]:
        assert known.token_fifths is not None
        return self._pack(known.token_pitch, known.token_fifths, known.token_duration, known.token_position)

    def _known_floor(self, known: MelodyVocabulary) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        assert known.floor is not None
        log_p0 = known.floor.log_p0(self.num_durations)
        return np.full(self.num_folds, known.floor.eps), np.tile(log_p0, (self.num_folds, 1))

    def _known_seen(self, known: MelodyVocabulary) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        new_positions = self.num_positions - len(known.positions)
        return known.seen, np.pad(known.seen_position, ((0, 0), (0, new_positions)))

    def _tonic_counts(self) -> NDArray[np.int64]:
        """[G, 12] how often each fold's training pieces have each tonic."""
        if self._known is not None:
            return self._known.tonic_counts
        return self._training_counts(self.melodies.tonic.astype(np.int64), NUM_TONICS, self._fold)

    def _shift_prior(self) -> NDArray[np.float64]:
        # Every tonic is shifted to C.
        return self._of_one_model(_log_add_one(self._tonic_counts())[:, -np.array(self.shifts) % NUM_TONICS])

    def _of_one_model(self, log_p: NDArray[np.float64]) -> NDArray[np.float64]:
        """[G, ...] the folds' probabilities as they are, or of a trained model in every row their mean."""
        if self._known is None:
            return log_p
        return np.broadcast_to(np.log(np.exp(log_p).mean(axis=0)), log_p.shape)

    def _bar_counts(self) -> NDArray[np.int64]:
        """[G, metres, S] how often each fold's training pieces have each metre and pickup."""
        melodies, num_positions = self.melodies, self.num_positions
        if self._known is not None:
            known = self._known.bar_counts
            return np.pad(
                known, ((0, 0), (0, len(melodies.metres) - known.shape[1]), (0, num_positions - known.shape[2]))
            )
        size = len(melodies.metres) * num_positions
        bar = melodies.metre.astype(np.int64) * num_positions + melodies.pickup
        counts = self._training_counts(bar, size, self._fold)
        return counts.reshape(self.num_folds, -1, num_positions)

    def _bar_prior(self) -> NDArray[np.float64]:
        counts = self._bar_counts()
        total = np.clip(counts.sum(axis=(1, 2), keepdims=True), 1, None)
        new = np.clip((counts == 1).sum(axis=(1, 2), keepdims=True), 1, None) / (total + 1)
        return self._of_one_model(np.log((1 - new) * counts / total + new / counts[0].size))

    def _header_cost(self, shift: NDArray[np.int64]) -> NDArray[np.float64]:
        melodies = self.melodies
        cost = np.zeros(melodies.num_pieces)
        if self.options.transpose:
            cost -= self.log_shift_prior[self.scorer, shift - self.shifts.start]
        if self.options.beat != "off" or self.options.bars:
            cost -= self.log_bar_prior[self.scorer, melodies.metre, melodies.pickup]
        return cost

    def _sequences(self, shift: NDArray[np.int64]) -> Sequences:
        notes, kept = self._notes, self._notes.kept
        event = self._events(shift)
        piece = notes.piece[kept]
        start = np.zeros(self.melodies.num_pieces + 1, dtype=np.int64)
        np.cumsum(np.bincount(piece, minlength=self.melodies.num_pieces), out=start[1:])
        left_out = ~kept
        scorer = self.scorer[notes.piece[left_out]]
        floor = np.log(self.eps)[scorer] + self.log_p0[scorer, event[left_out]]
        return Sequences(
            token=self._lookup(self._note_keys(shift)),
            event=event[kept].astype(np.int32),
            position=notes.position[kept].astype(np.int16),
            log_variants=self._log_variants[event[kept] // self.num_durations],
            start=start,
            shift=shift,
            header_cost=self._header_cost(shift),
            dropped_cost=np.bincount(notes.piece[left_out], weights=-floor, minlength=self.melodies.num_pieces).astype(
                np.float64
            ),
        )

    @cached_property
    def _log_variants(self) -> NDArray[np.float64]:
        """[129] log of the number of tokens that an event of each pitch can have: its spellings times the positions."""
        pitch, fifths, _, _ = self._unpack(self.keys)
        spelled = np.unique(pitch * _NUM_FIFTHS + (fifths - _FIFTHS_LOW))
        spellings = np.bincount(spelled // _NUM_FIFTHS, minlength=NUM_GRID_PITCHES)
        positions = self.num_positions if self.options.beat == "target" else 1
        return np.log(np.clip(spellings, 1, None) * positions)

    def _seen(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        sequences = self.sequences
        trainable = np.repeat(self.trainable, np.diff(sequences.start))
        fold = self._fold_of_note[self._notes.kept][trainable]
        token = sequences.token[trainable].astype(np.int64)
        known = token != UNKNOWN
        seen = self._training_counts(token[known], self.num_tokens, fold[known]) > 0
        position = sequences.position[trainable].astype(np.int64)
        seen_position = self._training_counts(position, self.num_positions, fold) > 0
        if self.options.vocabulary == "corpus":
            return np.ones_like(seen), np.ones_like(seen_position)
        if self.options.augment:
            original = seen
            seen = np.zeros_like(original)
            for row in self.augmented:
                for fold_seen, fold_original in zip(seen, original, strict=True):
                    fold_seen[row[fold_original]] = True
        return seen, seen_position


def _read(melodies: Melodies, options: MelodyOptions) -> _Notes:
    """Take the notes out of the melodies, spelled and thinned as the reading has it."""
    pitch = grid_pitch(melodies.pitch)
    piece = melodies.piece_of_note
    literal = options.reading == "literal"
    return _Notes(
        pitch=pitch,
        fifths=_fifths(melodies, pitch) if literal else np.zeros_like(pitch),
        duration=melodies.duration.astype(np.int64),
        position=melodies.position.astype(np.int64),
        piece=piece,
        kept=(pitch != REST_PITCH) & ~melodies.in_chord if literal else np.ones(len(pitch), dtype=np.bool_),
    )


def _fifths(melodies: Melodies, pitch: NDArray[np.int64]) -> NDArray[np.int64]:
    """[N] each note's place on the line of fifths, from its letter and pitch; 0 for rests."""
    letters = [name[:1] if name[:1] in _NATURALS else "C" for name in melodies.spellings]
    place, natural = np.array([_NATURALS[letter] for letter in letters], dtype=np.int64).T
    sharps = (pitch - natural[melodies.spelling] + 6) % NUM_TONICS - 6
    return np.where(pitch == REST_PITCH, 0, place[melodies.spelling] + 7 * sharps)


def _moved(pitch: NDArray[np.int64], shift: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Shift pitches within 0..127, wrapping so that a shift is a bijection; rests stay."""
    return np.where(pitch == REST_PITCH, pitch, (pitch + shift) % NUM_PITCHES)


def _log_add_one(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Smooth each row of counts by one and give log probabilities."""
    return np.log((counts + 1) / (counts + 1).sum(axis=-1, keepdims=True))
