"""The training of one trial: all folds together, one report per epoch."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from data_prep.melodies.arrays import Melodies
from models.family import EpochReport
from models.metrics import NATS_PER_NOTE, FoldValues
from tests.models.ngram_family.model import Event, NgramModel, pieces_of
from tests.models.ngram_family.spec import NgramSpec


class NgramTraining:
    """Counts the pieces, an equal part of them in each epoch."""

    def __init__(self, spec: NgramSpec, data: Melodies) -> None:
        """Prepare the first epoch."""
        self._spec, self._pieces, self._held_out_by = spec, pieces_of(data), data.fold.tolist()
        self._model = NgramModel(spec, data.durations, data.num_folds)
        self._folds = range(data.num_folds)
        self._epoch = 0

    @property
    def num_parameters(self) -> int:
        """Number of distinct n-grams in the corpus."""
        grams = ((self._model.context(piece[:at]), piece[at]) for piece in self._pieces for at in range(len(piece)))
        return len(set(grams))

    def epochs(self) -> Iterator[EpochReport]:
        """Train from the last finished epoch up to the full budget."""
        while self._epoch < self._spec.epochs:
            began = time.perf_counter()
            for number in range(self._epoch, len(self._pieces), self._spec.epochs):
                for fold in self._folds:
                    if self._held_out_by[number] != fold:
                        self._model.count(fold, self._pieces[number])
            self._epoch += 1
            yield EpochReport(self._epoch, self._evaluate(), time.perf_counter() - began)

    def _evaluate(self) -> dict[str, FoldValues]:
        """Score the pieces that each fold holds out; a refit holds none out."""
        scores = [
            [
                nats_per_note(self._model, piece, [fold])
                for piece, held_out_by in zip(self._pieces, self._held_out_by, strict=True)
                if held_out_by == fold
            ]
            for fold in self._folds
        ]
        if not all(scores):
            return {}
        return {NATS_PER_NOTE.name: FoldValues(tuple(math.fsum(values) / len(values) for values in scores))}

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to resume: tensors, numbers and strings."""
        return {"epoch": self._epoch, **self._model.tensors()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state."""
        self._epoch = state["epoch"]
        self._model.take(state)

    def weights(self) -> Mapping[str, Any]:
        """Return the tensors of the trained model."""
        return self._model.tensors()

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """JSON data that a trained model needs in addition to its tensors."""
        return self._model.vocabulary


def nats_per_note(model: NgramModel, piece: Sequence[Event], folds: Sequence[int]) -> float:
    """Return the piece's mean of -log of each note's mean probability under some folds."""
    nats = [
        -math.log(sum(model.probability(fold, piece[:at], event) for fold in folds) / len(folds))
        for at, event in enumerate(piece)
    ]
    return math.fsum(nats) / len(nats)
