"""The model that a command uses: a file, a registered version, a trial's model, or the champion."""

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
"""The name of a trial: composer/7."""

_REFERENCE = re.compile(r"[^/\\.]+(@[^/\\]*)?")
"""The name of a registered model, which is not a path: composer, composer@3."""


@dataclass(frozen=True)
class NamedModel:
    """A trained model.

    Attributes:
        path: Its file, in the format of ``models.training.checkpoint``.
        name: Prefix of the files that it writes: "composer-7" for a trial, "composer-v3" for a version.
        data: The data it was trained on; None where that is unknown.
    """

    path: Path
    name: str
    data: "Data | None"


def registry(home: Path, tracking: str | None = None) -> "Registry":
    """Return the registry of models in MLflow's store at a URI, or else in the home folder; it is not opened yet."""
    from search.promotion.registry import Registry
    from search.tracking.client import default_uri

    return Registry(tracking or default_uri(home), home)


def named_model(
    text: str | None, trial: str | None, families: Sequence[str], home: Path, tracking: str | None = None
) -> NamedModel:
    """Find a model of some families; print which it is where none was named.

    Args:
        text: A file, or a registered model as FAMILY@champion, FAMILY@VERSION or FAMILY.
        trial: A search's trial, or a search for its best trial. With neither, the model is the champion of the first
            family that has one, and without any the best trial of the search that has the first family's name.
        families: The families' names.
        home: The home folder.
        tracking: The URI of MLflow's store; None is the home folder's.

    Returns:
        The model.

    Raises:
        BadInputError: If both are given, or there is no such model, or it is of another family.
    """
    from search.promotion.versions import parse_reference
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
        return _of_file(Path(text))
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
        text: A file, a search's trial as SEARCH/NUMBER, or a registered model as FAMILY@champion, FAMILY@VERSION or
            FAMILY.
        home: The home folder.
        tracking: The URI of MLflow's store; None is the home folder's.

    Returns:
        The model.

    Raises:
        BadInputError: If there is no such trial or registered model. A file need not exist.
    """
    from search.promotion.versions import parse_reference
    from tunesmith.names.trials import trained_model

    if Path(text).is_file():
        return _of_file(Path(text))
    if _TRIAL.fullmatch(text):
        return _of_file(trained_model(home, text))
    if not _REFERENCE.fullmatch(text):
        return _of_file(Path(text))
    models = registry(home, tracking)
    return _of_version(models.version(parse_reference(text)), models, home)


def _of_file(path: Path) -> NamedModel:
    folder = path.absolute().parent
    data = _data(folder.parent) if folder.name == "models" else None
    if data is None:
        return NamedModel(path, path.stem, None)
    number = path.stem.rpartition("-")[2]
    return NamedModel(path, f"{folder.parent.name}-{number.lstrip('0') or '0'}", data)


def _of_version(version: "Version", models: "Registry", home: Path) -> NamedModel:
    name = f"{version.family}-v{version.version}"
    return NamedModel(models.model_file(version), name, _data(home / "searches" / version.search))


def _data(search: Path) -> "Data | None":
    """Return the data of a search; None if the folder has none."""
    from search.spec.file import load

    file = search / "search.toml"
    return load(file, stored=True).data if file.exists() else None
