"""A family's baselines on prepared data, kept for each fingerprint of the data."""

import json
from pathlib import Path
from typing import Any

from data_prep.storage.cache import folder, write
from models.family import Baseline
from models.metrics import FoldValues

_VERSION = 3  # raised with every change to what a baseline computes


def read(family: str, fingerprint: str) -> tuple[Baseline, ...] | None:
    """Read baselines that were scored before.

    Args:
        family: The family's name.
        fingerprint: Of the data.

    Returns:
        The baselines, weakest first; None where they are not there, or damaged, and must be scored.
    """
    try:
        rows = json.loads(_path(family, fingerprint).read_text(encoding="utf-8"))
        return tuple(_from_json(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep(family: str, fingerprint: str, scored: tuple[Baseline, ...]) -> None:
    """Keep baselines for the next who asks.

    Args:
        family: The family's name.
        fingerprint: Of the data.
        scored: The baselines, weakest first.

    Raises:
        BadInputError: If the cache folder cannot be used.
    """
    write(_path(family, fingerprint), json.dumps([_to_json(one) for one in scored]).encode())


def _path(family: str, fingerprint: str) -> Path:
    return folder(None) / "baselines" / f"{family}-{_VERSION}-{fingerprint}.json"


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
