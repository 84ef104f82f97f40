"""The composer's task: windows of an encoded corpus for training, and entire held-out pieces for scoring.

Symbols: G folds, T steps, B sequences, M kept notes, J experts, F rows of upper voices.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_prep.encodings.tokens import UNKNOWN, MelodyEncoding, MelodyOptions, Sequences
from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.encodings.windows import Batch, WindowPlan, whole_pieces
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import hears_any
from data_prep.randomness import fold_streams
from models.composer.copy_gate import NUM_EXPERTS, Copies, gate_features, mixed
from models.composer.model import ComposerModel
from models.composer.near_misses import NearMisses
from models.composer.objective import SCORED, score
from models.composer.spec import ComposerSpec
from models.composer.upper_voices import upper_rows
from models.folded.dropout import DropoutStreams
from models.folded.torch_typing import tensor
from models.metrics import FoldValues
from models.training.loop import StepLoss

_SCORED_NOTES = 4096
"""Most notes of a fold in one batch of held-out pieces, including padding: full speed with little memory."""


class ComposerTask:
    """One trial's model with its data, for ``models.training.loop``."""

    def __init__(
        self,
        spec: ComposerSpec,
        melodies: Melodies,
        *,
        seed: int,
        trial: int,
        device: str,
        folds: range | None = None,
        known: MelodyVocabulary | None = None,
    ) -> None:
        """Encode the corpus and draw the initial weights.

        Args:
            spec: The settings.
            melodies: The pieces with their folds.
            seed: The search's seed.
            trial: The trial's number.
            device: The model's device.
            folds: The folds whose networks are trained and scored, with the same numbers as among all; None for all.
            known: The vocabulary of a trained model, for a task that only scores; see ``MelodyEncoding``.
        """
        self.spec = spec
        self.encoding = MelodyEncoding(melodies, melody_options(spec), known)
        self._folds = folds or range(self.encoding.num_folds)
        self.model = ComposerModel(spec, self.encoding.vocabulary, seed=seed, trial=trial, folds=self._folds).to(device)
        if known is None:
            self._check_folds()
            self._check_voices()
        self._seed, self._trial, self._device = seed, trial, device
        self._plan = WindowPlan(
            num_notes=np.diff(self.encoding.sequences.start),
            fold=np.where(self.encoding.trainable, melodies.fold, -1).astype(np.int64),
            num_folds=melodies.num_folds,
            length=spec.length,
            batch_size=spec.batch_size,
            windows_per_epoch=spec.windows_per_epoch,
        )
        # All bar positions that a fold has not seen share the last row.
        positions = np.arange(self.encoding.num_positions)
        unseen = len(self.encoding.vocabulary.positions)
        self._position_row = np.where(self.encoding.seen_position, positions, unseen)
        self._near_misses = None
        if spec.near_miss and known is None:
            self._near_misses = NearMisses(self.encoding.vocabulary.of(self._folds), device)
        self._copies_of_notes = self._gathered_copies() if spec.copies != "off" else None

    def _gathered_copies(self) -> Copies:
        """Return the experts' predictions of all notes, [N, ...]; a reading with copies keeps all notes."""
        melodies = self.encoding.melodies
        votes = melodies.votes[:, : NUM_EXPERTS[self.spec.copies]]
        index = np.arange(melodies.num_notes) - melodies.start[melodies.piece_of_note]
        return Copies(
            features=tensor(gate_features(votes, melodies.bar, index), self._device),
            present=tensor(votes["length"] >= 0, self._device),
            hits=tensor(votes["hits"] / np.maximum(votes["votes"], 1), self._device),
        )

    def copies(self, index: NDArray[np.int64]) -> Copies | None:
        """Return the experts' predictions of the notes with row numbers [G, T, B]; None without experts."""
        if self._copies_of_notes is None:
            return None
        rows, dtype = self._tensor(index), next(self.model.parameters()).dtype
        copies = self._copies_of_notes
        return Copies(copies.features[rows].to(dtype), copies.present[rows], copies.hits[rows].to(dtype))

    def _check_folds(self) -> None:
        encoding = self.encoding
        if not self.holds_out:
            return
        for fold in self._folds:
            scored = encoding.trainable & (encoding.melodies.fold == fold) & (np.diff(encoding.sequences.start) > 1)
            if not scored.any():
                options = encoding.options
                raise BadInputError(
                    "every fold needs a piece of two notes (in one key, for reading = literal with transpose = true)",
                    f"fold {fold} of {encoding.melodies.corpus} has none with reading = {options.reading}, "
                    f"transpose = {str(options.transpose).lower()}",
                    remedy="use reading = sounding or a larger corpus",
                )

    def _check_voices(self) -> None:
        melodies = self.encoding.melodies
        if self.spec.conditioning == "upper_voices" and not hears_any(melodies.upper):
            raise BadInputError(
                "conditioning = upper_voices needs scores with several voices",
                f"{melodies.corpus} has none with a voice above another in the same metre",
                remedy="set conditioning = off, or use a corpus such as chorales",
            )

    @property
    def num_folds(self) -> int:
        """Number of folds G that are trained."""
        return len(self._folds)

    @property
    def holds_out(self) -> bool:
        """Whether any piece is held out; False for a model that is trained on all pieces."""
        return bool((self.encoding.melodies.fold < self.encoding.num_folds).any())

    def num_steps(self, epoch: int) -> int:
        """Return the number of steps in an epoch, the same for all epochs."""
        del epoch
        return self._plan.num_steps

    @property
    def metric_names(self) -> tuple[str, ...]:
        """Names of the metrics that ``evaluate`` returns."""
        return tuple(metric.name for metric in SCORED)

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """The tokens, and those that each fold knows."""
        return self.encoding.vocabulary.as_json()

    def losses(self, epoch: int) -> Iterator[StepLoss]:
        """Yield the loss of each step of an epoch; the model is updated after each."""
        names: Any = {"folds": self._folds, "trial": self._trial, "epoch": epoch}
        dropout = DropoutStreams(self._seed, "dropout", **names)
        transpositions = fold_streams(self._seed, "augmentation", **names)
        sequences = self.encoding.sequences
        for all_folds in self._plan.epoch(self._seed, trial=self._trial, epoch=epoch):
            batch, rows, inside = self._own(all_folds, sequences)
            moved = None
            if self.spec.augment:
                moved = np.empty(batch.piece.shape, dtype=np.int64)
                for fold_moved, source in zip(moved, transpositions, strict=True):
                    fold_moved[:] = source.integers(2 * self.spec.augment, size=len(fold_moved))
            tokens, positions, targets, valid = self._inputs(sequences, batch, rows, inside, moved)
            copies, upper = self.copies(rows), self._upper(sequences, batch, rows, moved)
            notes = valid.sum((1, 2))
            share = valid / notes.clamp_min(1.0)[:, None, None] if self.spec.loss == "mean" else valid
            loss, nats = self.model.losses(tokens, positions, targets, share, dropout, copies, self._near_misses, upper)
            yield StepLoss(loss=loss, total=nats * notes if self.spec.loss == "mean" else nats, count=notes)

    def evaluate(self, epoch: int) -> dict[str, FoldValues]:
        """Score the held-out pieces of every fold."""
        dropout = None
        if self.spec.dropout_at_validation:
            dropout = DropoutStreams(
                self._seed, "dropout at validation", folds=self._folds, trial=self._trial, epoch=epoch
            )
        return score(self.encoding, *self.note_log_probabilities(self.encoding.sequences, dropout), self._folds)

    def frames(self) -> Iterator[Sequences]:
        """Yield the pieces in each frame in which they are scored: the original key, or every shift with transpose."""
        encoding = self.encoding
        if not encoding.options.transpose:
            yield encoding.sequences
            return
        for shift in encoding.shifts:
            yield encoding.at_shift(shift)

    def note_log_probabilities(
        self, sequences: Sequences, dropout: DropoutStreams | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Run every piece from a zero state through the model of the fold that holds it out.

        Args:
            sequences: The pieces in their frames.
            dropout: The streams of masks; None for no dropout.

        Returns:
            [M] log of the summed probability of the tokens of the note's event, and [M] log probability of the note's
            own token (nats), 0 if no fold holds the piece out.
        """
        log_marginal, log_joint = np.zeros((2, len(sequences.token)))
        for rows, inside, predicted, log_gate, copies in self._predicted(sequences, dropout):
            mixture = predicted
            if copies is not None and log_gate is not None:
                # Experts vote for events; with the beat in tokens the past determines the token of an event.
                mixture = [mixed(log_p, log_gate, copies.hits) for log_p in predicted]
            log_marginal[rows[inside]], log_joint[rows[inside]] = (log_p.cpu().numpy()[inside] for log_p in mixture)
        return log_marginal, log_joint

    def gates(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the network's own predictions and the gates of a model that copies, on the held-out pieces.

        Returns:
            [M] log probability of each note's event under the network alone (nats), and [M, 1 + J] the gates; 0 if no
            fold holds the piece out.
        """
        sequences = self.encoding.sequences
        alone = np.zeros(len(sequences.token))
        gate = np.zeros((len(alone), 1 + NUM_EXPERTS[self.spec.copies]))
        for rows, inside, of_network, log_gate, _ in self._predicted(sequences, None):
            assert log_gate is not None
            alone[rows[inside]] = of_network[0].cpu().numpy()[inside]
            gate[rows[inside]] = log_gate.exp().cpu().numpy()[inside]
        return alone, gate

    def _predicted(
        self, sequences: Sequences, dropout: DropoutStreams | None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.bool_], list[Tensor], Tensor | None, Copies | None]]:
        """Yield for each batch of held-out pieces: rows, whether each is a note, log p, log gates, and the copies.

        Log p is the list of the marginal and the joint one.
        """
        carriers = self.encoding.event_tokens
        fold = self.encoding.melodies.fold
        for all_folds in whole_pieces(np.diff(sequences.start), fold, self.encoding.num_folds, _SCORED_NOTES):
            batch, rows, inside = self._own(all_folds, sequences)
            tokens, positions, _, _ = self._inputs(sequences, batch, rows, inside, None)
            own = sequences.token[rows][..., None]
            asked = carriers[sequences.event[rows]]
            # With one token per event, that is the note's own token.
            asked = self._tensor(asked if carriers.shape[1] == 1 else np.concatenate([asked, own], axis=-1))
            copies, upper = self.copies(rows), self._upper(sequences, batch, rows, None)
            log_p, log_gate = self.model.log_probabilities(tokens, positions, asked, dropout, copies, upper)
            marginal = torch.logsumexp(log_p[..., : carriers.shape[1]], dim=-1)
            yield rows, inside, [marginal, log_p[..., -1]], log_gate, copies

    def _own(self, batch: Batch, sequences: Sequences) -> tuple[Batch, NDArray[np.int64], NDArray[np.bool_]]:
        """Return the part of a batch of all folds that is trained, its rows, and whether each is a note.

        It is padded as among all folds, so that the same random numbers are drawn.
        """
        rows, inside = batch.rows(sequences.start)
        part = slice(self._folds.start, self._folds.stop)
        return Batch(batch.piece[part], batch.first[part], batch.length[part]), rows[part], inside[part]

    def _inputs(
        self,
        sequences: Sequences,
        batch: Batch,
        index: NDArray[np.int64],
        inside: NDArray[np.bool_],
        moved: NDArray[np.int64] | None,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return input tokens, bar positions, targets and validity (1.0 or 0.0) of a batch's rows, [G, T, B] each."""
        target = sequences.token[index].astype(np.int64)
        past = sequences.token[np.maximum(index - 1, 0)].astype(np.int64)
        if moved is not None:
            table = self.encoding.augmented
            target, past = table[moved[:, None], target].astype(np.int64), table[moved[:, None], past].astype(np.int64)
        at_start = np.zeros_like(inside)
        at_start[:, 0] = batch.first == 0
        tokens = np.where(at_start, self.model.begin, np.where(past == UNKNOWN, self.model.unknown, past))
        fold = np.array(self._folds)[:, None, None]
        positions = self._position_row[fold, sequences.position[index]]
        valid = tensor(inside, self._device, next(self.model.parameters()).dtype)
        return self._tensor(tokens), self._tensor(positions), self._tensor(np.maximum(target, 0)), valid

    def _upper(
        self, sequences: Sequences, batch: Batch, index: NDArray[np.int64], moved: NDArray[np.int64] | None
    ) -> Tensor | None:
        """Return [G, T, B, F] what the notes of a batch hear; None for a model that hears no other voice."""
        if self.spec.conditioning == "off":
            return None
        shift = sequences.shift[batch.piece]
        if moved is not None:
            shift = shift + moved - self.spec.augment
        return self._tensor(upper_rows(self.encoding.melodies.upper[index], shift[:, None]))

    def _tensor(self, array: NDArray[np.integer]) -> Tensor:
        return tensor(array.astype(np.int64), self._device)


def melody_options(spec: ComposerSpec) -> MelodyOptions:
    """Return the encoding's options in the settings."""
    return MelodyOptions(
        beat=spec.beat,
        transpose=spec.transpose,
        reading=spec.reading,
        vocabulary=spec.vocabulary,
        augment=spec.augment,
        bars=spec.copies == "match+bars" or spec.conditioning == "upper_voices",
    )
