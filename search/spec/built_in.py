"""The built-in searches: ``default.toml`` in each family's folder, and the other search files there."""

import tomllib
from pathlib import Path
from typing import Any

from models.families import FAMILIES
from models.family import Family

_DEFAULT = "default"


def default_search(family: Family[Any, Any]) -> dict[str, Any]:
    """Return the content of a family's default search, empty if the family has none."""
    path = None if family.folder is None else family.folder / f"{_DEFAULT}.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path is not None and path.exists() else {}


def further_searches() -> dict[str, Path]:
    """Return the files of the other built-in searches by name; each changes some values of its family's default."""
    return {
        f"{family.name}-{path.stem}": path
        for family in FAMILIES.values()
        if family.folder is not None
        for path in sorted(family.folder.glob("*.toml"))
        if path.stem != _DEFAULT
    }
