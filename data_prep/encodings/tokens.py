"""Encode melodies as sequences of tokens, with everything else that the comparable objective needs.

Symbols: P pieces, M notes that the reading keeps (of all pieces together), V tokens (of all folds together), D distinct
durations, E = 129 * D events, S bar positions, G folds.
An event is (pitch, duration), REST included, numbered as in ``melodies.events``. A token is an event with its spelling
(literal reading) and its bar position (beat = target). The frame of a piece is the key to which it is shifted. The
header of a piece is the shift, and the metre and pickup if they are used; the objective charges it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.melody_notes import MelodyNotes, moved
from data_prep.encodings.token_keys import TokenKeys
from data_prep.encodings.training_counts import HeaderCounts, common_counts, fold_counts, trained_on
from data_prep.encodings.vocabulary import Floor, MelodyVocabulary, shift_to_c
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.events import REST_PITCH, base_distribution, marginals, num_events, unseen_share
from data_prep.melodies.votes import any_look_back
from data_prep.pitches import REST

UNKNOWN = -1
"""Token of a note that is not in the vocabulary."""


@dataclass(frozen=True)
class MelodyOptions:
    """How pieces are encoded.

    Attributes:
        beat: Whether the bar position is unused, an input like the past notes, or part of the predicted token.
        transpose: Shift every piece to C by its key signature: nearest (-5..+6), or downward in the literal reading.
        reading: Tokens from sounding events, or from spelled names with rests and chords left out.
        vocabulary: Tokens that a fold knows: those of its training pieces, or of the entire corpus.
        augment: Train on pieces shifted by -augment..augment-1 semitones; 0 is off.
        bars: Whether metre and pickup are used with any value of ``beat``, by copy experts that look bars back or for
            the alignment with other voices.
    """

    beat: Literal["off", "input", "target"] = "off"
    transpose: bool = False
    reading: Literal["sounding", "literal"] = "sounding"
    vocabulary: Literal["training", "corpus"] = "training"
    augment: int = 0
    bars: bool = False


@dataclass(frozen=True)
class Sequences:
    """The pieces in their frames, as the model reads them.

    The kept notes of piece p are rows ``start[p]:start[p + 1]``.

    Attributes:
        token: [M] int32, the note's token or UNKNOWN.
        event: [M] int32, the note's event in the frame.
        position: [M] int16, the note's bar position, known from the header and the past durations.
        log_variants: [M] nats, log of the number of tokens among which the base p0 of the note's event is split.
        start: [P + 1] int64, offsets of the pieces.
        shift: [P] int64, semitones from the original key to the frame.
        header_cost: [P] nats, -log p(header) under the fold that holds the piece out.
        dropped_cost: [P] nats for the notes that the reading leaves out, each -log(eps * p0).
    """

    token: NDArray[np.int32]
    event: NDArray[np.int32]
    position: NDArray[np.int16]
    log_variants: NDArray[np.float64]
    start: NDArray[np.int64]
    shift: NDArray[np.int64]
    header_cost: NDArray[np.float64]
    dropped_cost: NDArray[np.float64]


class MelodyEncoding:
    """An encoded corpus: vocabulary, sequences, floors and headers of every fold.

    Vocabulary, floors and priors come from the training pieces of the corpus, or from a trained model. In the latter
    case the corpus uses the model's alphabets, extended by the members that they lack, and all of it is scored.

    Attributes:
        options: The options.
        melodies: The pieces.
        keys: [V] the vocabulary, ascending, as packed (pitch, fifths, duration, position).
        seen: [G, V] whether the token occurs in a fold's (augmented) training pieces; all True for vocabulary=corpus.
        seen_position: [G, S] whether a note at the bar position occurs in a fold's training pieces.
        eps: [G] share of the floor: Good-Turing estimate of the probability of an event that no known token carries.
        log_p0: [G, E] nats, distribution of the floor: add-one-smoothed marginals of pitch and duration.
        log_shift_prior: [G, 12] nats, log p(shift) in the order of ``shifts``.
        log_bar_prior: [G, metres, S] nats, log p(metre, pickup).
        trainable: [P] whether a piece may be trained on and enters cv_loss (literal: pieces in one key).
        sequences: The pieces in their frames.
    """

    def __init__(self, melodies: Melodies, options: MelodyOptions, known: MelodyVocabulary | None = None) -> None:
        """Encode a corpus.

        Args:
            melodies: The pieces with their folds.
            options: How they are encoded.
            known: Vocabulary of a trained model with the same number of folds; None to compute it from the pieces.
        """
        self.options = options
        self.melodies = melodies
        self._known = known
        self._layout = TokenKeys(len(melodies.durations), len(melodies.positions))
        self._notes = MelodyNotes.of(melodies, literal=options.reading == "literal")
        self._fold = melodies.fold.astype(np.int64)
        self._fold_of_note = self._fold[self._notes.piece]
        tonic = melodies.tonic.astype(np.int64)
        shift = shift_to_c(tonic, options.reading) if options.transpose else np.zeros_like(tonic)
        self.keys = self._vocabulary(shift)
        self.eps, self.log_p0 = self._floor(shift)
        self._headers = HeaderCounts.of(melodies) if known is None else HeaderCounts.known(known, melodies)
        self.log_shift_prior = self._of_one_model(self._headers.log_shift_prior(self.shifts))
        self.log_bar_prior = self._of_one_model(self._headers.log_bar_prior())
        self.trainable: NDArray[np.bool_] = (
            melodies.one_key
            if options.reading == "literal" and options.transpose
            else np.ones(melodies.num_pieces, dtype=np.bool_)
        )
        self.sequences = self._sequences(shift)
        self.seen, self.seen_position = self._seen()

    @property
    def num_folds(self) -> int:
        """Number of folds G."""
        return self.melodies.num_folds

    @property
    def scorer(self) -> NDArray[np.int64]:
        """[P] fold whose floor and priors are used for a piece; the last fold if none holds the piece out."""
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
        """The 12 possible shifts of a piece."""
        return range(-11, 1) if self.options.reading == "literal" else range(-5, 7)

    @cached_property
    def vocabulary(self) -> MelodyVocabulary:
        """The vocabulary of a trained model, which replaces the corpus."""
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
            bar_counts=self._headers.bars,
            tonic_counts=self._headers.tonics,
            looks_back=any_look_back(melodies.votes),
            token_fifths=self._layout.unpack(self.keys)[1],
            floor=self._common_floor(),
        )

    @cached_property
    def token_pitch(self) -> NDArray[np.int64]:
        """[V] pitch of each token, REST_PITCH for a rest."""
        return self._layout.unpack(self.keys)[0]

    @cached_property
    def token_duration(self) -> NDArray[np.int64]:
        """[V] duration of each token, an index into the durations of the corpus."""
        return self._layout.unpack(self.keys)[2]

    @cached_property
    def token_position(self) -> NDArray[np.int64]:
        """[V] bar position of each token, 0 unless beat = target."""
        return self._layout.unpack(self.keys)[3]

    @cached_property
    def token_event(self) -> NDArray[np.int64]:
        """[V] event of each token."""
        return self.token_pitch * self.num_durations + self.token_duration

    @cached_property
    def event_tokens(self) -> NDArray[np.int32]:
        """[E, K] tokens of each event, padded with UNKNOWN; K is the greatest number of tokens of an event."""
        order = np.argsort(self.token_event, kind="stable")
        events = self.token_event[order]
        first = np.searchsorted(events, events, side="left")
        rank = np.arange(len(events)) - first
        table = np.full((self.num_events, int(rank.max(initial=0)) + 1), UNKNOWN, dtype=np.int32)
        table[events, rank] = order
        return table

    @cached_property
    def augmented(self) -> NDArray[np.int32]:
        """[2 * augment, V] each token shifted by -augment..augment-1, UNKNOWN if that is not in the vocabulary."""
        return self._lookup(self._layout.shifted(self.keys, range(-self.options.augment, self.options.augment)))

    def at_shift(self, shift: int) -> Sequences:
        """Return the sequences with every piece in the frame ``shift`` semitones above its original key."""
        return self._sequences(np.full(self.melodies.num_pieces, shift, dtype=np.int64))

    def decode(
        self, tokens: Sequence[int] | NDArray[np.integer], shift: int = 0
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Decode tokens.

        Args:
            tokens: [n] tokens of a piece in its frame.
            shift: Semitones from the original key to the frame.

        Returns:
            Three arrays [n]: MIDI pitch in the original key or REST, duration index, bar position index (0 unless
            beat = target).
        """
        index = np.asarray(tokens, dtype=np.int64)
        pitch = moved(self.token_pitch[index], -shift)
        return np.where(pitch == REST_PITCH, REST, pitch), self.token_duration[index], self.token_position[index]

    def _note_keys(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return [M] the key of every kept note with each piece shifted by its number of semitones."""
        notes = self._notes
        position = notes.position if self.options.beat == "target" else np.zeros_like(notes.position)
        pitch, fifths = notes.pitch_at(shift), notes.fifths_at(shift)
        return self._layout.pack(pitch, fifths, notes.duration, position)[notes.kept]

    def _vocabulary(self, shift: NDArray[np.int64]) -> NDArray[np.int64]:
        known = self._known
        if known is not None:
            assert known.token_fifths is not None
            return self._layout.pack(known.token_pitch, known.token_fifths, known.token_duration, known.token_position)
        keys = np.unique(self._note_keys(shift)[trained_on(self._fold_of_note[self._notes.kept], self.num_folds)])
        if not self.options.augment:
            return keys
        return np.unique(self._layout.shifted(keys, range(-self.options.augment, self.options.augment)))

    def _lookup(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        index = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[index] == keys, index, UNKNOWN).astype(np.int32)

    def _floor(self, shift: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if self._known is not None:
            assert self._known.floor is not None
            log_p0 = self._known.floor.log_p0(self.num_durations)
            return np.full(self.num_folds, self._known.floor.eps), np.tile(log_p0, (self.num_folds, 1))
        counts, eps = self._event_counts(shift, fold_counts)
        return eps, np.log(base_distribution(counts, self.num_durations))

    def _event_counts(
        self, shift: NDArray[np.int64], count: Callable[..., NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return how often each event occurs in training pieces, [..., E], and the share of the floor, [...]."""
        event, kept = self._notes.event_at(shift, self.num_durations), self._notes.kept
        counts = count(event, self.num_events, self._fold_of_note, self.num_folds)
        kept_counts = count(event[kept], self.num_events, self._fold_of_note[kept], self.num_folds)
        # like new events, the notes that the reading leaves out have no token
        uncarried = (kept_counts == 1).sum(axis=-1) + (counts - kept_counts).sum(axis=-1)
        return counts, unseen_share(uncarried, counts.sum(axis=-1))

    def _common_floor(self) -> Floor:
        counts, eps = self._event_counts(self.sequences.shift, common_counts)
        return Floor(float(eps), *marginals(counts, self.num_durations))

    def _of_one_model(self, log_p: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return [G, ...] the log probabilities unchanged, or for a trained model the folds' mean in every row."""
        if self._known is None:
            return log_p
        return np.broadcast_to(np.log(np.exp(log_p).mean(axis=0)), log_p.shape)

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
        event = self._notes.event_at(shift, self.num_durations)
        start = np.zeros(self.melodies.num_pieces + 1, dtype=np.int64)
        np.cumsum(np.bincount(notes.piece[kept], minlength=self.melodies.num_pieces), out=start[1:])
        left_out = ~kept
        scorer = self.scorer[notes.piece[left_out]]
        cost = -(np.log(self.eps)[scorer] + self.log_p0[scorer, event[left_out]])
        dropped = np.bincount(notes.piece[left_out], weights=cost, minlength=self.melodies.num_pieces)
        return Sequences(
            token=self._lookup(self._note_keys(shift)),
            event=event[kept].astype(np.int32),
            position=notes.position[kept].astype(np.int16),
            log_variants=self._log_variants[event[kept] // self.num_durations],
            start=start,
            shift=shift,
            header_cost=self._header_cost(shift),
            dropped_cost=dropped.astype(np.float64),
        )

    @cached_property
    def _log_variants(self) -> NDArray[np.float64]:
        """[129] log of the number of possible tokens of an event of each pitch: spellings times positions."""
        spellings = self._layout.num_spellings(self.keys)
        positions = self.num_positions if self.options.beat == "target" else 1
        return np.log(np.clip(spellings, 1, None) * positions)

    def _seen(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        if self._known is not None:
            new_positions = self.num_positions - len(self._known.positions)
            return self._known.seen, np.pad(self._known.seen_position, ((0, 0), (0, new_positions)))
        sequences = self.sequences
        trainable = np.repeat(self.trainable, np.diff(sequences.start))
        fold = self._fold_of_note[self._notes.kept][trainable]
        token = sequences.token[trainable].astype(np.int64)
        known = token != UNKNOWN
        seen = fold_counts(token[known], self.num_tokens, fold[known], self.num_folds) > 0
        position = sequences.position[trainable].astype(np.int64)
        seen_position = fold_counts(position, self.num_positions, fold, self.num_folds) > 0
        if self.options.vocabulary == "corpus":
            return np.ones_like(seen), np.ones_like(seen_position)
        if self.options.augment:
            original = seen
            seen = np.zeros_like(original)
            for row in self.augmented:
                for fold_seen, fold_original in zip(seen, original, strict=True):
                    fold_seen[row[fold_original]] = True
        return seen, seen_position
