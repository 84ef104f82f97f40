"""A small corpus of real tunes, and a finished search on it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from data_prep.corpus import corpora

TINY = ["--set", "size=8", "--set", "embedding=8", "--set", "layers=1", "--set", "batch_size=8"]


@dataclass(frozen=True)
class Done:
    """What a command came to."""

    status: int
    out: str
    err: str


@dataclass(frozen=True)
class Place:
    """A folder to work in, with a cache of its own and fifty of O'Neill's tunes."""

    folder: Path

    def environment(self) -> dict[str, str]:
        return {**os.environ, "TUNESMITH_CACHE": str(self.folder / "cache"), "COLUMNS": "160", "OMP_NUM_THREADS": "1"}

    def run(self, *arguments: str, timeout: float = 240) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", "from tunesmith.cli import main; main()", *arguments],
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def make_place(folder: Path) -> Place:
    tunes = folder / "tunes"
    tunes.mkdir()
    shutil.copy(next(path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc"), tunes)
    return Place(folder)


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place in which a search named "tiny" of four trials has finished."""
    place = make_place(tmp_path_factory.mktemp("searched"))
    done = place.run(
        "search", "composer", "--name", "tiny", "--corpus", "tunes", "--trials", "4", "--epochs", "2", *TINY
    )
    assert done.returncode == 0, done.stderr
    return place
