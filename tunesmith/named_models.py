"""Which model's file a command uses: a file, a registered version, a trial's model, or the champion."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError
from tunesmith.console import err

if TYPE_CHECKING:
    from search.registry import Registry

_REFERENCE = re.compile(r"[^/\\.]+(@[^/\\]*)?")
"""What is no file's name: composer, composer@3."""


def registry(home: Path, tracking: str | None = None) -> "Registry":
    """Give the registry of models.

    Args:
        home: The home folder.
        tracking: The URI of MLflow's store; without one it is the home folder's.

    Returns:
        The registry, which is not opened yet.
    """
    from search.registry import Registry
    from search.tracking import default_uri

    return Registry(tracking or default_uri(home), home)


def model_path(text: str | None, trial: str | None, family: str, home: Path, tracking: str | None = None) -> Path:
    """Find the file of the model that a user asks for, and say which it is where nobody asked for one.

    Args:
        text: A file, or a registered model as FAMILY@champion, FAMILY@VERSION or FAMILY.
        trial: A search's trial, or a search for its best. With neither, it is the champion, and where there is none
            the best trial of the search that is called like the family.
        family: The family that is wanted.
        home: The home folder.
        tracking: The URI of MLflow's store; without one it is the home folder's.

    Returns:
        The file, in the format of ``models.checkpoint``.

    Raises:
        BadInputError: If both are given, or there is no such model, or it is of another family.
    """
    from tunesmith.named_trials import trained_model

    if text is not None and trial is not None:
        raise BadInputError("a model is named once: give --model or --trial")
    if trial is not None:
        return trained_model(home, trial)
    if text is None:
        models = registry(home, tracking)
        champion = models.champion(family)
        if champion is None:
            return trained_model(home, family)
        err.print(f"using {champion.reference}, the champion: {champion.source}", markup=False)
        return models.model_file(champion)
    if Path(text).exists() or not _REFERENCE.fullmatch(text):
        return Path(text)
    return _registered(text, family, registry(home, tracking))


def _registered(text: str, family: str, models: "Registry") -> Path:
    from search.model_versions import parse_reference

    reference = parse_reference(text)
    if reference.family != family:
        raise BadInputError(f"this takes a {family}, and {text} is a {reference.family}; name a {family}@VERSION")
    return models.model_file(models.version(reference))
