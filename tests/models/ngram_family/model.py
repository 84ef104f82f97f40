"""The model: counts of events after their contexts for every fold, and smoothed probabilities."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeAlias

import torch

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.events import num_events
from models.training.checkpoint import load_trained
from tests.models.ngram_family.spec import NgramSpec

Event: TypeAlias = tuple[int, Fraction]
"""A note: MIDI pitch or REST, and duration (quarter notes)."""

Context: TypeAlias = tuple[Event, ...]

_BEFORE: Event = (-2, Fraction(0))
"""Padding before the first note of a piece."""


class NgramModel:
    """Counts of one n-gram for each fold.

    Attributes:
        spec: The settings.
        durations: The known durations.
        counts: For each fold, counts of events by context.
    """

    def __init__(self, spec: NgramSpec, durations: Iterable[Fraction], num_folds: int) -> None:
        """Start without counts."""
        self.spec, self.durations = spec, set(durations)
        self.counts: list[dict[Context, Counter[Event]]] = [{} for _ in range(num_folds)]

    def context(self, past: Sequence[Event]) -> Context:
        """Return the last ``order - 1`` events of the past, padded at the beginning of a piece."""
        length = self.spec.order - 1
        padded = [_BEFORE] * length + list(past)
        return tuple(padded[len(padded) - length :])

    def count(self, fold: int, piece: Sequence[Event]) -> None:
        """Count a piece's n-grams for a fold."""
        for index, event in enumerate(piece):
            self.counts[fold].setdefault(self.context(piece[:index]), Counter())[event] += 1

    def probability(self, fold: int, past: Sequence[Event], event: Event) -> float:
        """Return an event's probability under a fold's n-gram; those of all events sum to 1 for any past."""
        size = num_events(len(self.durations | {event[1]}))
        seen = self.counts[fold].get(self.context(past))
        if seen is None:
            return 1 / size
        if self.spec.smoothing == "add":
            return (seen[event] + self.spec.added) / (seen.total() + self.spec.added * size)
        return self.spec.share * seen[event] / seen.total() + (1 - self.spec.share) / size

    def following(self, past: Sequence[Event]) -> dict[Event, float]:
        """Return the folds' mean probability of each event that followed the past in training."""
        seen = [counts.get(self.context(past), Counter[Event]()) for counts in self.counts]
        folds = range(len(self.counts))
        events = sorted(set[Event]().union(*seen))
        return {event: sum(self.probability(fold, past, event) for fold in folds) / len(folds) for event in events}

    def tensors(self) -> dict[str, torch.Tensor]:
        """Return the counts as tensors: a row for each n-gram of a fold, with three integers for each event."""
        rows = [
            [fold, number, *(part for pitch, time in (*context, event) for part in (pitch, *time.as_integer_ratio()))]
            for fold, counts in enumerate(self.counts)
            for context, seen in counts.items()
            for event, number in seen.items()
        ]
        return {"grams": torch.tensor(rows, dtype=torch.int64).reshape(len(rows), 2 + 3 * self.spec.order)}

    def take(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Load counts from tensors."""
        self.counts = [{} for _ in self.counts]
        rows: list[list[int]] = tensors["grams"].numpy().tolist()
        for fold, number, *values in rows:
            parts = [values[at : at + 3] for at in range(0, len(values), 3)]
            *context, event = ((pitch, Fraction(over, under)) for pitch, over, under in parts)
            self.counts[fold].setdefault(tuple(context), Counter())[event] = number

    @property
    def vocabulary(self) -> dict[str, Any]:
        """JSON data that a trained model needs in addition to its tensors."""
        return {"durations": sorted(map(str, self.durations)), "folds": len(self.counts)}

    @classmethod
    def load(cls, trained: Path) -> "NgramModel":
        """Read a trained model from its file; raise BadInputError if it is not an n-gram."""
        saved = load_trained(trained, "ngram")
        vocabulary = saved.extra["vocabulary"]
        model = cls(NgramSpec.from_stored(saved.spec), map(Fraction, vocabulary["durations"]), vocabulary["folds"])
        model.take(saved.training)
        return model


def pieces_of(data: Melodies) -> list[list[Event]]:
    """Return the notes and rests of each piece."""
    pitches: list[int] = data.pitch.tolist()
    numbers: list[int] = data.duration.tolist()
    notes = [(pitch, data.durations[number]) for pitch, number in zip(pitches, numbers, strict=True)]
    return [notes[begin:end] for begin, end in pairwise(data.start.tolist())]
