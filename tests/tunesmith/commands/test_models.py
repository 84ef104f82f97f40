"""The commands for registered models: list, show, roll back, export and use them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from search.promotion.registration import Registration
from search.promotion.registry import Registry
from search.tracking.client import default_uri
from tests import hand_midi
from tests.models import trained_composers, trained_stylenets
from tests.tunesmith.conftest import Done
from tunesmith.cli import run

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own

EVIDENCE = {"decision": {"moves": True, "why": "it is better than the champion"}, "test": {"mean": 2.1}}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder with two composers, the second of which is the champion, and a StyleNet without a champion."""
    folder = tmp_path_factory.mktemp("registered")
    registry = Registry(default_uri(folder), folder)
    composer = trained_composers.trained(folder / "composer.pt")
    stylenet = trained_stylenets.trained(folder / "stylenet.pt")
    for family, model, number in (("composer", composer, 3), ("composer", composer, 7), ("stylenet", stylenet, 1)):
        tags = {"search": "tunes", "trial": str(number), "study": "s-1", "corpus": "oneills", "fingerprint": "f-1"}
        tags |= {"code_version": "0.1.0", "test_mean": "2.1", "test_se": "0.05", "unit": "nats per note"}
        registry.register(Registration(family, model, f"# tunes/{number}: a {family}", EVIDENCE, tags))
    registry.set_champion("composer", 1, "there was no champion")
    registry.set_champion("composer", 2, "it is better")
    return folder


@pytest.fixture
def tunesmith(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Done]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_HOME", str(home))

    def done(*arguments: str) -> Done:
        capsys.readouterr()
        status = run(list(arguments))
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return done


def test_all_versions_are_listed(tunesmith: Callable[..., Done]) -> None:
    done = tunesmith("models")
    assert done.status == 0, done.err
    lines = [line.split() for line in done.out.splitlines()]
    assert [line[0] for line in lines] == ["model", "composer@2", "composer@1", "stylenet@1"]
    assert lines[1][1:3] == ["champion", "tunes/7"]
    assert "2.100 ± 0.050 nats per note" in done.out
    rows = json.loads(tunesmith("models", "--json").out)
    assert [(row["model"], row["version"], row["aliases"]) for row in rows] == [
        ("composer", 2, ["champion"]),
        ("composer", 1, []),
        ("stylenet", 1, []),
    ]
    assert rows[0]["size_bytes"] > 1000


def test_a_version_is_shown_with_its_card_and_origin(tunesmith: Callable[..., Done]) -> None:
    for name in ("composer", "composer@champion", "composer@2"):
        done = tunesmith("models", name)
        assert done.status == 0, done.err
        for text in (
            "composer@2",
            "tunes/7: a composer",
            "study s-1",
            "f-1",
            "0.1.0",
            "it is better",
            "tunesmith show",
        ):
            assert text in done.out, text
    version = json.loads(tunesmith("models", "composer@1", "--json").out)
    assert version["evidence"] == EVIDENCE
    assert (version["search"], version["trial"], version["card"]) == ("tunes", "3", "# tunes/3: a composer")


def test_rollback_restores_the_previous_champion(tunesmith: Callable[..., Done], home: Path) -> None:
    done = tunesmith("rollback", "composer")
    assert done.status == 0, done.err
    assert done.out.startswith("composer@1 is the champion again: tunes/3")
    again = tunesmith("rollback", "composer")
    assert again.status == 2
    assert "composer@1 is the first champion" in again.err
    Registry(default_uri(home), home).set_champion("composer", 2, "it is better")


def test_an_exported_model_has_instructions(tunesmith: Callable[..., Done], tmp_path: Path) -> None:
    done = tunesmith("export", "composer@champion", "--out", "model")
    assert done.status == 0, done.err
    assert "mlflow models serve -m model" in done.out
    assert "load_model" in (tmp_path / "model" / "README.md").read_text()
    again = tunesmith("export", "composer@champion", "--out", "model")
    assert again.status == 2
    assert "into an empty folder" in again.err


def test_a_registered_model_performs(tunesmith: Callable[..., Done], tmp_path: Path, home: Path) -> None:
    (tmp_path / "in.mid").write_bytes(hand_midi.performance(77, length=100, velocities=1))
    arguments = ("perform", "in.mid", "--genre", "wild")
    assert tunesmith(*arguments, "--model", "stylenet@1", "--out", "one.mid").status == 0
    assert tunesmith(*arguments, "--model", str(home / "stylenet.pt"), "--out", "two.mid").status == 0
    assert (tmp_path / "one.mid").read_bytes() == (tmp_path / "two.mid").read_bytes()
    without_champion = tunesmith(*arguments, "--out", "three.mid")
    assert without_champion.status == 2
    assert "no search is called 'stylenet'" in without_champion.err
    registry = Registry(default_uri(home), home)
    registry.set_champion("stylenet", 1, "there was no champion")
    done = tunesmith(*arguments, "--out", "three.mid")
    assert done.status == 0, done.err
    assert "using stylenet@1, the champion: tunes/1" in done.err
    assert (tmp_path / "three.mid").read_bytes() == (tmp_path / "one.mid").read_bytes()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("models compser", "did you mean 'composer'?"),
        ("models composer@9", "no version is called 'composer@9'; did you mean 'composer@"),
        ("models --tracking ./mlruns", "tracking.uri must be the URI of a database or a server"),
        ("rollback compser", "did you mean 'composer'?"),
        ("export composer@9 --out model", "no version is called 'composer@9'"),
        ("perform in.mid --model composer@1", "the model must be a stylenet: composer@1 is a composer"),
        ("perform in.mid --model stylnet@1", "did you mean 'stylenet'?"),
        ("perform in.mid --model missing.pt", "a trained model must exist: there is no missing.pt"),
        ("perform in.mid --model stylenet@1 --trial tunes/1", "a model is named by --model or by --trial: got both"),
    ],
)
def test_invalid_arguments_are_reported_in_one_line(
    command: str, message: str, tunesmith: Callable[..., Done], tmp_path: Path
) -> None:
    (tmp_path / "in.mid").write_bytes(hand_midi.performance(77, length=100, velocities=1))
    done = tunesmith(*command.split())
    assert done.status == 2
    assert message in " ".join(done.err.split())
    assert done.err.count("\n") == 1
    assert done.out == ""


def test_without_models_the_list_shows_how_to_register_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TUNESMITH_HOME", str(tmp_path / "new"))
    assert run(["models"]) == 0
    assert "tunesmith promote NAME" in capsys.readouterr().out
    assert run(["models", "--json"]) == 0
    versions: Any = json.loads(capsys.readouterr().out)
    assert versions == []
    assert list((tmp_path / "new").iterdir()) == []
