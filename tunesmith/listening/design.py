"""A listening test as stored: its items and sheets, which listeners may know, and its key, which they may not."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from data_prep.errors import BadInputError
from tunesmith.listening.statistics import planned_judgements

TEST, KEY, CLIPS, ANSWERS = "test.json", "key.json", "clips", "answers.jsonl"
"""Files of a test's folder; the answers are those that its server stores."""

CANNOT_TELL = "cannot tell"
"""The third answer to a pair."""

HUMAN, MODEL, FLAT, RANDOM = "human", "model", "flat", "random"
CONDITIONS = (HUMAN, MODEL, FLAT, RANDOM)
"""Who determines the velocities of a clip."""

Kind: TypeAlias = Literal["pair", "ratings"]
Name: TypeAlias = Annotated[str, Field(pattern=r"^[a-z0-9]{1,32}$")]
SPREAD: Mapping[Kind, float] = {"pair": 50.0, "ratings": 25.0}
"""Standard deviation of a judgement (points): the greatest one of right and wrong, and a usual one of ratings."""

Stored = TypeVar("Stored", bound=BaseModel)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Plan(_Strict):
    """What is fixed before the first answer. Shares and ratings are in points, from 0 to 100.

    Attributes:
        margin: Differences below it count as equivalent (points).
        level: Greatest probability of a false equivalence.
        power: Probability of finding equivalence if there is no difference.
        spread: Standard deviation of a judgement that is assumed (points).
        judgements: Number of independent judgements of each comparison that these values require.
    """

    margin: float = Field(gt=0, lt=100)
    level: float = Field(gt=0, lt=0.5)
    power: float = Field(gt=0, lt=1)
    spread: float = Field(gt=0, le=100)
    judgements: int = Field(ge=1)


def planned(kind: Kind, margin: float, *, spread: float | None = None, level: float = 0.05, power: float = 0.8) -> Plan:
    """Plan an equivalence test.

    Args:
        kind: The kind of test.
        margin: Differences below it count as equivalent (points).
        spread: Assumed standard deviation of a judgement (points); None for that of the kind.
        level: Greatest probability of a false equivalence.
        power: Probability of finding equivalence if there is no difference.

    Returns:
        The plan, with the number of judgements that it requires.

    Raises:
        BadInputError: If a value is out of range.
    """
    _check_range("the margin (points)", margin, 0.1, 49)
    _check_range("the level", level, 0.0001, 0.25)
    _check_range("the power", power, 0.1, 0.999)
    spread = SPREAD[kind] if spread is None else spread
    _check_range("the spread (points)", spread, 1, 100)
    judgements = planned_judgements(margin, spread, level, power)
    return Plan(margin=margin, level=level, power=power, spread=spread, judgements=judgements)


class Practice(_Strict):
    """A practice item, whose solution the page shows.

    Attributes:
        item: Its name.
        clips: Its clips, in the order in which they are shown.
        human: The clip of the human.
    """

    item: Name
    clips: tuple[Name, ...]
    human: Name


class Shown(_Strict):
    """An item on a listener's sheet: its name, and its clips from the first side or place to the last."""

    item: Name
    clips: tuple[Name, ...]


class ListeningTest(_Strict):
    """A test, without its key.

    Attributes:
        format: Version of the format.
        id: Random name of the test, which is in every answer.
        kind: Whether listeners find the human in pairs, or rate all versions of a passage.
        created: When it was made.
        plan: What is fixed before the first answer.
        hear_s: Least time for which each clip is played before an answer (seconds).
        items: The clips of each item, sorted by name.
        practice: Practice items.
        sheets: Orders for listeners; a listener gets one.
    """

    format: Literal[1] = 1
    id: Name
    kind: Kind
    created: datetime = Field(default_factory=lambda: datetime.now(UTC))
    plan: Plan
    hear_s: float = Field(ge=0)
    items: dict[Name, tuple[Name, ...]]
    practice: tuple[Practice, ...]
    sheets: tuple[tuple[Shown, ...], ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "ListeningTest":
        for sheet in self.sheets:
            for shown in sheet:
                if tuple(sorted(shown.clips)) != self.items.get(shown.item):
                    raise ValueError(f"a sheet and the items differ in {shown.item}")
        return self

    @property
    def clips(self) -> list[str]:
        """Names of all clips."""
        return [clip for clips in (*self.items.values(), *(each.clips for each in self.practice)) for clip in clips]


class Passage(_Strict):
    """Where a clip's music is from: the piece, and begin and end in it (seconds; no end for a whole piece)."""

    piece: str
    style: str
    begin: float
    end: float | None


class Key(_Strict):
    """The key of a test.

    Attributes:
        test: The id of the test.
        seed: Seed of the choice of pieces, passages and orders, and of random velocities.
        model: The model, None if the test has none.
        amount: Strength of its dynamics.
        clips: The condition of each clip.
        items: The passage of each item.
    """

    test: Name
    seed: int
    model: str | None
    amount: float
    clips: dict[Name, Literal["human", "model", "flat", "random"]]
    items: dict[Name, Passage]

    def clip_of(self, clips: tuple[str, ...], condition: str) -> str | None:
        """Return the clip with a condition among the clips of an item, None if there is none."""
        return next((clip for clip in clips if self.clips[clip] == condition), None)


def load_test(folder: Path) -> ListeningTest:
    """Load the test of a folder; raise BadInputError if there is none or it is damaged."""
    return _load(folder / TEST, ListeningTest)


def load_key(folder: Path, test: ListeningTest) -> Key:
    """Load the key of a test; raise BadInputError if it is missing, damaged, or of another test."""
    key = _load(folder / KEY, Key)
    if key.test != test.id or not {*test.clips} <= {*key.clips} or not {*test.items} <= {*key.items}:
        raise BadInputError("a key belongs to the test in its folder", "it is of another test", str(folder / KEY))
    return key


def to_json(value: BaseModel) -> bytes:
    """Return a test or a key as the content of its file."""
    return (value.model_dump_json(indent=1) + "\n").encode()


def _check_range(name: str, value: float, least: float, greatest: float) -> None:
    if not least <= value <= greatest:
        raise BadInputError(f"{name} is from {least:g} to {greatest:g}", f"got {value:g}")


def _load(path: Path, kind: type[Stored]) -> Stored:
    remedy = "name a folder that was made by 'tunesmith listen make'"
    try:
        return kind.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInputError(
            f"a test's folder has a {path.name}", f"{path} cannot be read ({error.strerror})", remedy=remedy
        ) from None
    except ValidationError as error:
        first: Any = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        reason = f"{place}: {first['msg']}" if place else first["msg"]
        raise BadInputError(f"{path.name} must not be edited", reason, str(path), "restore it") from None
