"""The model that a command uses: a file, a registered version, a trial's model or the champion."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError
from tunesmith.console import err

if TYPE_CHECKING:
    from search.promotion.registry import Registry
    from search.promotion.versions import Version
    from search.spec.sections import Data

_TRIAL = re.compile(r"[^/@]+/\d+")
"""The name of a trial, such as composer/7."""

_REFERENCE = re.compile(r"[^/\\.]+(@[^/\\]*)?")
"""The name of a registered model, such as composer or composer@3, as opposed to a path."""


@dataclass(frozen=True)
class NamedModel:
    """A trained model.

    Attributes:
        path: The model's file, in the format of ``models.training.checkpoint``.
        name: Prefix of files written with the model: "composer-7" for a trial, "composer-v3" for a version.
        data: The data that the model was trained on; None if unknown.
    """

    path: Path
    name: str
    data: "Data | None"


def registry(home: Path, tracking: str | None = None) -> "Registry":
    """Return the registry of models, unopened; ``tracking`` is the URI of MLflow's store, by default the home's."""
    from search.promotion.registry import Registry
    from search.tracking.client import default_uri

    return Registry(tracking or default_uri(home), home)


def named_model(
    text: str | None, trial: str | None, families: Sequence[str], home: Path, tracking: str | None = None
) -> NamedModel:
    """Find a model of one of some families.

    If neither ``text`` nor ``trial`` is given, this is the champion of the first family that has one, and its name is
    printed. Without a champion, it is the best trial of the search named after the first family.

    Args:
        text: A file, a kept model as kept/NAME, or a registered model as FAMILY@champion, FAMILY@VERSION or FAMILY.
        trial: A trial as SEARCH/NUMBER, a search, whose best trial is used, or a kept model.
        families: The names of the families.
        home: The home folder.
        tracking: URI of MLflow's store; None is the store in the home folder.

    Returns:
        The model.

    Raises:
        BadInputError: If both are given, there is no such model, or it belongs to another family.
    """
    from search.promotion.versions import parse_reference
    from tunesmith.names.kept import kept_model
    from tunesmith.names.trials import trained_model

    if text is not None and trial is not None:
        raise BadInputError("a model is named by --model or by --trial", "got both")
    if trial is not None:
        return _of_file(trained_model(home, trial))
    models = registry(home, tracking)
    if text is None:
        champion = next(filter(None, map(models.champion, families)), None)
        if champion is None:
            return _of_file(trained_model(home, families[0]))
        err.print(f"using {champion.reference}, the champion: {champion.source}", markup=False)
        return _of_version(champion, models, home)
    if Path(text).exists() or not _REFERENCE.fullmatch(text):
        return _of_file(Path(text) if Path(text).exists() else kept_model(home, text) or Path(text))
    reference = parse_reference(text)
    if reference.family not in families:
        raise BadInputError(
            f"the model must be a {' or '.join(families)}",
            f"{text} is a {reference.family}",
            remedy=f"name a {families[0]}@VERSION",
        )
    return _of_version(models.version(reference), models, home)


def any_model(text: str, home: Path, tracking: str | None = None) -> NamedModel:
    """Find a model of any family by its name or file.

    Args:
        text: A file, a search's trial as SEARCH/NUMBER, a kept model as kept/NAME, or a registered model as
            FAMILY@champion, FAMILY@VERSION or FAMILY.
        home: The home folder.
        tracking: URI of MLflow's store; None is the store in the home folder.

    Returns:
        The model; a file may not exist.

    Raises:
        BadInputError: If there is no such trial or registered model.
    """
    from search.promotion.versions import parse_reference
    from tunesmith.names.kept import kept_model
    from tunesmith.names.trials import trained_model

    if Path(text).is_file():
        return _of_file(Path(text))
    if (kept := kept_model(home, text)) is not None:
        return _of_file(kept)
    if _TRIAL.fullmatch(text):
        return _of_file(trained_model(home, text))
    if not _REFERENCE.fullmatch(text):
        return _of_file(Path(text))
    models = registry(home, tracking)
    return _of_version(models.version(parse_reference(text)), models, home)


def _of_file(path: Path) -> NamedModel:
    from tunesmith.names.kept import data_of

    folder = path.absolute().parent
    data = _data(folder.parent) if folder.name == "models" else None
    if data is None:
        return NamedModel(path, path.stem, data_of(path))
    number = path.stem.rpartition("-")[2]
    return NamedModel(path, f"{folder.parent.name}-{number.lstrip('0') or '0'}", data)


def _of_version(version: "Version", models: "Registry", home: Path) -> NamedModel:
    name = f"{version.family}-v{version.version}"
    return NamedModel(models.model_file(version), name, _data(home / "searches" / version.search))


def _data(search: Path) -> "Data | None":
    """Return the [data] section of a search, or None if the folder has no search file."""
    from search.spec.file import load

    file = search / "search.toml"
    return load(file, stored=True).data if file.exists() else None
