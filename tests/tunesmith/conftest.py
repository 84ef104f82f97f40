"""A small corpus of real tunes, and a finished search on it."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_prep.corpora.named import corpora
from tests.browser import MISSING, Browser
from tests.forked import Program
from tests.kernels import lay_kernels
from tests.mlflow_tables import lay_tables
from tunesmith.program import set_home

TINY = ["--set", "size=8", "--set", "embedding=8", "--set", "layers=1", "--set", "batch_size=8"]


@dataclass(frozen=True)
class Done:
    """The result of a command."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder with a cache and fifty tunes of O'Neill's."""

    folder: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "TUNESMITH_CACHE": str(self.folder / "cache"), "COLUMNS": "160", "OMP_NUM_THREADS": "1"}

    def start(self, *arguments: str) -> Program:
        """Start a command."""
        return Program(arguments, folder=self.folder, environment=self.environment())

    def run(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a command until it ends."""
        with self.start(*arguments) as program:
            out, err = program.communicate(240)
            return subprocess.CompletedProcess(arguments, program.wait(), out, err)


def make_place(folder: Path) -> Place:
    tunes = folder / "tunes"
    tunes.mkdir()
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), tunes)
    lay_tables(folder / "runs")
    lay_kernels(folder / "cache")
    return Place(folder)


@pytest.fixture(autouse=True)
def standard_home() -> Iterator[None]:
    """Reset the home folder after a test, since errors of later tests would name it."""
    yield
    set_home(None)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A browser that the tests of a module share."""
    if MISSING:
        pytest.skip(f"not installed: {', '.join(MISSING)}")
    with Browser(900) as browser:
        yield browser


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A folder with a finished search of four trials named "tiny"."""
    place = make_place(tmp_path_factory.mktemp("searched"))
    budget = ["--corpus", "tunes", "--trials", "4", "--epochs", "2", "--slots", "1"]
    done = place.run("search", "composer", "--name", "tiny", *budget, *TINY)
    assert done.returncode == 0, done.stderr
    return place
