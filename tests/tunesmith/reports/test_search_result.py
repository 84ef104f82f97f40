"""The printed result of a search."""

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from models.families import FAMILIES
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.driver.search_run import SearchResult
from search.spec.file import load
from search.spec.sections import Budget
from search.study.records import EpochRecord, TrialRecord
from tunesmith.home import home_folder
from tunesmith.reports.search_result import print_result

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
    assert printed({}, capsys)["the winner, #3 (all settings have their defaults)"] == ()


def test_every_suggested_command_has_the_searchs_home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home_folder(tmp_path / "there")
    commands = printed({}, capsys)["next"]
    home_folder(None, make=False)
    assert len(commands) == 7
    assert all(re.match(rf"  tunesmith .* --home {tmp_path}/there  ", command) for command in commands)
