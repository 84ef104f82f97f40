"""What every model family offers, so that search, trial, presets and reports work on any of them."""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from data_prep.progress import Progress
from models.metrics import FoldValues, Metric
from models.spec import Spec, Value

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from models.serving import Serving

SCORING = "scoring the baselines"
"""What a progress display calls it."""


@dataclass(frozen=True)
class EpochReport:
    """The result of one epoch of all folds together.

    Attributes:
        epoch: The absolute number of the epoch, from 1; a resumed trial continues to count.
        metrics: Every metric's values on the folds, by the metric's name.
        seconds: Wall time of the epoch, training and evaluation.
    """

    epoch: int
    metrics: Mapping[str, FoldValues]
    seconds: float

    def to_plain(self) -> dict[str, Any]:
        """Return the report as JSON holds it, the one form in which it is stored and sent."""
        metrics = {name: list(values.values) for name, values in self.metrics.items()}
        return {"epoch": self.epoch, "metrics": metrics, "seconds": self.seconds}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Read what ``to_plain`` returned; other keys are ignored."""
        metrics = {name: FoldValues(tuple(values)) for name, values in plain["metrics"].items()}
        return cls(plain["epoch"], metrics, plain["seconds"])


@dataclass(frozen=True)
class Preset:
    """Named settings from a source.

    Attributes:
        name: How a user asks for it ("table1/24").
        values: The settings that differ from the family's defaults.
        source: Where they come from, and what the source reports for them.
    """

    name: str
    values: Mapping[str, Value]
    source: str


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same folds, scored on the family's objective.

    Attributes:
        name: What a table calls it.
        score: The objective on each fold.
        others: Further metrics by name, the same for all baselines of a family.
        oracle: Whether it knows something of the held-out piece that no model may: a mark, not a rival.
        pieces: [P] the objective on each piece; NaN for one that no fold holds out.
    """

    name: str
    score: FoldValues
    others: Mapping[str, FoldValues] = field(default_factory=dict[str, FoldValues])
    oracle: bool = False
    pieces: tuple[float, ...] = ()


@dataclass(frozen=True)
class Lack:
    """What a trained model lacks to know some pieces, counted.

    Attributes:
        name: Its key in plain data ("unknown_durations").
        noun: What is counted, in the plural.
        what: What they have that the model lacks, as it follows the noun ("with a duration that ...").
        count: How many do.
        total: Of how many.
    """

    name: str
    noun: str
    what: str
    count: int
    total: int

    def __str__(self) -> str:
        """Return one sentence without a full stop."""
        return f"{self.noun} {self.what}: {self.count:,} of {self.total:,}"


@dataclass(frozen=True)
class Scored:
    """The scores of a trained model on pieces that it never saw.

    Attributes:
        values: [P] the objective on each piece; NaN for one that the model cannot score.
        lacks: What it lacks to know them.
    """

    values: "NDArray[np.float64]"
    lacks: Sequence[Lack] = ()


class Training(Protocol):
    """One trial in training: all folds in lockstep."""

    @property
    def num_parameters(self) -> int:
        """Number of trained numbers of one fold's model."""
        ...

    def epochs(self) -> Iterator[EpochReport]:
        """Train from the last finished epoch up to the full budget, and yield one report an epoch."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to resume: tensors, numbers and strings only (no pickled class)."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same spec and data; the next epoch is the one after it."""
        ...

    def weights(self) -> Mapping[str, Any]:
        """Return the tensors that a trained model consists of."""
        ...

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """What beside spec and weights a trained model needs to be used without the data, as JSON can hold it."""
        ...


SpecT = TypeVar("SpecT", bound=Spec)
DataT_contra = TypeVar("DataT_contra", contravariant=True)


class Family(Protocol[DataT_contra, SpecT]):
    """A kind of model that can be searched: one encoding, one model, one default search.

    What its models are good for beyond scoring, it offers by the methods of ``models.uses.offers``.
    """

    @property
    def name(self) -> str:
        """How a user asks for it ("composer")."""
        ...

    @property
    def summary(self) -> str:
        """One line on what it is."""
        ...

    @property
    def spec_type(self) -> type[SpecT]:
        """Its settings."""
        ...

    @property
    def data_kind(self) -> str:
        """The kind of prepared data that its trials read ("melodies")."""
        ...

    @property
    def folder(self) -> Path | None:
        """Where its built-in searches are; None for a family without.

        ``default.toml`` is called like the family, any other ``NAME.toml`` FAMILY-NAME.
        """
        ...

    @property
    def not_for(self) -> str:
        """What its models are not good for, in whole sentences, for the card of a registered one."""
        ...

    @property
    def metrics(self) -> Sequence[Metric]:
        """All metrics that its epochs report; the first is the objective of a search."""
        ...

    @property
    def columns(self) -> Sequence[Metric]:
        """The metrics that a table of trials has room for; the first is the objective."""
        ...

    @property
    def presets(self) -> Mapping[str, Preset]:
        """Named settings by name."""
        ...

    def remarks(self, tried: Mapping[str, Container[object]], data: DataT_contra) -> Sequence[str]:
        """Return remarks on legal settings that have no effect on the data.

        Args:
            tried: What is tried for each setting: in a search its domain, in a trial one value.
            data: The prepared data.

        Returns:
            One line for each remark, without a full stop.
        """
        ...

    def start(self, spec: SpecT, data: DataT_contra, *, seed: int, trial: int, device: str) -> Training:
        """Build the folded model for a trial, with its streams named by (seed, trial)."""
        ...

    def score(self, trained: Path, data: DataT_contra, learnt: DataT_contra | None) -> Scored:
        """Score pieces on the objective by a trained model, the mean of all its networks, that never saw them.

        Args:
            trained: The model's file.
            data: The pieces, under any alphabets.
            learnt: The open pieces of the model's training corpus where they are at hand; a model of an earlier version
                may need them.

        Returns:
            The scores.

        Raises:
            BadInputError: If there is no such model, or it needs pieces that are not at hand or are others.
        """
        ...

    def serving(self) -> "Serving":
        """Return how a registered model is served."""
        ...

    def pictures(self, trained: Path, data: DataT_contra) -> "Iterable[tuple[str, Figure]]":
        """Draw what a trained model, read from its file, does with the data: names without ending, and figures."""
        ...

    def baselines(self, data: DataT_contra, progress: Progress | None = None) -> Sequence[Baseline]:
        """Score the simple models on the same folds, from the weakest to the strongest.

        Args:
            data: The prepared data.
            progress: Advances with each fit.

        Returns:
            The baselines with their scores.
        """
        ...
