"""What a family offers beyond training: tunes, dynamics, memory. A family with a protocol's methods offers that.

A command asks ``models.families.offering`` for the families with a protocol's methods, and names none of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from data_prep.tunes.notation import Tune
from models.spec import Value

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_prep.performances.arrays import Performance
    from data_prep.progress import Progress
    from data_prep.tunes.lessons import Lesson
    from models.uses.request import SamplingRequest
    from models.uses.styles import Mix


class ComposingModel(Protocol):
    """A trained model that composes tunes."""

    def remarks(self, request: "SamplingRequest") -> Sequence[str]:
        """Return one line for each way in which a request goes beyond what the model knows."""
        ...

    def compose(self, request: "SamplingRequest", *, count: int = 1, seed: int = 1) -> list[Tune]:
        """Compose tunes.

        Args:
            request: What is asked of each.
            count: How many.
            seed: The same seed gives the same tunes, and the first of many are those of few.

        Returns:
            The tunes.

        Raises:
            BadInputError: If the model cannot do what is asked.
        """
        ...


@runtime_checkable
class ComposingFamily(Protocol):
    """A family whose models compose tunes."""

    def composing_model(self, trained: Path) -> ComposingModel:
        """Load a trained model from its file; raise BadInputError if it is none of the family."""
        ...


class PerformingModel(Protocol):
    """A trained model that predicts the velocities of a piano piece."""

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles that it knows."""
        ...

    def check_length(self, performance: "Performance") -> None:
        """Raise BadInputError for a piece that is too long for the model."""
        ...

    def velocities(self, performance: "Performance", style: "Mix") -> "NDArray[np.float64]":
        """Predict velocities.

        Args:
            performance: The notes; their velocities are not looked at.
            style: A style, or shares of several.

        Returns:
            [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

        Raises:
            BadInputError: For an unknown style, or a piece that is too long.
        """
        ...


@runtime_checkable
class PerformingFamily(Protocol):
    """A family whose models give a piano piece its dynamics."""

    def performing_model(self, trained: Path) -> PerformingModel:
        """Load a trained model from its file; raise BadInputError if it is none of the family."""
        ...


@dataclass(frozen=True)
class Recollection:
    """How a model that learnt one tune alone continues it.

    Attributes:
        num_inputs: Previous notes that the model sees.
        iterations: Steps that it was trained for.
        tune: The given notes and the model's, as many in all as the tune has.
        right: Whether each note of the model's is the tune's.
    """

    num_inputs: int
    iterations: int
    tune: Tune
    right: tuple[bool, ...]

    @property
    def share(self) -> float:
        """The share of the model's notes that are the tune's."""
        return sum(self.right) / len(self.right)


class Memoriser(Protocol):
    """What trains models on one tune each; a module with these functions is one."""

    def lesson_bounds(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the fewest and most inputs, and the fewest and most iterations."""
        ...

    def lesson_spec(self, values: Mapping[str, Value], num_inputs: int, iterations: int, where: str = "") -> Any:
        """Return the settings of a model that learns one tune; raise BadInputError if they are not legal."""
        ...

    def memorise(
        self, lesson: "Lesson", spec: Any, iterations: Sequence[int], *, seed: int, progress: "Progress"
    ) -> Iterator[Recollection]:
        """Train a model on one tune, and continue the tune's first bars after each number of iterations."""
        ...


@runtime_checkable
class MemorisingFamily(Protocol):
    """A family whose models can learn one tune by heart."""

    def memoriser(self) -> Memoriser:
        """Return what trains them."""
        ...
