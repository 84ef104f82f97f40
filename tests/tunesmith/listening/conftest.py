"""Folders of performances and of tests, made once."""

import shutil
from pathlib import Path

import pytest

from data_prep.progress import Silent
from tests import hand_midi
from tunesmith.listening import making
from tunesmith.listening.design import Kind, planned
from tunesmith.listening.passages import Piece, choose


def write_performances(folder: Path, count: int, *, velocities: int = 60) -> Path:
    """Write short performances of different melodies."""
    folder.mkdir(parents=True)
    for number in range(count):
        data = hand_midi.performance(number, length=33, velocities=velocities)
        (folder / f"{number}.mid").write_bytes(data)
    return folder


@pytest.fixture(scope="session")
def performances(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_performances(tmp_path_factory.mktemp("performances") / "played", 4)


@pytest.fixture(scope="session")
def pieces(performances: Path) -> list[Piece]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNESMITH_CACHE", str(performances.parent / "cache"))
        return choose(str(performances), 4, human=True, seed=3, learnt=None, progress=Silent())


def make_test(folder: Path, pieces: list[Piece], kind: Kind, conditions: tuple[str, ...]) -> Path:
    """Make a test, with the last piece for practice."""
    wanted = making.Wanted(kind, conditions, 1, 30.0, 0.2, planned(kind, 10), seed=3)
    making.make(folder, wanted, pieces, None, Silent())
    return folder


@pytest.fixture(scope="session")
def pair_folder(pieces: list[Piece], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_test(tmp_path_factory.mktemp("pair") / "test", pieces, "pair", ("human", "flat", "random"))


@pytest.fixture(scope="session")
def ratings_folder(pieces: list[Piece], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_test(tmp_path_factory.mktemp("ratings") / "test", pieces[:3], "ratings", ("human", "flat"))


@pytest.fixture
def pair(pair_folder: Path, tmp_path: Path) -> Path:
    """A copy of the test with pairs, for answers."""
    return Path(shutil.copytree(pair_folder, tmp_path / "pair"))


@pytest.fixture
def ratings(ratings_folder: Path, tmp_path: Path) -> Path:
    """A copy of the test with ratings, for answers."""
    return Path(shutil.copytree(ratings_folder, tmp_path / "ratings"))
