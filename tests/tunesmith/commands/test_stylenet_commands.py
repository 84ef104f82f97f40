"""The commands with StyleNets: searches on small performances, and velocities for flat MIDI."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from data_prep.readers.midi import files as midi_file
from tests import hand_midi
from tests.mlflow_tables import lay_tables
from tunesmith.cli import run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # MLflow's own
    pytest.mark.xdist_group("stylenet"),
]

TINY = ["--set", "view=note", "--set", "size=4", "--set", "layers=1", "--set", "batch_size=8", "--set", "cell=lstm"]


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A folder with performances in two styles, an invalid file, and a finished search named "tiny"."""
    from tests.tunesmith.conftest import Place

    folder = tmp_path_factory.mktemp("played")
    for number in range(14):
        style = folder / "performances" / ("calm" if number < 7 else "wild")
        style.mkdir(parents=True, exist_ok=True)
        (style / f"{number}.mid").write_bytes(hand_midi.performance(number, length=200))
    (folder / "performances" / "calm" / "notes.mid").write_text("no MIDI at all")
    (folder / "performances" / "wild" / "flat.mid").write_bytes(hand_midi.performance(99, velocities=5))
    lay_tables(folder / "runs")
    place = Place(folder)
    budget = ["--corpus", "performances", "--trials", "4", "--epochs", "2", "--slots", "1"]
    done = place.run("search", "stylenet", "--name", "tiny", *budget, *TINY)
    assert done.returncode == 0, done.stderr
    assert "notes.mid" in done.stderr
    assert "1 file left out: " in done.stderr
    return place


def test_a_finished_search_prints_a_winner_and_baselines_by_style(played: Any) -> None:
    result = played.run("search", "tiny")
    assert result.returncode == 0, result.stderr
    assert "tiny is finished" in result.stderr
    for text in (
        "the winner, #",
        "gradient boosting",
        "random (S2)",
        "oracle",
        "calm",
        "wild",
        "tunesmith show tiny/",
        "perform FILE.mid",
    ):
        assert text in result.stdout
    baselines = json.loads(played.run("search", "tiny", "--json").stdout)["baselines"]
    names = [baseline["name"] for baseline in baselines]
    assert len(names) == 6
    assert {"onset_mae_calm", "level_removed_mae_wild"} <= set(baselines[0]["others"])
    assert [baseline["oracle"] for baseline in baselines] == [False] * 5 + [True]


def test_a_raised_budget_resumes_and_a_repeated_trial_gives_the_same_metrics(played: Any) -> None:
    before = {row["number"]: row for row in json.loads(played.run("trials", "tiny", "--json").stdout)}
    assert played.run("search", "tiny", "--trials", "5").returncode == 0
    after = {row["number"]: row for row in json.loads(played.run("trials", "tiny", "--json").stdout)}
    assert sorted(after) == [0, 1, 2, 3, 4]
    assert all(after[number]["onset_mae"] == row["onset_mae"] for number, row in before.items())
    there = json.loads(played.run("show", "tiny/0", "--json").stdout)
    here = json.loads(played.run("trial", "--like", "tiny/0", "--json").stdout)
    for repeated, original in zip(here["epochs"], there["epochs"], strict=False):
        for name, metric in original["metrics"].items():
            assert repeated["metrics"][name]["folds"] == pytest.approx(metric["folds"], rel=1e-6)
    text = played.run("show", "tiny/0").stdout
    assert "onset_mae_wild" in text


def test_mlflow_has_metrics_by_style_and_the_winners_pictures(played: Any) -> None:
    client = MlflowClient(tracking_uri=f"sqlite:///{played.folder / 'runs' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("stylenet")
    assert experiment is not None
    trials = client.search_runs([experiment.experiment_id], "tags.search = 'tiny' and tags.trial LIKE '%'")
    rows = json.loads(played.run("trials", "tiny", "--json").stdout)
    assert len(trials) == len(rows)
    for trial in trials:
        assert {"onset_mae", "onset_mae_se", "onset_mae/fold3", "onset_mae_calm"} <= set(trial.data.metrics)
    (winner,) = [trial for trial in trials if trial.data.tags.get("winner") == "yes"]
    pictures = {artifact.path for artifact in client.list_artifacts(winner.info.run_id)}  # pyright: ignore[reportUnknownMemberType]
    expected = {f"{kind}_{style}.png" for kind in ("snapshot", "piano_roll") for style in ("calm", "wild")}
    assert {
        "learning_curve.png",
        "encoding.png",
        "velocities.png",
        "distinct_velocities.png",
        "spec.json",
        *expected,
    } <= pictures


def test_show_draws_pictures(played: Any) -> None:
    done = played.run("show", "tiny/0", "--pictures", "pictures")
    assert done.returncode == 0, done.stderr
    drawn = [Path(line) for line in done.stdout.split()]
    assert len(drawn) == 8
    assert all((played.folder / path).read_bytes().startswith(b"\x89PNG") for path in drawn)
    again = played.run("show", "tiny/0", "--pictures", "pictures")
    assert again.returncode == 2
    assert "learning_curve.png exists" in " ".join(again.stderr.split())
    assert played.run("show", "tiny/0", "--pictures", "pictures", "--force").returncode == 0


@pytest.mark.parametrize("preset", ["s2", "s2-code", "genrenet"])
def test_the_presets_of_the_papers_train(preset: str, played: Any) -> None:
    small = [text for name, value in (("size", 4), ("epochs", 1)) for text in ("--set", f"{name}={value}")]
    done = played.run("trial", "stylenet", "--preset", preset, "--corpus", "performances", *small, "--json")
    assert done.returncode == 0, done.stderr
    trial = json.loads(done.stdout)
    assert trial["spec"]["layers"] == 3
    assert trial["spec"]["dropout"] == 0.2
    assert trial["epochs"][0]["metrics"]["mse_all"]["mean"] > 0


def test_a_dry_run_prints_styles_and_stores_nothing(played: Any) -> None:
    done = played.run("search", "stylenet", "--name", "planned", "--corpus", "performances", "--dry-run", *TINY)
    assert done.returncode == 0, done.stderr
    assert "calm" in done.stdout
    assert not (played.folder / "runs" / "searches" / "planned").exists()


@dataclass(frozen=True)
class Done:
    """The result of a command that ran in this process."""

    status: int
    out: str
    err: str


@pytest.fixture
def perform(played: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run ``tunesmith perform``, by default on a flat file of 100 notes."""
    monkeypatch.chdir(played.folder)
    monkeypatch.delenv("TUNESMITH_HOME", raising=False)
    (played.folder / "in.mid").write_bytes(hand_midi.performance(77, length=100, velocities=1))

    def command(*arguments: str, midi: str = "in.mid") -> Done:
        status = run(["perform", midi, *arguments])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return command


def test_a_flat_file_gets_different_velocities(played: Any, perform: Callable[..., Done]) -> None:
    done = perform("--trial", "tiny/0", "--genre", "wild", "--out", "out.mid", "--picture", "roll.png")
    assert done.status == 0, done.err
    assert "out.mid" in done.out
    before, after = (midi_file.read((played.folder / name).read_bytes()).notes for name in ("in.mid", "out.mid"))
    assert len(set(before.velocity.tolist())) == 1
    assert len(set(after.velocity.tolist())) > 1
    assert (played.folder / "roll.png").read_bytes().startswith(b"\x89PNG")
    (row,) = json.loads(perform("--trial", "tiny", "--genre", "calm", "--json").out)["performances"]
    assert row["output"] == "in-calm.mid"
    assert row["changed"] == 100


def test_all_styles_mixes_flat_and_random_velocities(played: Any, perform: Callable[..., Done]) -> None:
    every = json.loads(perform("--trial", "tiny", "--genre", "all", "--out", "all.mid", "--json").out)
    assert [row["output"] for row in every["performances"]] == ["all-calm.mid", "all-wild.mid"]
    assert perform("--trial", "tiny", "--mix", "calm=0.3,wild=0.7", "--amount", "0.8").status == 0
    assert (played.folder / "in-mix.mid").exists()
    flat = json.loads(perform("--flat", "--json").out)["performances"][0]
    assert (flat["mean"], flat["spread"]) == (64.0, 0.0)
    files: list[bytes] = []
    for seed in ("1", "1", "2"):
        assert perform("--random", "--seed", seed, "--out", "random.mid", "--force").status == 0
        files.append((played.folder / "random.mid").read_bytes())
    assert files[0] == files[1] != files[2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--trial tiny --genre wildd", "did you mean 'wild'"),
        ("--trial tiny", "needs one of the model's styles"),
        ("--trial tiny --mix calm", "a mix is written like"),
        ("--trial tiny/99 --genre calm", "no trial of tiny has the number 99"),
        ("--trial none --genre calm", "no search is called 'none'"),
        ("--model in.mid --genre calm", "is not a checkpoint"),
        ("--flat --genre calm", "takes one of --genre, --mix, --flat and --random: got several"),
        ("--flat --out nowhere/out.mid", "must be writable"),
        ("--flat --out in.mid", "an input is never replaced: the output would be in.mid; name another --out"),
        ("--flat --out in.png", "in.png exists; choose another name or folder, or replace the files (--force)"),
        ("--flat --out new.mid --picture in.png", "in.png exists"),
        ("--flat --picture nowhere/roll.png", "the folder of a picture must exist"),
        ("--flat --picture roll.txt", "a picture's file ends in"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    arguments: str, message: str, played: Any, perform: Callable[..., Done]
) -> None:
    (played.folder / "in.png").write_bytes(b"mine")
    done = perform(*arguments.split())
    assert not (played.folder / "new.mid").exists()
    assert done.status == 2
    assert message in " ".join(done.err.split())
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not begin with MThd"),
        (b"MThd, or so one might think", "MIDI"),
        (hand_midi.performance(1)[:100], "cut short"),
        (hand_midi.midi([(0, b"\xff\x58\x04\x04\x02\x18\x08")]), "no notes"),
        (hand_midi.midi(hand_midi.strike(60, 0, 10, channel=10)), "no piano"),
        (hand_midi.midi([(0, b"\xff\x51\x03\x00\x00\x00"), *hand_midi.strike(60, 0, 10)]), "tempo"),
        (hand_midi.midi(hand_midi.strike(60, 0, 10), division=0xE728), "counts fractions of seconds"),
    ],
    ids=["empty", "text", "cut", "no notes", "drums", "tempo 0", "frames"],
)
def test_a_file_that_cannot_be_performed_is_reported(
    data: bytes, message: str, played: Any, perform: Callable[..., Done]
) -> None:
    (played.folder / "bad.mid").write_bytes(data)
    done = perform("--flat", midi="bad.mid")
    assert done.status == 2
    assert "bad.mid" in done.err
    assert message in " ".join(done.err.split())
    missing = perform("--flat", midi="missing.mid")
    assert missing.status == 2
    assert "missing.mid" in missing.err
