"""What a search found, in sentences."""

from dataclasses import replace

import pytest

from models.families import family as find_family
from models.spec import Value
from search.spec.file import load
from search.study.report import configurations
from tests.search.plots.trained import search_record
from tunesmith.reports.findings import about_ends

SPEC = load("composer", overrides={"space.size": {"low": 32, "high": 128}, "space.dropout": {"low": 0.0, "high": 0.5}})
OBJECTIVE = find_family("composer").metrics[0]


@pytest.mark.parametrize(
    ("sizes", "dropouts", "expected"),
    [
        ([128, 125, 128], [0.2, 0.3, 0.4], ["size near 128"]),
        ([32, 32, 33], [0.2, 0.3, 0.4], ["size near 32"]),
        ([32, 128, 32], [0.2, 0.3, 0.4], []),
        ([128, 100, 128], [0.49, 0.5, 0.5], ["dropout near 0.5"]),
        ([100, 100, 100], [0.0, 0.0, 0.0], []),  # no lower dropout is legal
        ([128, 128], [0.2, 0.2], []),  # too few
    ],
)
def test_the_ends_of_ranges_near_which_all_of_the_best_are_are_named(
    sizes: list[Value], dropouts: list[Value], expected: list[str]
) -> None:
    full = [trial for trial in search_record(20).trials if trial.state == "COMPLETE"]
    trials = [
        replace(trial, values={**trial.values, "size": size, "dropout": dropout})
        for trial, size, dropout in zip(full, sizes, dropouts, strict=False)
    ]
    findings = about_ends(configurations(trials, OBJECTIVE), SPEC)
    assert [finding.text.split(" have ")[1].split(",")[0] for finding in findings] == expected
