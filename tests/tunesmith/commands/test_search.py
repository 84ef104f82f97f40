"""``tunesmith search``, ``trials``, ``show`` and ``trial`` on real tunes, with Ray, Optuna and MLflow."""

import csv
import io
import json
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.tunesmith.conftest import TINY, make_place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MLflow's own
    pytest.mark.xdist_group("searched"),
]


def test_a_finished_search_prints_a_winner_and_baselines(searched: Any) -> None:
    result = searched.run("search", "tiny", "--address", "127.0.0.1:9")
    assert result.returncode == 0, result.stderr
    assert "tiny is finished" in result.stderr, "a finished search needs no cluster"
    assert "--trials" in result.stderr
    for text in (
        "best trials",
        "the winner, #",
        "Kneser-Ney trigram + copy",
        "next",
        "tunesmith show tiny/",
        "promote tiny",
    ):
        assert text in result.stdout
    assert list((searched.folder / "cache" / "baselines").iterdir()), "they were scored during the search"


def test_a_finished_search_with_another_study_is_not_finished(searched: Any) -> None:
    before, heading, after = searched.run("search", "tiny", "--print").stdout.partition("[study]\n")
    file = searched.folder / "elsewhere.toml"
    file.write_text(before + heading + after.replace('url = ""', f'url = "sqlite:///{searched.folder}/other.db"', 1))
    result = searched.run("search", "elsewhere.toml", "--address", "127.0.0.1:9")
    assert result.returncode == 2
    assert "must answer at its address" in result.stderr


def test_the_table_of_trials_agrees_as_text_json_and_csv(searched: Any) -> None:
    as_json = json.loads(searched.run("trials", "tiny", "--json").stdout)
    as_csv = list(csv.DictReader(io.StringIO(searched.run("trials", "tiny", "--csv").stdout)))
    table = searched.run("trials", "tiny").stdout
    assert len(as_json) == len(as_csv) == 4
    for row, text_row in zip(as_json, as_csv, strict=True):
        assert row["number"] == int(text_row["number"])
        assert row["nats_per_note"] == pytest.approx(float(text_row["nats_per_note"]))
        assert f"#{row['number']}" in table
        assert f"{row['nats_per_note']:.3f}" in table
    full = [row["nats_per_note"] for row in as_json if row["state"] == "COMPLETE"]
    assert full == sorted(full)
    by_number = json.loads(searched.run("trials", "tiny", "--sort", "number", "--json").stdout)
    assert [row["number"] for row in by_number] == [0, 1, 2, 3]


def test_a_repeated_trial_gives_the_same_metrics_as_in_the_search(searched: Any) -> None:
    number = json.loads(searched.run("trials", "tiny", "--json").stdout)[0]["number"]
    there = json.loads(searched.run("show", f"tiny/{number}", "--json").stdout)
    here = json.loads(searched.run("trial", "--like", f"tiny/{number}", "--json").stdout)
    assert here["spec"] == there["spec"]
    assert len(here["epochs"]) == len(there["epochs"]) == 2
    for repeated, original, num_folds in zip(here["epochs"], there["epochs"], (1, 4), strict=True):
        for name, metric in original["metrics"].items():  # the first epoch is of one fold in the search
            assert repeated["metrics"][name]["folds"][:num_folds] == pytest.approx(metric["folds"], rel=1e-6)


def test_show_prints_curves_and_how_to_find_the_trial_in_mlflow(searched: Any) -> None:
    text = searched.run("show", "tiny/0").stdout
    for part in ("nats_per_note", "folds", "fold 3", "size", "mlflow.db", 'tags.trial = "0"', "trial --like tiny/0"):
        assert part in text
    assert len(_runs_in_mlflow(searched.folder, 'tags.search = "tiny" and tags.trial = "0"')) == 1


def test_a_changed_space_is_rejected_with_the_change(searched: Any) -> None:
    result = searched.run("search", "tiny", "--set", "size=16")
    assert result.returncode == 2
    assert "size (8, now 16)" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_dry_run_prints_the_plan_and_stores_nothing(searched: Any) -> None:
    result = searched.run("search", "composer", "--name", "planned", "--corpus", "tunes", "--dry-run", "--json")
    plan = json.loads(result.stdout)
    assert plan["name"] == "planned"
    assert plan["rungs"][0]["trials"] >= plan["rungs"][-1]["trials"] > 0
    assert plan["seconds_of_its_epoch"] > 0
    assert not (searched.folder / "runs" / "searches" / "planned").exists()
    apart = searched.run("search", "composer", "--corpus", "tunes", "--home", "apart", "--print")
    assert apart.returncode == 0
    assert not (searched.folder / "apart").exists()
    text = searched.run("search", "composer", "--name", "planned", "--corpus", "tunes", "--dry-run").stdout
    assert "to epoch" in text
    assert f"the last {plan['confirming']} repeats of the best" in text
    assert "nothing was run or stored" in text


def test_a_printed_search_file_is_the_same_search(searched: Any) -> None:
    printed = searched.run("search", "tiny", "--print").stdout
    file = searched.folder / "again.toml"
    file.write_text(printed)
    assert searched.run("search", "again.toml", "--print").stdout == printed


def test_the_reading_of_repeats_is_stored_with_a_search(searched: Any) -> None:
    budget = ["--corpus", "tunes", "--trials", "1", "--epochs", "1", "--slots", "1", *TINY]
    done = searched.run("search", "composer", "--name", "danced", "--repeats", "played", *budget)
    assert done.returncode == 0, done.stderr
    assert 'repeats = "played"' in searched.run("search", "danced", "--print").stdout
    there = json.loads(searched.run("show", "danced/0", "--json").stdout)
    here = json.loads(searched.run("trial", "--like", "danced/0", "--json").stdout)
    assert here["repeats"] == "played"
    repeated, original = (trial["epochs"][0]["metrics"]["nats_per_note"]["folds"] for trial in (here, there))
    assert repeated == pytest.approx(original, rel=1e-6)
    plan = searched.run("promote", "danced", "--dry-run", "--json")  # rejects other data than the search's
    assert json.loads(plan.stdout)["trial"] == 0
    other = searched.run("search", "danced", "--repeats", "written")
    assert other.returncode == 2
    assert "data.repeats (played, now written)" in other.stderr
    (run,) = _runs_in_mlflow(searched.folder, 'tags.search = "danced" and tags.trial = "0"')
    assert run.data.tags["repeats"] == "played"
    rejected = searched.run("trial", "--like", "danced/0", "--repeats", "written")
    assert "omit --set, --preset, --corpus, --repeats, --folds and --seed" in rejected.stderr
    other = searched.run("trial", "stylenet", "--like", "danced/0")
    assert (other.returncode, "danced/0 is a composer; omit FAMILY" in other.stderr) == (2, True)


def test_a_search_begins_with_the_points_of_another_search(searched: Any) -> None:
    (searched.folder / "warm.toml").write_text("""
name = "warm"
[data]
corpus = "tunes"
[budget]
trials = 2
epochs = 1
[space]
only = true
size = [8, 12]
[[prior]]
size = 12
[warm_start]
points = 1
""")
    planned = searched.run("search", "warm.toml", "--warm-start", "tiny", "--dry-run", "--json")
    (point,) = json.loads(planned.stdout)["warm_points"]
    assert point == {"trial": point["trial"], "settings": {"size": 8}}
    table = searched.run("search", "warm.toml", "--warm-start", "tiny", "--dry-run").stdout
    assert f"like {point['trial']} " in table
    assert "2, the first 2 at known good points" in table
    done = searched.run("search", "warm.toml", "--warm-start", "tiny", "--json")
    assert done.returncode == 0, done.stderr
    assert "warm start: 1 point of tiny\n" in done.stderr
    assert f"  embedding = 8 of {point['trial']} is not searched: " in done.stderr
    assert json.loads(done.stdout)["initial"]["gain"]["mean"] == 0.0, "the winner is a point that it was given"
    rows = json.loads(searched.run("trials", "warm", "--sort", "number", "--json").stdout)
    assert [row["size"] for row in rows] == [12, 8]
    again = searched.run("search", "warm")
    assert (again.returncode, "warm start" in again.stderr) == (0, False), "it was started before"
    other = searched.run("search", "warm", "--warm-start", "danced")
    assert "warm was started with those of tiny" in other.stderr


def _wait_until(condition: Callable[[], bool]) -> None:
    for _ in range(1500):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("the search reported nothing")


def _wait_for_epochs(place: Any, name: str, count: int) -> None:
    journal = place.folder / "runs" / "searches" / name / "study.journal"
    _wait_until(lambda: journal.exists() and journal.read_text(errors="replace").count('"epoch:') >= count)


def test_a_search_is_changed_while_it_runs_killed_and_resumed(searched: Any) -> None:
    """For SIGINT, see tests/faults/test_moving.py; for SIGTERM, see test_slurm_script.py."""
    name = "killed"
    budget = ["--corpus", "tunes", "--trials", "900", "--epochs", "3", "--set", "size=8", "--set", "embedding=8"]
    process = searched.start("search", "composer", "--name", name, *budget)
    _wait_for_epochs(searched, name, 3)
    changed = searched.run("search", name, "--trials", "1000", "--time", "2h", "--json")
    assert json.loads(changed.stdout).items() >= {"search": name, "trials": 1000, "time": "2h"}.items()
    added = json.loads(searched.run("trials", name, "--add", "lr=0.0087 layers=1", "--json").stdout)
    assert "the budget of killed is now 1000 trials in 2h, and was 900 trials in " in process.errors
    refused = searched.run("searches", "--delete", name, "--yes")
    assert (refused.returncode, "killed is in use (process" in refused.stderr) == (2, True)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    cut = json.loads(searched.run("trials", name, "--json").stdout)
    assert {row["state"] for row in cut} >= {"WAITING"}
    assert "RUNNING" not in {row["state"] for row in cut}, "no process trains them"
    assert "interrupted" in searched.run("trials", name).stdout
    assert "trials = 1000" in searched.run("search", name, "--print").stdout
    count = max(len(cut), added["trial"]) + 1
    result = searched.run("search", name, "--trials", str(count))
    assert result.returncode == 0, result.stderr
    rows = json.loads(searched.run("trials", name, "--sort", "number", "--json").stdout)
    assert [row["number"] for row in rows] == list(range(count))
    assert {row["state"] for row in rows} <= {"COMPLETE", "PRUNED", "FAIL"}
    assert (rows[added["trial"]]["lr"], rows[added["trial"]]["layers"]) == (0.0087, 1)
    _check_mlflow_agrees(searched.folder, name, rows)


def _check_mlflow_agrees(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    runs = _runs_in_mlflow(folder, f'tags.search = "{name}"')
    trials = [run for run in runs if "trial" in run.data.tags]
    assert Counter(int(run.data.tags["trial"]) for run in trials) == Counter(row["number"] for row in rows)
    assert all(run.info.status != "RUNNING" for run in runs)
    for row in rows:
        run = next(run for run in trials if int(run.data.tags["trial"]) == row["number"])
        assert run.data.tags["state"] == row["state"]
        assert run.data.tags["backend"].startswith(("native (", "reference (no C++ compiler"))
        assert int(run.data.tags["epochs"]) == row["epochs"]
        assert run.data.metrics.get("nats_per_note") == pytest.approx(row["nats_per_note"])


def test_ctrl_c_before_the_first_trial_exits_cleanly(tmp_path: Path) -> None:
    with make_place(tmp_path).start("search", "composer", "--corpus", "tunes", "--slots", "1", *TINY) as process:
        _wait_until(lambda: "reading scores" in process.errors)
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "nothing recorded is lost" in errors
    assert "Traceback" not in errors


def _runs_in_mlflow(folder: Path, condition: str) -> list[Any]:
    client = MlflowClient(f"sqlite:///{folder}/runs/mlflow.db")
    experiment = client.get_experiment_by_name("composer")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id], condition))
