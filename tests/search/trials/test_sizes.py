"""Numbers of parameters, counted once for the same settings and data."""

from pathlib import Path
from typing import Any

import pytest
from toy_family import ToyFamily, ToySpec, toy_data

from data_prep.storage.cache import VARIABLE
from search.trials.sizes import num_parameters

SPECS = {3: ToySpec(columns=2), 5: ToySpec(columns=7), 8: ToySpec(columns=2)}


@pytest.fixture
def family(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ToyFamily:
    """A family that logs each start of a trial, with an empty cache."""
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    return ToyFamily(log=tmp_path / "starts.log")


def num_starts(family: ToyFamily) -> int:
    assert family.log is not None
    return len(family.log.read_text().splitlines())


def no_data() -> Any:
    raise AssertionError("all numbers are cached")


def test_equal_settings_are_counted_once_and_then_read_from_the_cache(family: ToyFamily) -> None:
    assert num_parameters(family, SPECS, "f", toy_data) == {3: 2, 5: 7, 8: 2}
    assert num_starts(family) == 2
    assert num_parameters(family, SPECS, "f", no_data) == {3: 2, 5: 7, 8: 2}
    assert num_parameters(family, {**SPECS, 9: ToySpec(columns=4)}, "f", toy_data)[9] == 4
    assert num_starts(family) == 3
    assert num_parameters(family, {1: SPECS[3]}, "g", toy_data) == {1: 2}
    assert num_starts(family) == 4, "other data may need another vocabulary"


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"a": "b"}', "[" * 100_000])
def test_a_damaged_cache_is_counted_again(family: ToyFamily, tmp_path: Path, text: str) -> None:
    num_parameters(family, SPECS, "f", toy_data)
    (file,) = (tmp_path / "parameters").iterdir()
    file.write_text(text)
    assert num_parameters(family, SPECS, "f", toy_data) == {3: 2, 5: 7, 8: 2}
    assert num_parameters(family, SPECS, "f", no_data) == {3: 2, 5: 7, 8: 2}
