"""Promotions on real tunes with a real registry: the champion among several models, and the model card."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from data_prep.corpora.named import corpora
from search.promotion.registration import Registration
from search.promotion.registry import Registry
from search.promotion.versions import Version
from tests.forked import Program
from tests.mlflow_tables import lay_tables
from tests.search.contender import Contender
from tests.search.programs import environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # warnings of MLflow
    pytest.mark.xdist_group("promotion"),
]
WEAK, MIDDLE, BETTER = 1e-6, 1e-3, 2e-2
"""Learning rates."""


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the weak model is champion."""
    place = tmp_path_factory.mktemp("begun")
    (place / "tunes").mkdir()
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), place / "tunes")
    lay_tables(place / "runs")
    Contender(place, "weak", WEAK).promote()
    return place


@pytest.fixture
def place(begun: Path, tmp_path: Path) -> Path:
    """A copy of that folder, without the artifacts of the weak model, which stay in the original."""
    shutil.copytree(begun, tmp_path / "place")
    return tmp_path / "place"


def start(place: Path, name: str, lr: float) -> Program:
    """Start a promotion in another process and wait for its refit."""
    script = Path(__file__).parent.with_name("contender.py")
    program = Program([str(place), name, str(lr)], script=script, folder=place, environment=environment())
    assert program.stdout.readline() == "ready\n", program.errors
    return program


def end(place: Path, name: str, program: Program) -> str:
    (place / f"{name}.go").touch()
    out, errors = program.communicate(120)
    assert program.returncode == 0, errors
    return out.strip()


def champion(place: Path) -> Version:
    version = Contender(place, "", 0.0).registry.champion("composer")
    assert version is not None
    return version


def test_a_promotion_is_compared_with_the_champion_at_its_end(place: Path) -> None:
    middle = start(place, "middle", MIDDLE)
    outcome = Contender(place, "better", BETTER).promote()
    assert outcome.evidence.decision.moves
    assert end(place, "middle", middle) == "no champion"
    assert champion(place).search == "better"
    evidence = Contender(place, "", 0.0).registry.evidence(
        next(
            version for version in Contender(place, "", 0.0).registry.versions("composer") if version.search == "middle"
        )
    )
    assert evidence["champion"]["trial"] == "better/0"


def test_of_two_concurrent_promotions_the_better_model_becomes_champion(place: Path) -> None:
    programs = {name: start(place, name, lr) for name, lr in (("better", BETTER), ("middle", MIDDLE))}
    for name in programs:
        (place / f"{name}.go").touch()
    assert end(place, "better", programs["better"]) == "champion"
    end(place, "middle", programs["middle"])
    assert champion(place).search == "better"
    assert [version.is_champion for version in Contender(place, "", 0.0).registry.versions("composer")].count(True) == 1


def test_a_promotion_is_compared_with_a_champion_set_on_another_machine_meanwhile(place: Path) -> None:
    Contender(place, "better", BETTER).promote()
    ours = Contender(place, "middle", MIDDLE)
    registry = ours.registry
    better = champion(place).version
    registry.rollback("composer")

    class Elsewhere(Registry):
        def register(self, registration: Registration) -> Version:
            version = super().register(registration)
            registry.set_champion("composer", better, "by another machine, at this moment")
            return version

    home = place / "runs"
    outcome = ours.promote(registry=Elsewhere(f"sqlite:///{home / 'mlflow.db'}", home))
    assert not outcome.evidence.decision.moves
    assert champion(place).search == "better"
    version = registry.of_trial("composer", "id-middle", 0)
    assert version is not None
    assert version.tags["decision"] == outcome.evidence.decision.why


def test_the_card_of_a_model_that_loses_to_a_baseline_begins_with_that(place: Path) -> None:
    weak = champion(place)
    registry = Contender(place, "", 0.0).registry
    stored: Any = registry.evidence(weak)
    baselines, mean = stored["test"]["baselines"], stored["test"]["mean"]
    better = {name: value for name, value in baselines.items() if value < mean}
    assert better, "the weak model is worse than some n-gram"
    assert weak.loses_to.startswith("loses to ")
    assert (
        f"{mean:.3f} nats per note against {min(better, key=lambda name: better[name])} {min(better.values()):.3f}"
        in (weak.loses_to)
    )
    assert all((f"{name} {value:.3f}" in weak.loses_to) == (name in better) for name, value in baselines.items())
    title, first, *_ = weak.card.split("\n\n")
    assert (title, first) == ("# weak/0: a composer", f"**This model {weak.loses_to}.**")
    assert "One trial had a full budget" in weak.card
