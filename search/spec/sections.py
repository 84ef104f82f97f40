"""The tables of a search file that have a single kind: their keys, defaults, bounds and descriptions."""

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from data_prep.errors import BadInputError, shown
from data_prep.readers.notes import Repeats
from data_prep.storage.urls import store_at
from models.folded.request import BackendName

_FOLDS = (2, 20)
"""Fewest and most folds of a cross-validation."""

_HOLDOUT = "holdout:"
_SHARES = (0.01, 0.5)
"""Smallest and largest share of the notes that a single split holds out."""

_DIGITS = 9
"""Most digits of a number of folds that is read."""

NEXT_TRIALS = 20
"""The trials whose gain a search estimates, from as many finished trials on."""

_SHARE = re.compile(r"0?\.\d{1,4}")
_LONGEST_S = 100 * 365.25 * 86400
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")
_BARE = re.compile(r"'?([1-9]\d{0,8})'?")


def read_duration(text: object) -> float | None:
    """Parse a duration.

    Args:
        text: "4m30s", "2h", "90s" or "none".

    Returns:
        Seconds, None for no limit.

    Raises:
        ValueError: For anything else, a duration of zero, or a number without a unit (seconds or minutes?).
    """
    if text is None or text == "none":
        return None
    match = _DURATION.fullmatch(text.replace(" ", "")) if isinstance(text, str) and text else None
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if not 0 < seconds <= _LONGEST_S:
        bare = _BARE.fullmatch(shown(text))
        unit = f'; is it seconds, "{bare[1]}s", or minutes, "{bare[1]}m"?' if bare else ""
        raise ValueError(
            f'a time is written like "4m30s", "2h" or "none", and is at most 100 years: got {shown(text)}{unit}'
        )
    return seconds


def write_duration(seconds: float | None) -> str:
    """Format seconds in the notation of :func:`read_duration`."""
    if seconds is None:
        return "none"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{int(hours)}h" if hours else "", f"{int(minutes)}m" if minutes else "", f"{rest:.10g}s" if rest else ""]
    return "".join(parts)


def _check_storage(url: str) -> str:
    if url:
        store_at(url)
    return url


def read_folds(text: str, place: str) -> int | str:
    """Return the folds that an option names, a number or a holdout; raise BadInputError if they are not legal."""
    try:
        return _check_folds(int(text) if text.isascii() and text.isdigit() and len(text) < _DIGITS else text)
    except ValueError as error:
        raise BadInputError(str(error), where=place) from None


def _check_folds(folds: object) -> int | str:
    if isinstance(folds, int) and _FOLDS[0] <= folds <= _FOLDS[1] and not isinstance(folds, bool):
        return folds
    share = folds.removeprefix(_HOLDOUT) if isinstance(folds, str) and folds.startswith(_HOLDOUT) else ""
    if _SHARE.fullmatch(share) and _SHARES[0] <= float(share) <= _SHARES[1]:
        return f"{_HOLDOUT}{share}"
    raise ValueError(
        f'folds are a number from {_FOLDS[0]} to {_FOLDS[1]}, or "{_HOLDOUT}SHARE" with a share from {_SHARES[0]} to '
        f"{_SHARES[1]}: got {shown(folds)}"
    )


class Section(BaseModel):
    """A table of the search file."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """The data that models are trained and compared on."""

    corpus: str = Field(default="oneills", description="a named corpus, or a folder of MIDI, ABC, MusicXML, kern")
    repeats: Repeats = Field(
        default="written",
        description='how the repeats of scores are read: "written", each section once, or "played", written out (AABB)',
    )
    folds: Annotated[int | str, BeforeValidator(_check_folds)] = Field(
        default=4,
        description='folds of the cross-validation, trained in lockstep; or "holdout:0.05", a single split that holds '
        "out one of 1/0.05 = 20 equal parts of the notes",
    )
    seed: int = Field(default=0, ge=0, description="seed of folds, weights, windows and dropout")

    @property
    def is_holdout(self) -> bool:
        """Whether only one part of the corpus is held out."""
        return isinstance(self.folds, str)

    @property
    def num_parts(self) -> int:
        """Number of equal parts of the corpus, one of which is held out by a model."""
        return self.folds if isinstance(self.folds, int) else round(1 / float(self.folds.removeprefix(_HOLDOUT)))

    @property
    def num_folds(self) -> int:
        """Number of models that are trained in lockstep, each of which holds out another part."""
        return 1 if self.is_holdout else self.num_parts

    @property
    def folds_title(self) -> str:
        """The folds in words."""
        return f"{100 / self.num_parts:.3g} % held out" if self.is_holdout else f"{self.folds} folds"

    @property
    def title(self) -> str:
        """The corpus for titles, with ``repeats`` if that is not the default."""
        return self.corpus if self.repeats == "written" else f"{self.corpus} as {self.repeats}"


class Budget(Section):
    """When the search ends."""

    trials: int = Field(default=60, ge=1, le=100_000, description="number of trials, including those stopped early")
    epochs: int = Field(default=9, ge=1, le=100_000, description="epochs of a full trial, over which the schedule runs")
    time: Annotated[float | None, BeforeValidator(read_duration)] = Field(
        default=270.0, description='time of the whole search with units, such as "4m30s"; "none" for no limit'
    )
    stop: Literal["budget", "converged"] = Field(
        default="budget",
        description='"converged" also ends it when the gain to be expected is below the standard error of the folds',
    )

    def check_stop(self, data: Data, where: str) -> None:
        """Raise BadInputError, with the place, if the search could not tell whether it has converged."""
        if self.stop == "converged" and self.trials < NEXT_TRIALS:
            raise BadInputError(
                f'stop = "converged" needs at least {NEXT_TRIALS} trials',
                f"budget.trials = {self.trials}",
                where,
                'raise the number of trials, or choose stop = "budget"',
            )
        if self.stop == "converged" and data.num_folds == 1:
            raise BadInputError(
                'stop = "converged" compares the gain with the standard error over the folds',
                f'folds = "{data.folds}" has a single one',
                where,
                'choose several folds, or stop = "budget"',
            )

    def used(self, num_finished: int, seconds: float) -> Literal["trials", "time"] | None:
        """Return which part of the budget is used up.

        Args:
            num_finished: Number of finished trials.
            seconds: Time spent on the search over all starts (seconds).

        Returns:
            "trials" or "time"; None if neither is used up.
        """
        if num_finished >= self.trials:
            return "trials"
        return "time" if self.time is not None and seconds >= self.time else None


class Resources(Section):
    """The resources of each trial."""

    slots: int = Field(default=0, ge=0, le=10_000, description="number of parallel trials; 0 for as many as fit")
    cpus: int = Field(default=1, ge=1, le=1024, description="processors per trial")
    gpus: Annotated[float, Field(ge=0, le=64)] | Literal["auto"] = Field(
        default="auto", description='GPUs per trial, may be a fraction; "auto" shares the available GPUs'
    )
    backend: BackendName = Field(
        default="auto",
        description='code that computes the models: "native" (C++), "triton" (GPU), "reference" (PyTorch), or "auto"',
    )


class StudyPlace(Section):
    """Where the state of the search is stored."""

    url: str = Field(
        default="",
        description="empty: a journal file in the home folder; or sqlite:///... or postgresql+psycopg://host/db "
        "(keep the password in PGPASSWORD or ~/.pgpass)",
    )


class Storage(Section):
    """Where trials save checkpoints and models; every machine of a cluster needs access."""

    url: Annotated[str, AfterValidator(_check_storage)] = Field(
        default="",
        description="empty: the home folder; or another folder's absolute path, s3://bucket/prefix or "
        "gs://bucket/prefix (credentials come from the environment or a role)",
    )
    snapshots: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        default=(),
        max_length=100,
        description="epochs after which the model of each trial is also kept, such as [1, 10, 100], to draw how it "
        "learnt (tunesmith show --pictures)",
    )


class TrackingPlace(Section):
    """Where MLflow's runs are stored."""

    uri: str = Field(
        default="", description="empty: mlflow.db in the home folder; or sqlite:///..., or a server's http://..."
    )
