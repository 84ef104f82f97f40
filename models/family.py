"""The interface of a model family, on which search, trials, presets and reports are built."""

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
"""Label of the progress display."""


@dataclass(frozen=True)
class EpochReport:
    """The result of one epoch of all folds together.

    Attributes:
        epoch: Number of the epoch, from 1; a resumed trial continues the count.
        metrics: Every metric's values on the folds, by the metric's name.
        seconds: Wall time of the epoch (seconds), training and evaluation.
        backend: The backend that computed it, and why this one; empty if that is unknown.
    """

    epoch: int
    metrics: Mapping[str, FoldValues]
    seconds: float
    backend: str = ""

    @property
    def num_folds(self) -> int:
        """Number of folds that reported; fewer at first if the others join later."""
        return max((len(values.values) for values in self.metrics.values()), default=0)

    def to_plain(self) -> dict[str, Any]:
        """Return the report as plain data, the form in which it is stored and sent."""
        metrics = {name: list(values.values) for name, values in self.metrics.items()}
        return {"epoch": self.epoch, "metrics": metrics, "seconds": self.seconds, "backend": self.backend}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Self:
        """Return the report for the output of ``to_plain``; other keys are ignored."""
        metrics = {name: FoldValues(tuple(values)) for name, values in plain["metrics"].items()}
        return cls(plain["epoch"], metrics, plain["seconds"], plain.get("backend", ""))


@dataclass(frozen=True)
class Preset:
    """Named settings from a source.

    Attributes:
        name: Name on the command line ("table1/24").
        values: The settings that differ from the family's defaults.
        source: The source of the settings and the result that it reports.
    """

    name: str
    values: Mapping[str, Value]
    source: str


@dataclass(frozen=True)
class Baseline:
    """A simple model on the same folds, scored on the family's objective.

    Attributes:
        name: Name in tables.
        score: The objective on each fold.
        others: Further metrics by name, the same for all baselines of a family.
        oracle: Whether the baseline uses something of the held-out piece; such a score is a reference, not a
            competitor.
        pieces: [P] the objective on each piece; NaN for a piece that no fold holds out.
    """

    name: str
    score: FoldValues
    others: Mapping[str, FoldValues] = field(default_factory=dict[str, FoldValues])
    oracle: bool = False
    pieces: tuple[float, ...] = ()


@dataclass(frozen=True)
class Lack:
    """A count of notes or pieces with a property that a trained model does not know.

    Attributes:
        name: Key in plain data ("unknown_durations").
        noun: The counted things, in the plural ("notes").
        condition: The unknown property, as a phrase after the noun ("with a duration that ...").
        count: Number of things with the property.
        total: Number of all.
    """

    name: str
    noun: str
    condition: str
    count: int
    total: int

    def __str__(self) -> str:
        """Return one sentence without a full stop."""
        return f"{self.noun} {self.condition}: {self.count:,} of {self.total:,}"


@dataclass(frozen=True)
class Scored:
    """The scores of a trained model on pieces that it never saw.

    Attributes:
        values: [P] the objective on each piece; NaN for a piece that the model cannot score.
        lacks: Properties of the pieces that the model does not know.
    """

    values: "NDArray[np.float64]"
    lacks: Sequence[Lack] = ()


class Training(Protocol):
    """One trial in training: all folds in lockstep."""

    @property
    def num_parameters(self) -> int:
        """Number of parameters of one fold's model."""
        ...

    def epochs(self) -> Iterator[EpochReport]:
        """Train from the last finished epoch up to the full budget, and yield one report per epoch."""
        ...

    def state(self) -> dict[str, Any]:
        """Return everything that is needed to resume: only tensors, numbers and strings (no pickled class)."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Resume from a state of the same spec and data; the next epoch is the one after it."""
        ...

    def weights(self) -> Mapping[str, Any]:
        """Return the tensors of the trained model."""
        ...

    @property
    def vocabulary(self) -> Mapping[str, Any]:
        """JSON data that a trained model needs, in addition to spec and weights, to be used without the data."""
        ...


SpecT = TypeVar("SpecT", bound=Spec)
DataT_contra = TypeVar("DataT_contra", contravariant=True)


class Family(Protocol[DataT_contra, SpecT]):
    """A kind of model that can be searched: one encoding, one model, one default search.

    Further abilities of its models are offered by the protocols of ``models.uses.offers``.
    """

    @property
    def name(self) -> str:
        """Name on the command line ("composer")."""
        ...

    @property
    def summary(self) -> str:
        """Description in one line."""
        ...

    @property
    def spec_type(self) -> type[SpecT]:
        """The class of the settings."""
        ...

    @property
    def data_kind(self) -> str:
        """The kind of prepared data that trials read ("melodies")."""
        ...

    @property
    def folder(self) -> Path | None:
        """Folder of the built-in searches; None for a family without.

        The search of ``default.toml`` has the family's name, that of any other ``NAME.toml`` the name FAMILY-NAME.
        """
        ...

    @property
    def not_for(self) -> str:
        """The limits of the models, in complete sentences, for the model card."""
        ...

    @property
    def metrics(self) -> Sequence[Metric]:
        """All metrics that an epoch reports; the first is the objective of a search."""
        ...

    @property
    def columns(self) -> Sequence[Metric]:
        """The metrics in a table of trials; the first is the objective."""
        ...

    @property
    def presets(self) -> Mapping[str, Preset]:
        """Named settings by name."""
        ...

    def remarks(self, tried: Mapping[str, Container[object]], data: DataT_contra) -> Sequence[str]:
        """Return remarks on legal settings that have no effect on the data.

        Args:
            tried: The values of each setting: its domain in a search, one value in a trial.
            data: The prepared data.

        Returns:
            One line per remark, without a full stop.
        """
        ...

    def start(self, spec: SpecT, data: DataT_contra, *, seed: int, trial: int, device: str) -> Training:
        """Build the folded model for a trial, with its streams named by (seed, trial)."""
        ...

    def score(self, trained: Path, data: DataT_contra, learnt: DataT_contra | None) -> Scored:
        """Score unseen pieces on the objective by a trained model, the mean of the folds' networks.

        Args:
            trained: The model's file.
            data: The pieces, under any alphabets.
            learnt: The open pieces of the model's training corpus, if available; a model of an earlier version may
                need them.

        Returns:
            The scores.

        Raises:
            BadInputError: If there is no such model, or the training pieces that it needs are unavailable or have
                changed.
        """
        ...

    def serving(self) -> "Serving":
        """Return the interface by which a registered model is served."""
        ...

    def pictures(self, trained: Path, data: DataT_contra) -> "Iterable[tuple[str, Figure]]":
        """Draw what a trained model predicts for the data.

        Args:
            trained: The model's file.
            data: The data of its trial.

        Returns:
            File names without extension, and figures.
        """
        ...

    def baselines(self, data: DataT_contra, progress: Progress | None = None) -> Sequence[Baseline]:
        """Score simple models on the same folds.

        Args:
            data: The prepared data.
            progress: Advances with each fit.

        Returns:
            The baselines with their scores, from the weakest to the strongest.
        """
        ...
