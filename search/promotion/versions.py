"""Registered models by name: how a user refers to a version, and what is known of one."""

# MLflow is partly untyped:
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError, unknown
from models.families import FAMILIES

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
"""The alias of the version in use."""

_PREFIX = "tunesmith-"
_PAGE = 100
_VERSION = re.compile(r"\d{1,9}", re.ASCII)


def registered_name(family: str) -> str:
    """Give the name of a family's registered model."""
    return f"{_PREFIX}{family}"


def family_of(name: str) -> str | None:
    """Give the family of a registered model; None if it is none of ours."""
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None


@dataclass(frozen=True)
class Reference:
    """What a user means by "composer@3".

    Attributes:
        family: The family's name.
        version: The version; None for the champion.
    """

    family: str
    version: int | None

    def __str__(self) -> str:
        """Write it as a user would."""
        return f"{self.family}@{CHAMPION if self.version is None else self.version}"


def parse_reference(text: str) -> Reference:
    """Read a reference to a registered model.

    Args:
        text: FAMILY@champion, FAMILY@VERSION, or FAMILY for its champion.

    Returns:
        What is meant; whether there is such a version is not known yet.

    Raises:
        BadInputError: If it is not of that form, or there is no such family.
    """
    family, separator, which = text.partition("@")
    if family not in FAMILIES:
        raise unknown("model family", family, FAMILIES)
    if not separator or which == CHAMPION:
        return Reference(family, None)
    if not _VERSION.fullmatch(which):
        raise unknown("version", which, [CHAMPION], f"a version is {CHAMPION} or a number, as in {family}@3")
    return Reference(family, int(which))


@dataclass(frozen=True)
class Version:
    """A version of a registered model.

    Attributes:
        family: The family's name.
        version: Its number, from 1.
        aliases: What it is called beside that.
        created: When it was registered.
        run_id: The run that it was registered by; empty if somebody registered it by hand.
        card: Its card, Markdown.
        tags: What it was registered with, and what was said of it since.
    """

    family: str
    version: int
    aliases: tuple[str, ...]
    created: datetime
    run_id: str
    card: str
    tags: Mapping[str, str]

    @property
    def reference(self) -> str:
        """How a user refers to it, as in "composer@3"."""
        return f"{self.family}@{self.version}"

    @property
    def is_champion(self) -> bool:
        """Whether it is the one in use."""
        return CHAMPION in self.aliases

    @property
    def search(self) -> str:
        """The search that it came from; this and the following are empty where nobody said it."""
        return self.tags.get("search", "")

    @property
    def trial(self) -> str:
        """The trial's number."""
        return self.tags.get("trial", "")

    @property
    def source(self) -> str:
        """The trial as a user names it, as in "composer/7"."""
        return f"{self.search}/{self.trial}" if self.trial else "somebody's own"

    @property
    def corpus(self) -> str:
        """The corpus that it was trained on."""
        return self.tags.get("corpus", "")

    @property
    def fingerprint(self) -> str:
        """Of the data."""
        return self.tags.get("fingerprint", "")

    @property
    def code_version(self) -> str:
        """The program's, with which it was made."""
        return self.tags.get("code_version", "")

    @property
    def unit(self) -> str:
        """The unit of the test's result."""
        return self.tags.get("unit", "")

    @property
    def test_mean(self) -> float:
        """The objective on the sealed pieces; NaN where nobody said it."""
        return self._number("test_mean")

    @property
    def test_se(self) -> float:
        """Its standard error; NaN likewise."""
        return self._number("test_se")

    @property
    def loses_to(self) -> str:
        """Which simple models were better on the sealed pieces, in words; empty where none was, or nobody said it."""
        return self.tags.get("loses_to", "")

    @property
    def size_bytes(self) -> int:
        """Of the trained model's file; 0 where nobody said it."""
        size = self._number("size_bytes")
        return int(size) if math.isfinite(size) else 0

    def _number(self, tag: str) -> float:
        try:
            return float(self.tags.get(tag, "nan"))
        except ValueError:
            return math.nan


def listed(client: "MlflowClient", family: str | None) -> Iterator[Version]:
    """List registered versions.

    Args:
        client: Of the store.
        family: Of this family; None for all.

    Yields:
        Them, in no order.
    """
    condition = f"name LIKE '{_PREFIX}%'" if family is None else f"name = '{registered_name(family)}'"
    for model in _all_pages(client.search_registered_models, condition):
        own = family_of(model.name)
        if own is None:
            continue
        aliases: dict[int, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(int(number), []).append(alias)
        for one in _all_pages(client.search_model_versions, f"name = '{model.name}'"):
            yield Version(
                family=own,
                version=int(one.version),
                aliases=tuple(sorted(aliases.get(int(one.version), ()))),
                created=datetime.fromtimestamp(one.creation_timestamp / 1000, UTC),
                run_id=one.run_id or "",
                card=one.description or "",
                tags=dict(one.tags),
            )


def _all_pages(search: Callable[..., Any], condition: str) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(condition, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def no_such_version(reference: Reference, known: Sequence[Version]) -> BadInputError:
    """Make the error for a version that does not exist, to be raised by the caller.

    Args:
        reference: What was asked for.
        known: The family's versions, the newest first.

    Returns:
        The error, with what to do.
    """
    if not known:
        return BadInputError(
            f"no {reference.family} is registered yet, so there is no {reference}: tunesmith promote NAME registers "
            "the best trial of a search"
        )
    if reference.version is None:
        return BadInputError(
            f"no {reference.family} is the champion, though {known[0].reference} is registered: name a version, or "
            "tunesmith promote NAME --force --reason WHY"
        )
    return unknown("version", str(reference), [one.reference for one in known])
