"""A family's baselines on prepared data, computed once for each fingerprint."""

import json
from pathlib import Path
from typing import Any

from data_prep.cache import folder, write
from models.family import Baseline, Family
from models.metrics import FoldValues

_VERSION = 3  # raised with every change to what a baseline computes


def baselines(family: Family[Any, Any], data: Any, fingerprint: str) -> tuple[Baseline, ...]:
    """Score a family's simple models, or read what was scored before.

    Args:
        family: The family.
        data: Its prepared data.
        fingerprint: Of the data.

    Returns:
        The baselines, weakest first.

    Raises:
        BadInputError: If the cache folder cannot be used.
    """
    path = folder(None) / "baselines" / f"{family.name}-{_VERSION}-{fingerprint}.json"
    stored = _read(path)
    if stored is None:
        stored = tuple(family.baselines(data))
        text = json.dumps([_to_json(one) for one in stored])
        write(path, text.encode())
    return stored


def _read(path: Path) -> tuple[Baseline, ...] | None:
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return tuple(_from_json(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not there, or damaged: it is made anew


def _to_json(one: Baseline) -> dict[str, Any]:
    others = {name: values.values for name, values in one.others.items()}
    return {
        "name": one.name,
        "folds": one.score.values,
        "others": others,
        "oracle": one.oracle,
        "pieces": one.pieces,
    }


def _from_json(row: dict[str, Any]) -> Baseline:
    others = {name: FoldValues(tuple(values)) for name, values in row["others"].items()}
    return Baseline(row["name"], FoldValues(tuple(row["folds"])), others, row["oracle"], tuple(row["pieces"]))
