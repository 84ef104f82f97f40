"""Scores of a family's baselines on prepared data, cached by the fingerprint of the data."""

import json
from pathlib import Path
from typing import Any

from data_prep.storage.cache import folder, write
from models.family import Baseline
from models.metrics import FoldValues

_VERSION = 3  # must be incremented when the result of a baseline changes


def read(family: str, fingerprint: str) -> tuple[Baseline, ...] | None:
    """Return cached baselines, weakest first; None if there are none, or the file is damaged."""
    try:
        rows = json.loads(_path(family, fingerprint).read_text(encoding="utf-8"))
        return tuple(_from_json(row) for row in rows)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def comparable(family: str, fingerprint: str, num_folds: int) -> tuple[Baseline, ...]:
    """Return cached baselines that were scored on the same number of folds, weakest first; empty if there are none."""
    return tuple(each for each in read(family, fingerprint) or () if len(each.score.values) == num_folds)


def keep(family: str, fingerprint: str, scored: tuple[Baseline, ...]) -> None:
    """Cache baselines, given weakest first; raise BadInputError if the cache folder cannot be used."""
    write(_path(family, fingerprint), json.dumps([_to_json(baseline) for baseline in scored]).encode())


def _path(family: str, fingerprint: str) -> Path:
    return folder(None) / "baselines" / f"{family}-{_VERSION}-{fingerprint}.json"


def _to_json(baseline: Baseline) -> dict[str, Any]:
    return {
        "name": baseline.name,
        "folds": baseline.score.values,
        "others": {name: values.values for name, values in baseline.others.items()},
        "oracle": baseline.oracle,
        "pieces": baseline.pieces,
    }


def _from_json(row: dict[str, Any]) -> Baseline:
    others = {name: FoldValues(tuple(values)) for name, values in row["others"].items()}
    return Baseline(row["name"], FoldValues(tuple(row["folds"])), others, row["oracle"], tuple(row["pieces"]))
