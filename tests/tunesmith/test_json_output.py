"""--json prints JSON for strict parsers: null for missing values, no NaN, and the same keys in every row."""

import json
import math
from typing import Any, Never

import numpy as np
import pytest

from tunesmith.console import json_text


def _refuse(word: str) -> Never:
    raise AssertionError(f"{word} is not JSON")


def strict(text: str) -> Any:
    """Parse a document strictly."""
    return json.loads(text, parse_constant=_refuse)


def test_nan_and_infinities_are_null_and_numpy_numbers_are_numbers() -> None:
    value = {"a": [math.nan, -math.inf, (np.float32("nan"), np.float64(0.5))], 3: np.int64(7), "b": np.bool_(True)}
    assert strict(json_text(value)) == {"a": [None, None, [None, 0.5]], "3": 7, "b": True}


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
@pytest.mark.filterwarnings("ignore")
def test_every_command_on_a_search_prints_strict_json(searched: Any) -> None:
    commands = [
        ["search", "tiny"],
        ["search", "tiny", "--dry-run", "--time", "none"],
        ["trials", "tiny"],
        ["show", "tiny/0"],
        ["promote", "tiny", "--dry-run"],
        ["models"],
        ["data", "list"],
        ["data", "show", "tunes"],
        ["trial", "--like", "tiny/0"],
    ]
    printed = {" ".join(command): strict(searched.run(*command, "--json").stdout) for command in commands}
    assert printed["search tiny --dry-run --time none"]["time_limit"] is None
    assert len({frozenset(row) for row in printed["trials tiny"]}) == 1
    assert all(row["reason"] is None or row["reason"] for row in printed["trials tiny"])
    assert "" not in {value for row in printed["trials tiny"] for value in row.values()}
    assert all(
        set(trial["metrics"]) == set(printed["search tiny"]["best"][0]["metrics"])
        for trial in printed["search tiny"]["best"]
    )
