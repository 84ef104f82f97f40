"""Numbers of parameters of trials' models, counted without training, and cached by the data and the settings."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from data_prep.progress import Progress, Silent
from data_prep.storage.cache import folder, write
from models.family import Family
from models.spec import Spec

_VERSION = 1  # must be incremented when the models of a family get other parameters


def num_parameters(
    family: Family[Any, Any],
    specs: Mapping[int, Spec],
    fingerprint: str,
    data: Callable[[], Any],
    progress: Progress | None = None,
) -> dict[int, int]:
    """Return the number of parameters of one fold's model for each trial.

    Args:
        family: The family.
        specs: The trials' hyperparameters by number.
        fingerprint: The fingerprint of the search's data, on which the size of a vocabulary depends.
        data: Returns that data; called only if a number is not in the cache.
        progress: Advances with each model that is counted.

    Returns:
        The numbers of parameters by trial number.

    Raises:
        BadInputError: If the cache folder cannot be used.
    """
    path = folder(None) / "parameters" / f"{family.name}-{_VERSION}-{fingerprint}.json"
    keys = {number: json.dumps(spec.model_dump(), sort_keys=True) for number, spec in specs.items()}
    known = _read(path)
    missing = {key: specs[number] for number, key in keys.items() if key not in known}
    if missing:
        prepared, shown = data(), progress or Silent()
        shown.start(len(missing), "counting parameters")
        for key, spec in missing.items():
            known[key] = family.start(spec, prepared, seed=0, trial=0, device="cpu").num_parameters
            shown.advance(1)
        shown.finish()
        write(path, json.dumps(known).encode())
    return {number: known[key] for number, key in keys.items()}


def _read(path: Path) -> dict[str, int]:
    """Return the cached numbers by the settings; none if the file is missing or damaged."""
    try:
        stored: object = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, RecursionError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    numbers = cast("dict[str, object]", stored)
    return {key: number for key, number in numbers.items() if isinstance(number, int)}
