"""Versions of registered models: references to them, and their data in the registry."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from data_prep.errors import Action, BadInputError, unknown
from models.families import FAMILIES
from search.tracking.client import all_pages

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
"""The alias of the version in use."""

_PREFIX = "tunesmith-"
_PAGE = 100
_VERSION = re.compile(r"\d{1,9}", re.ASCII)


def registered_name(family: str) -> str:
    """Return the name of a family's registered model."""
    return f"{_PREFIX}{family}"


def family_of(name: str) -> str | None:
    """Return the family of a registered model; None if tunesmith did not register it."""
    return name.removeprefix(_PREFIX) if name.startswith(_PREFIX) else None


@dataclass(frozen=True)
class Reference:
    """A reference to a version, as in "composer@3".

    Attributes:
        family: The family's name.
        version: The version's number; None for the champion.
    """

    family: str
    version: int | None

    def __str__(self) -> str:
        """Return the reference as text, which :func:`parse_reference` parses."""
        return f"{self.family}@{CHAMPION if self.version is None else self.version}"


def parse_reference(text: str) -> Reference:
    """Parse a reference to a registered model.

    Args:
        text: FAMILY@champion, FAMILY@VERSION, or FAMILY for its champion.

    Returns:
        The reference; whether the version exists is not checked.

    Raises:
        BadInputError: If it has another form, or the family does not exist.
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
        aliases: Its aliases in the registry.
        created: When it was registered.
        run_id: The run of its promotion; empty if it was registered in another way.
        card: Its model card, Markdown.
        tags: Its tags: those of the promotion, and later ones.
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
        """The reference to the version, as in "composer@3"."""
        return f"{self.family}@{self.version}"

    @property
    def is_champion(self) -> bool:
        """Whether it is the version in use."""
        return CHAMPION in self.aliases

    @property
    def search(self) -> str:
        """The search of its trial. This and the following are empty if the tag is missing."""
        return self.tags.get("search", "")

    @property
    def trial(self) -> str:
        """The trial's number."""
        return self.tags.get("trial", "")

    @property
    def source(self) -> str:
        """The trial that it was made from, as in "composer/7"."""
        return f"{self.search}/{self.trial}" if self.trial else "registered by hand"

    @property
    def corpus(self) -> str:
        """The corpus that it was trained on."""
        return self.tags.get("corpus", "")

    @property
    def fingerprint(self) -> str:
        """The data's fingerprint."""
        return self.tags.get("fingerprint", "")

    @property
    def code_version(self) -> str:
        """The version of tunesmith that trained it."""
        return self.tags.get("code_version", "")

    @property
    def unit(self) -> str:
        """The unit of the test result."""
        return self.tags.get("unit", "")

    @property
    def test_mean(self) -> float:
        """The objective on the sealed pieces; NaN if the tag is missing."""
        return self._number("test_mean")

    @property
    def test_se(self) -> float:
        """The standard error of ``test_mean``; NaN if the tag is missing."""
        return self._number("test_se")

    @property
    def loses_to(self) -> str:
        """The baselines that were better on the sealed pieces, in words; empty if there are none."""
        return self.tags.get("loses_to", "")

    @property
    def size_bytes(self) -> int:
        """The size of the trained model's file; 0 if the tag is missing."""
        size = self._number("size_bytes")
        return int(size) if math.isfinite(size) else 0

    def _number(self, tag: str) -> float:
        try:
            return float(self.tags.get(tag, "nan"))
        except ValueError:
            return math.nan


def listed(client: "MlflowClient", family: str | None) -> Iterator[Version]:
    """Yield registered versions.

    Args:
        client: The store's client.
        family: The family's name; None for all families.

    Yields:
        The versions, in no particular order.
    """
    condition = f"name LIKE '{_PREFIX}%'" if family is None else f"name = '{registered_name(family)}'"
    for model in all_pages(client.search_registered_models, condition, page_size=_PAGE):
        model_family = family_of(model.name)
        if model_family is None:
            continue
        aliases: dict[int, list[str]] = {}
        for alias, number in model.aliases.items():
            aliases.setdefault(int(number), []).append(alias)
        for version in all_pages(client.search_model_versions, f"name = '{model.name}'", page_size=_PAGE):
            yield Version(
                family=model_family,
                version=int(version.version),
                aliases=tuple(sorted(aliases.get(int(version.version), ()))),
                created=datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
                run_id=version.run_id or "",
                card=version.description or "",
                tags=dict(version.tags),
            )


def no_such_version(reference: Reference, known: Sequence[Version]) -> BadInputError:
    """Return the error for a version that does not exist.

    Args:
        reference: The reference to the version.
        known: The family's versions, newest first.

    Returns:
        The error.
    """
    if not known:
        return BadInputError(
            f"no {reference.family} is registered yet",
            f"there is no {reference}",
            remedy="promote the best trial of a search",
            action=Action("promote", {"search": "NAME"}),
        )
    if reference.version is None:
        return BadInputError(
            f"no {reference.family} is the champion, though {known[0].reference} is registered",
            remedy="name a version, or promote a search by force",
            action=Action("promote by force"),
        )
    return unknown("version", str(reference), [version.reference for version in known])
