"""``tunesmith promote`` on finished searches of real tunes, with a real registry."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from tests.tunesmith.conftest import TINY, Place, make_place

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MLflow's own
    pytest.mark.xdist_group("promote"),
]

GOOD = ["--set", "size=48", "--set", "embedding=32", "--set", "layers=1", "--set", "batch_size=4", "--set", "lr=0.008"]


BUDGET = ["--corpus", "tunes", "--trials", "2", "--slots", "1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with a finished search named "poor", which tests copy."""
    place = make_place(tmp_path_factory.mktemp("finished"))
    search(place, "poor", "--epochs", "2", *TINY)
    return place


@pytest.fixture
def place(finished: Place, tmp_path: Path) -> Place:
    """A folder with a finished search named "poor", and no registered model."""
    shutil.copytree(finished.folder, tmp_path / "place")
    return Place(tmp_path / "place")


def search(place: Place, name: str, *settings: str) -> None:
    (place.folder / "full.toml").write_text('family = "composer"\n[scheduler]\nkind = "none"\n')
    done = place.run("search", "full.toml", "--name", name, *BUDGET, *settings)
    assert done.returncode == 0, done.stderr


def champion(place: Place) -> Any:
    client = MlflowClient(f"sqlite:///{place.folder}/runs/mlflow.db", f"sqlite:///{place.folder}/runs/mlflow.db")
    return client.get_model_version_by_alias("tunesmith-composer", "champion")


def openings(place: Place) -> list[dict[str, str]]:
    files = (place.folder / "cache" / "prepared").glob("*.openings")
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def full_trials(place: Place, name: str) -> list[int]:
    rows = json.loads(place.run("trials", name, "--json").stdout)
    return [row["number"] for row in rows if row["state"] == "COMPLETE"]


def test_a_dry_run_promotes_nothing(place: Place) -> None:
    planned = place.run("promote", "poor", "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert "chosen" in planned.stdout
    assert "nothing was done" in planned.stdout
    assert openings(place) == []


def test_the_first_model_is_the_champion_even_if_it_loses_to_a_baseline(place: Place) -> None:
    first = place.run("promote", "poor")
    assert first.returncode == 0, first.stderr
    for text in (
        "composer@1 is the champion",
        "sealed test, ",
        "for the only time",
        "Kneser-Ney trigram",
        "tunesmith models",
    ):
        assert text in first.stdout, first.stdout
    loses, trial = champion(place).tags["loses_to"], champion(place).tags["trial"]
    assert loses.startswith("loses to ")
    assert first.stdout.index(f"poor/{trial} {loses}") < first.stdout.index("trained on all open pieces")
    for name in ([], ["composer@1"]):
        assert place.run("models", *name).stdout.startswith(f"composer@1 {loses}\n")
    shown = place.run("show", f"poor/{trial}").stdout
    assert "composer@1, the champion" in shown
    assert "sealed test" in shown
    assert champion(place).version == 1
    assert [opening["reason"] for opening in openings(place)] == [f"promotion of poor/{trial}"]

    again = place.run("promote", "poor")
    assert again.returncode == 0, again.stderr
    assert "composer@1 is already the champion" in again.stdout
    assert len(openings(place)) == 1


def test_only_a_better_or_forced_model_replaces_the_champion(place: Place) -> None:
    assert place.run("promote", "poor").returncode == 0
    search(place, "worse", "--trials", "1", "--epochs", "2", "--set", "lr=1e-6", *TINY)
    worse = place.run("promote", "worse")
    assert worse.returncode == 0, worse.stderr
    assert "composer@2 is not the champion" in worse.stdout
    assert "against the champion composer@1" in worse.stdout
    assert champion(place).version == 1

    search(place, "good", "--trials", "1", "--epochs", "10", *GOOD)
    better = json.loads(place.run("promote", "good", "--json").stdout)
    assert better["version"] == 3
    assert better["evidence"]["decision"]["moves"]
    assert better["evidence"]["comparison"]["low"] > 0
    assert champion(place).version == 3
    assert champion(place).tags["search"] == "good"

    back = place.run("rollback", "composer")
    assert back.returncode == 0, back.stderr
    assert champion(place).version == 1

    forced = place.run("promote", "worse", "--force", "--reason", "a test of force")
    assert forced.returncode == 0, forced.stderr
    assert champion(place).version == 2
    assert "a test of force" in str(champion(place).tags)
    assert len(openings(place)) == 3  # one for each search


def test_the_evidence_agrees_with_the_study_and_the_registered_model(place: Place) -> None:
    evidence = json.loads(place.run("promote", "poor", "--json").stdout)["evidence"]
    row = next(
        row for row in json.loads(place.run("trials", "poor", "--json").stdout) if row["number"] == evidence["trial"]
    )
    assert sum(evidence["folds"]) / 4 == pytest.approx(row["nats_per_note"])
    scores = evidence["test"]["scores"]
    assert len(scores["ids"]) == len(scores["values"]) == len(set(scores["ids"]))
    assert evidence["test"]["mean"] == pytest.approx(sum(scores["values"]) / len(scores["values"]))
    assert evidence["optimism"] == pytest.approx(evidence["test"]["mean"] - sum(evidence["folds"]) / 4)
    assert 1 <= evidence["epochs"] <= 2


def test_another_trial_of_a_tested_search_is_rejected(place: Place) -> None:
    assert place.run("promote", "poor").returncode == 0
    numbers = full_trials(place, "poor")
    tested = json.loads((place.folder / "runs" / "searches" / "poor" / "test.json").read_text())["trial"]
    other = next((number for number in numbers if number != tested), None)
    if other is None:
        pytest.fail("the search needs two full trials")
    refused = place.run("promote", "poor", "--trial", str(other))
    assert refused.returncode == 2
    assert f"poor/{tested} with 3 networks was tested" in refused.stderr
    assert f"tunesmith promote poor --trial {tested} --networks 3" in refused.stderr
    assert refused.stderr.strip().count("\n") == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nobody"], "search"),
        (["poor", "--trial", "77"], "no trial of poor has the number 77"),
        (["poor", "--force"], "force needs a reason"),
        (["poor", "--reason", "x"], "force needs a reason"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(place: Place, arguments: list[str], words: str) -> None:
    result = place.run("promote", *arguments)
    assert result.returncode == 2
    assert words in result.stderr
    assert result.stderr.count("error:") == 1
    assert "Traceback" not in result.stderr


def test_changed_data_is_rejected(place: Place) -> None:
    (file,) = (place.folder / "tunes").iterdir()
    file.write_bytes(file.read_bytes().replace(b"X:1\n", b"X:1\n% changed\n", 1) + b"\n")
    result = place.run("promote", "poor")
    assert result.returncode == 2
    assert "restore its files" in result.stderr


def test_a_killed_promotion_resumes_and_opens_the_test_once(place: Place) -> None:
    """If it is killed after the refit, nothing is registered, and the next promotion completes it."""
    name = "poor"
    process = place.start("promote", name)
    promoted = place.folder / "runs" / "searches" / name / "promoted"
    for _ in range(1200):
        if list(promoted.glob("trial-*.pt")):
            break
        time.sleep(0.05)
    process.kill()
    process.wait()
    client = MlflowClient(f"sqlite:///{place.folder}/runs/mlflow.db", f"sqlite:///{place.folder}/runs/mlflow.db")
    versions = client.search_model_versions("name = 'tunesmith-composer'")
    assert all(version.tags["search"] != name for version in versions)
    [model] = promoted.glob("trial-*.pt")
    written = model.stat().st_mtime_ns
    done = place.run("promote", name)
    assert done.returncode == 0, done.stderr
    assert model.stat().st_mtime_ns == written
    assert len(openings(place)) in (1, 2)  # opened again only if its result was not stored yet
    assert any(
        version.tags["search"] == name for version in client.search_model_versions("name = 'tunesmith-composer'")
    )
