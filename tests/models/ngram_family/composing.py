"""Tunes from a trained n-gram."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np

from data_prep.errors import BadInputError
from data_prep.pitches import REST
from data_prep.randomness import stream
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Tune
from models.uses.request import SamplingRequest
from tests.models.ngram_family.model import Event, NgramModel


class NgramComposer:
    """Samples note by note from the events of the training pieces; see ``models.uses.offers.ComposingModel``."""

    def __init__(self, trained: Path) -> None:
        """Load a trained model."""
        self._model = NgramModel.load(trained)

    def remarks(self, request: SamplingRequest) -> Sequence[str]:
        """Return a line for each part of a request that an n-gram ignores."""
        unknown = ("key", "form", "prompt")
        return [f"an n-gram ignores a {name}" for name in unknown if getattr(request, name) is not None]

    def compose(self, request: SamplingRequest, *, count: int = 1, seed: int = 1) -> list[Tune]:
        """Compose tunes."""
        return [self._tune(request, stream(seed, "composing", trial=number)) for number in range(count)]

    def _tune(self, request: SamplingRequest, random: np.random.Generator) -> Tune:
        metre = request.asked_metre or (4, 4)
        left = Fraction(4 * metre[0], metre[1]) * request.bars
        low, high = request.pitch_range
        tune: list[Event] = []
        while left > 0:
            following = self._model.following(tune) or self._model.following([])
            allowed = [event for event in following if event[0] == REST or low <= event[0] <= high]
            if not allowed:
                raise BadInputError(
                    "an n-gram must know a note in the range", f"got {low} to {high}", remedy="ask for a wider range"
                )
            pitch, duration = allowed[_sampled([following[event] for event in allowed], request.temperature, random)]
            tune.append((pitch, min(duration, left)))
            left -= tune[-1][1]
        pitches, durations = zip(*tune, strict=True)
        fifths, mode = estimate_key(pitches, durations)
        return Tune(pitches, durations, metre=metre, fifths=fifths, mode=mode)


def _sampled(p: Sequence[float], temperature: float, random: np.random.Generator) -> int:
    """Sample an index by its probability; at temperature 0 return that of the highest probability."""
    if temperature == 0:
        return int(np.argmax(p))
    weight = np.power(np.array(p) / max(p), 1 / temperature)
    return int(random.choice(len(p), p=weight / weight.sum()))
