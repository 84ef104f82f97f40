"""``tunesmith trials --front`` on a finished search of real tunes."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.tunesmith.conftest import Place
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("searched")]


def front(capsys: pytest.CaptureFixture[str], cost: str) -> dict[str, Any]:
    assert run(["trials", "tiny", "--front", cost, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(("cost", "column"), [("params", "parameters"), ("seconds", "seconds_per_epoch")])
def test_the_front_has_the_trials_that_no_other_beats(
    cost: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found = front(capsys, cost)
    assert run(["trials", "tiny", "--json"]) == 0
    full = [row for row in json.loads(capsys.readouterr().out) if row["state"] == "COMPLETE"]
    assert found["complete_trials"] == len(full)
    best = full[0]["number"]
    numbers = [row["number"] for row in found["front"]]
    assert best in numbers, "no trial is better than the best"
    costs, scores = [row[column] for row in found["front"]], [row["nats_per_note"] for row in found["front"]]
    assert costs == sorted(costs)
    assert scores == sorted(scores, reverse=True)
    for row in full:
        if row["number"] not in numbers and cost == "seconds":
            seconds = row["seconds"] / row["epochs"]
            assert any(a <= seconds * 1.001 and b <= row["nats_per_note"] for a, b in zip(costs, scores, strict=True))
    assert found["promoted"] in {row["number"] for row in full}


def test_the_mark_of_a_promotion_agrees_with_promote(capsys: pytest.CaptureFixture[str]) -> None:
    promoted = front(capsys, "params")["promoted"]
    assert run(["promote", "tiny", "--dry-run", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["trial"] == promoted
    assert run(["trials", "tiny", "--front", "params"]) == 0
    text = capsys.readouterr().out
    assert "promoted by rule" in text or f"chooses #{promoted}, which is not on this front" in text
    size = next(row["parameters"] for row in plan["candidates"] if row["trial"] == promoted)
    assert f"{size:,}" in text


def test_the_front_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "front.svg"
    assert run(["trials", "tiny", "--front", "seconds", "--picture", str(file)]) == 0
    assert file.read_text().startswith("<?xml")
    assert run(["trials", "tiny", "--front", "seconds", "--picture", str(file)]) == 2
    assert "--force" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--front", "money"], "no cost is called 'money' (--front); there are: params, seconds"),
        (["--picture", "front.svg"], "--picture draws quality against a cost; name the cost with --front"),
        (["--front", "params", "--csv"], "--front has one order and one table; omit --sort and --csv"),
        (["--front", "params", "--sort", "time"], "omit --sort and --csv"),
        (["--front", "params", "--picture", "front.gif"], "a picture's file ends in .png, .svg, .pdf"),
    ],
)
def test_bad_options_are_refused(options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trials", "tiny", *options]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1


def test_a_search_without_a_full_trial_has_no_front(capsys: pytest.CaptureFixture[str], place: Place) -> None:
    from models.families import family
    from search.spec.file import load
    from search.study.database import open_study

    search = load("composer", overrides={"name": "begun"})
    with open_study(search, family("composer"), place.folder / "runs", "f"):
        pass
    assert run(["trials", "begun", "--front", "params"]) == 2
    errors = capsys.readouterr().err
    assert "only trials with their full budget are compared: begun has no such trial yet" in errors
    assert "search begun --time none" in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stop", "0"], "only a trial that is training can be stopped: tiny/0 is over: "),
        (["--stop", "99"], "no trial of tiny has the number 99"),
        (["--add", "lr=1e9"], "the search has lr = { low = "),
        (["--add", "size=16"], "the search has size = 8: got 16 (--add)"),
        (["--add", "layres=2"], "no setting is called 'layres' (--add); did you mean 'layers'?"),
        (["--add", "lr"], "a setting is given as name=value"),
        (["--add", "lr=0.004"], "tiny is not running; start it, and ask again: "),
        (["--stop", "0", "--add", "lr=0.004"], "got both --stop and --add"),
        (["--stop", "0", "--csv", "--front", "params"], "print no table: got --csv and --front"),
    ],
)
def test_a_request_that_cannot_be_carried_out_is_refused(
    options: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trials", "tiny", *options]) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert errors.count("\n") == 1
