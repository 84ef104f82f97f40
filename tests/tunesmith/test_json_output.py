"""--json prints JSON that strict parsers accept: null for missing values, no NaN, the same keys in every row."""

import json
import math
from typing import Any, Never

import numpy as np
import pytest

from tunesmith.console import json_text


def _refuse(word: str) -> Never:
    raise AssertionError(f"{word} is no JSON")


def strict(text: str) -> Any:
    """Parse a document strictly."""
    return json.loads(text, parse_constant=_refuse)


def test_numbers_that_json_lacks_are_null_and_numpys_are_numbers() -> None:
    value = {"a": [math.nan, -math.inf, (np.float32("nan"), np.float64(0.5))], 3: np.int64(7), "b": np.bool_(True)}
    assert strict(json_text(value)) == {"a": [None, None, [None, 0.5]], "3": 7, "b": True}


@pytest.mark.slow
@pytest.mark.xdist_group("searched")
@pytest.mark.filterwarnings("ignore")
def test_each_command_on_a_search_gives_such_json(searched: Any) -> None:
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
    found = {" ".join(command): strict(searched.run(*command, "--json").stdout) for command in commands}
    assert found["search tiny --dry-run --time none"]["time_limit"] is None
    assert len({frozenset(row) for row in found["trials tiny"]}) == 1
    assert all(row["reason"] is None or row["reason"] for row in found["trials tiny"])
    assert "" not in {value for row in found["trials tiny"] for value in row.values()}
    assert all(
        set(one["metrics"]) == set(found["search tiny"]["best"][0]["metrics"]) for one in found["search tiny"]["best"]
    )
