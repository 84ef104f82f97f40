"""The printed result of a search."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from models.families import FAMILIES
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.driver.limit import Reason
from search.driver.search_run import SearchResult
from search.spec.file import load
from search.spec.sections import Budget
from search.study.records import EpochRecord, ExpectedGain, TrialRecord
from tunesmith.home import home_folder
from tunesmith.reports.search_result import as_data, print_result

COMPOSER = FAMILIES["composer"]
REPORT = EpochReport(1, {COMPOSER.metrics[0].name: FoldValues((1.5, 1.75))}, 2.0)


def printed(changed: Mapping[str, Value], capsys: pytest.CaptureFixture[str]) -> Mapping[str, tuple[str, ...]]:
    """Print the result of a search with one trial, and return the lines of each paragraph by its first line."""
    values = {**COMPOSER.spec_type.defaults(), **changed}
    trial = TrialRecord(3, "COMPLETE", values, (EpochRecord(REPORT, 0),), None, None, "")
    print_result(load("composer"), COMPOSER, SearchResult("trials", (trial,), 1, True, 2.0, (), Budget()), None)
    paragraphs = [part.splitlines() for part in capsys.readouterr().out.split("\n\n")]
    return {lines[0]: tuple(lines[1:]) for lines in paragraphs}


def test_only_settings_of_the_winner_that_differ_from_the_defaults_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    changed: dict[str, Value] = {"layers": 2, "lr": 0.005, "beat": "off"}
    lines = printed(changed, capsys)["the winner, #3 (settings that differ from the defaults)"]
    assert {line.split()[0] for line in lines if line[2] != " "} == set(changed)


def test_a_winner_with_default_settings_is_described_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed({}, capsys)["the winner, #3 (all settings have their defaults)"] == (
        "it is a point that the search was given; the search found nothing better",
    )


def of_points(*losses: tuple[float, float]) -> tuple[TrialRecord, ...]:
    """Return trials: of the two points of the built-in search in turn, then of other settings."""
    search, name = load("composer"), COMPOSER.metrics[0].name
    values = [*search.prior, *({"size": 33 + n} for n in range(10))]
    return tuple(
        TrialRecord(
            number, "COMPLETE", point, (EpochRecord(EpochReport(1, {name: FoldValues(folds)}, 1.0), 0),), None, None, ""
        )
        for number, (point, folds) in enumerate(zip(values, losses, strict=False))
    )


@pytest.mark.parametrize(
    ("losses", "line"),
    [
        ([(2.0, 2.2), (1.4, 1.6)], "it is a point that the search was given; the search found nothing better"),
        ([(2.0, 2.2), (1.4, 1.6), (1.9, 2.0), (1.6, 1.8)], "it is a point that the search was given; the search found"),
        (
            [(2.0, 2.2), (1.4, 1.6), (1.2, 1.9)],
            "it is a point that the search was given; the search found nothing better",
        ),
        ([(2.0, 2.2), (1.4, 1.6), (1.3, 1.5)], "better by 0.100 ± 0.000 than #1, the best point that the"),
        ([(2.0, 2.2), (1.4, 1.6), (1.2, 1.7)], "better by 0.050 ± 0.150 than #1, the best point that the"),
    ],
)
def test_the_winner_is_compared_with_the_points_that_the_search_was_given(
    losses: list[tuple[float, float]], line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = SearchResult("trials", of_points(*losses), 4, True, 2.0, (), Budget())
    print_result(load("composer"), COMPOSER, outcome, None)
    printed_lines = [text for text in capsys.readouterr().out.splitlines() if text.startswith(line)]
    assert len(printed_lines) == 1
    assert printed_lines[0].endswith(": within noise") == (losses[-1][1] - losses[-1][0] > 0.4)
    assert ("; the best of its own, #3, is worse by 0.200 ± 0.000" in printed_lines[0]) == (len(losses) == 4)
    data = as_data(load("composer"), COMPOSER, outcome, None, Path())
    assert data["initial"]["number"] == 1


def test_points_of_other_searches_are_points_that_the_search_was_given(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = SearchResult("trials", of_points((2.0, 2.2), (1.4, 1.6), (1.3, 1.5)), 4, True, 2.0, (), Budget())
    print_result(load("composer"), COMPOSER, replace(outcome, warm_points=({"size": 33},)), None)
    assert "it is a point that the search was given; the search found nothing better" in capsys.readouterr().out


def test_a_search_without_given_points_compares_with_none(capsys: pytest.CaptureFixture[str]) -> None:
    outcome = SearchResult("trials", of_points((1.0, 2.0)), 1, True, 2.0, (), Budget())
    print_result(load("composer").model_copy(update={"prior": ()}), COMPOSER, outcome, None)
    assert "was given" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("reason", "gain", "start", "line"),
    [
        ("converged", ExpectedGain(0.004, 0.011, 45, 60, 3), "composer: converged after 2.0 s", "below"),
        ("time", ExpectedGain(0.04, 0.011, 45, 60, 0), "composer: its time is up after 2.0 s", "not below"),
        ("trials", ExpectedGain(0.04, math.nan, 45, 60, 0), "composer: all trials are done after 2.0 s", ""),
    ],
)
def test_the_result_says_what_further_trials_would_gain(
    reason: Reason, gain: ExpectedGain, start: str, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = SearchResult(reason, of_points((1.0, 2.0)), 1, True, 2.0, (), Budget(), expected_gain=gain)
    print_result(load("composer"), COMPOSER, outcome, None)
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith(start)
    size = "0.0040" if gain.gain < 0.01 else "0.040"
    folds = f"gain, {size} nats per note in the next 20 trials, is {line} the standard error of the folds, 0.011"
    single = f"gain is {size} nats per note in the next 20 trials"
    assert second == f"the expected further {folds if line else single}"
    data = as_data(load("composer"), COMPOSER, outcome, None, Path())
    error = 0.011 if line else None
    assert data["reason"] == reason
    assert data["expected_gain"] == {"gain": gain.gain, "trials": 20, "standard_error": error, "after_trials": 45}


def test_every_suggested_command_has_the_searchs_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home_folder(tmp_path / "there")
    commands = printed({}, capsys)["next"]
    home_folder(None, make=False)
    assert len(commands) == 9
    assert all(re.match(rf"  tunesmith .* --home {tmp_path}/there  ", command) for command in commands)
