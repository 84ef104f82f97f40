"""The recorded settings on which policies are replayed: they are complete, and a damaged table is noticed."""

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.errors import BadInputError

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(sys, "path", [str(BENCHMARKS), *sys.path])
    return importlib.import_module("simulated.table")


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("recorded/*.jsonl")), ids=lambda path: path.stem)
def test_the_tables_that_are_kept_have_no_holes(path: Path, tables: Any) -> None:
    table = tables.read_table(path.stem, path)
    head = json.loads(path.read_text().splitlines()[0])
    assert table.folds.shape == (len(table.values), head["epochs"], head["folds"])
    assert np.isfinite(table.folds).all()
    assert (table.seconds > 0).all()


def test_a_cut_line_is_recorded_again(tmp_path: Path, tables: Any) -> None:
    path = tmp_path / "composer.jsonl"
    row: dict[str, Any] = {"values": {}, "folds": [[1.0, 2.0]], "seconds": [0.5]}
    for number in range(3):
        tables.append(path, "composer", number, row)
    text = path.read_text()
    path.write_text(text[:-20])
    assert sorted(tables.recorded(path)) == [0, 1]
    tables.append(path, "composer", 2, row)
    assert sorted(tables.recorded(path)) == [0, 1, 2]


def test_a_table_with_holes_is_not_replayed(tmp_path: Path, tables: Any) -> None:
    path = tmp_path / "composer.jsonl"
    lines = (BENCHMARKS / "recorded" / "composer.jsonl").read_text().splitlines()
    path.write_text("\n".join(line for line in lines if '"setting":7,' not in line))
    with pytest.raises(
        BadInputError, match=r"complete table: .* lacks 1 setting, such as number 7; .*record.py composer"
    ):
        tables.read_table("composer", path)
