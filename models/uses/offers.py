"""Protocols of what a family's models can do: compose, perform, memorise. A family with the methods implements one.

A command gets the families that implement a protocol from ``models.families.offering``.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from data_prep.tunes.notation import Tune
from models.experiments import Experiment, GridExperiment
from models.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_prep.performances.arrays import Performance
    from data_prep.progress import Progress
    from data_prep.tunes.lessons import Lesson
    from models.family import Training
    from models.uses.request import SamplingRequest
    from models.uses.styles import Mix


@runtime_checkable
class JoiningFamily(Protocol):
    """A family whose trials can begin with some of the folds."""

    def start_folds(
        self, spec: Any, data: Any, *, seed: int, trial: int, device: str, first: int, until: int
    ) -> "Training":
        """Build the training of a trial that begins with its first folds.

        Args:
            spec: The settings.
            data: The prepared data.
            seed: The search's seed.
            trial: The trial's number.
            device: The device.
            first: Number of folds that are trained first, fewer than there are.
            until: The epoch after which the others join.

        Returns:
            The training: every fold gets the numbers that it would have among all from the start, up to rounding.
        """
        ...


class ComposingModel(Protocol):
    """A trained model that composes tunes."""

    def remarks(self, request: "SamplingRequest") -> Sequence[str]:
        """Return one line for each part of a request that the training data did not contain."""
        ...

    def compose(self, request: "SamplingRequest", *, count: int = 1, seed: int = 1) -> list[Tune]:
        """Compose tunes.

        Args:
            request: The request, the same for all tunes.
            count: Number of tunes, or of scores with several voices.
            seed: Random seed; tune number i does not depend on the count.

        Returns:
            The tunes; with several voices, those of each score from the top.

        Raises:
            BadInputError: If the model cannot fulfil the request.
        """
        ...


@runtime_checkable
class ComposingFamily(Protocol):
    """A family whose models compose tunes."""

    def composing_model(self, trained: Path) -> ComposingModel:
        """Load a trained model from its file; raise BadInputError if it is not a model of the family."""
        ...


class PerformingModel(Protocol):
    """A trained model that predicts the velocities of a piano piece."""

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles that the model knows."""
        ...

    def check_length(self, performance: "Performance") -> None:
        """Raise BadInputError for a piece that is too long for the model."""
        ...

    def shares(self, style: "Mix") -> dict[str, float]:
        """Return each style's share of 1; raise BadInputError for an unknown style or illegal shares."""
        ...

    def human_spread(self, style: "Mix") -> float:
        """Return the standard deviation of human velocities within a piece, in a style or mix (MIDI units).

        Raises BadInputError if the model does not know it.
        """
        ...

    def velocities(self, performance: "Performance", style: "Mix") -> "NDArray[np.float64]":
        """Predict velocities.

        Args:
            performance: The notes; their velocities are ignored.
            style: A style, or shares of several.

        Returns:
            [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

        Raises:
            BadInputError: For an unknown style, or a piece that is too long.
        """
        ...


@runtime_checkable
class PerformingFamily(Protocol):
    """A family whose models add dynamics to piano pieces."""

    def performing_model(self, trained: Path) -> PerformingModel:
        """Load a trained model from its file; raise BadInputError if it is not a model of the family."""
        ...


@dataclass(frozen=True)
class Example:
    """A piece of music by a trained model, to be heard.

    Attributes:
        title: What it is.
        versions: The piece by its name, such as the same notes played flat and by the model.
    """

    title: str
    versions: "Mapping[str, Tune | Performance]"


@runtime_checkable
class ExampleFamily(Protocol):
    """A family whose trained models can be heard in examples."""

    def examples(self, trained: Path, data: Any) -> Sequence[Example]:
        """Make examples with a trained model.

        Args:
            trained: The model's file.
            data: The data of its trial.

        Returns:
            The examples, always the same for the same model.
        """
        ...


@dataclass(frozen=True)
class Recollection:
    """The continuation of a tune by a model that was trained on this tune alone.

    Attributes:
        num_inputs: Previous notes that the model sees.
        iterations: Training steps.
        tune: The first notes of the tune, continued by the model to the same number of notes.
        right: Whether each note of the model equals the tune's.
    """

    num_inputs: int
    iterations: int
    tune: Tune
    right: tuple[bool, ...]

    @property
    def share(self) -> float:
        """The share of the model's notes that equal the tune's."""
        return sum(self.right) / len(self.right)


class Memoriser(Protocol):
    """Trains models on single tunes; implemented by a module with these functions."""

    def lesson_bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the fewest and most inputs, and the fewest and most iterations."""
        ...

    def lesson_spec(self, values: Mapping[str, Value], num_inputs: int, iterations: int, where: str = "") -> Any:
        """Return the settings of a model that learns one tune; raise BadInputError if they are illegal."""
        ...

    def memorise(
        self, lesson: "Lesson", spec: Any, iterations: Sequence[int], *, seed: int, progress: "Progress"
    ) -> Iterator[Recollection]:
        """Train a model on one tune, and yield its continuation of the tune after each number of iterations."""
        ...


@runtime_checkable
class MemorisingFamily(Protocol):
    """A family whose models can memorise one tune."""

    def memoriser(self) -> Memoriser:
        """Return the functions that train them."""
        ...


@runtime_checkable
class PublishedFamily(Protocol):
    """A family of which results were published."""

    @property
    def experiments(self) -> Mapping[str, Experiment | GridExperiment]:
        """The published results that can be reproduced, by name."""
        ...
