"""Tunes of a studio: how each was made, as plain data for the page, and as stored data for favourites."""

import re
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from data_prep.tunes.notation import Mode, Tune
from data_prep.tunes.spelling import tonic

ID = re.compile(r"[0-9a-f]{16}")
"""The ID of a tune, a piece or a performance. It is part of file names and addresses."""

Id = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
ItemT = TypeVar("ItemT")


def new_id() -> str:
    """Return a new ID."""
    return secrets.token_hex(8)


class Strict(BaseModel):
    """Data with exactly these fields and types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class TuneOptions(Strict):
    """What a tune was composed with; the model chooses what is empty."""

    bars: int = Field(16, ge=1, le=128)
    key: str = Field("", max_length=30)
    metre: str = Field("", max_length=10)
    form: str = Field("", max_length=26)
    temperature: float = Field(0.9, ge=0, le=4)
    top_p: float = Field(1.0, gt=0, le=1)
    seed: int = Field(1, ge=0, le=2**53)
    prompt: str = Field("", max_length=20_000)
    tempo: int = Field(120, ge=20, le=400)


class Written(Strict):
    """The notes of a tune as they are stored."""

    pitch: list[int]
    duration: list[str]
    metre: list[int] = Field(min_length=2, max_length=2)
    pickup: str
    fifths: int
    mode: Mode
    num_prompt: int

    @model_validator(mode="after")
    def check_lengths(self) -> Self:
        """Raise ValueError unless each note has a pitch and a duration."""
        if len(self.pitch) != len(self.duration):
            raise ValueError("each note has a pitch and a duration")
        return self


class StudioTune(Strict):
    """A tune and how it was made.

    Attributes:
        format: Version of the format.
        id: Its ID.
        model: Name of the model.
        how: What was done.
        options: What it was composed with.
        kept: The bars that were kept of another tune.
        notes: The notes.
        remarks: Limits of the model for this tune.
    """

    format: Literal[1] = 1
    id: Id
    model: str = Field(max_length=200)
    how: Literal["composed", "composed again", "varied", "continued"]
    options: TuneOptions
    kept: list[int] = []
    notes: Written
    remarks: list[str] = []

    @property
    def name(self) -> str:
        """The name of the tune."""
        return f"{self.model}, seed {self.options.seed}"

    @property
    def tune(self) -> Tune:
        """The tune."""
        notes = self.notes
        return Tune(
            pitch=tuple(notes.pitch),
            duration=tuple(map(Fraction, notes.duration)),
            metre=(notes.metre[0], notes.metre[1]),
            pickup=Fraction(notes.pickup),
            fifths=notes.fifths,
            mode=notes.mode,
            num_prompt=notes.num_prompt,
            title=self.name,
            quarters_per_minute=float(self.options.tempo),
        )

    @property
    def seconds(self) -> float:
        """Its length (seconds)."""
        return float(sum(self.tune.duration)) * 60 / self.options.tempo

    def summary(self) -> dict[str, Any]:
        """Return what lists of the page show."""
        tune = self.tune
        return {
            "id": self.id,
            "name": self.name,
            "how": self.how,
            "key": f"{tonic(tune)} {tune.mode}",
            "metre": "/".join(map(str, tune.metre)),
            "bars": -(-sum(tune.duration, -tune.pickup) // tune.bar_length),
            "pickup": bool(tune.pickup),
            "notes": tune.num_notes,
            "kept": self.kept,
            "remarks": self.remarks,
            "options": self.options.model_dump(),
        }


def written(tune: Tune) -> Written:
    """Return the notes of a tune as they are stored."""
    return Written(
        pitch=list(tune.pitch),
        duration=[str(duration) for duration in tune.duration],
        metre=list(tune.metre),
        pickup=str(tune.pickup),
        fifths=tune.fifths,
        mode=tune.mode,
        num_prompt=tune.num_prompt,
    )


class Latest(Generic[ItemT]):
    """The latest items by ID; the one that was not used for the longest time is dropped first."""

    def __init__(self, most: int) -> None:
        """Keep at most a number of items."""
        self._most = most
        self._items: OrderedDict[str, ItemT] = OrderedDict()

    def add(self, name: str, item: ItemT) -> None:
        """Add an item."""
        self._items[name] = item
        self._items.move_to_end(name)
        while len(self._items) > self._most:
            self._items.popitem(last=False)

    def get(self, name: str) -> ItemT | None:
        """Return an item; None if there is none or it was dropped."""
        if name in self._items:
            self._items.move_to_end(name)
        return self._items.get(name)


def summaries(tunes: Iterable[StudioTune]) -> list[dict[str, Any]]:
    """Return the summaries of tunes."""
    return [tune.summary() for tune in tunes]
