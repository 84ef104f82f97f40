"""Searches that die at every step: ``python dying_search.py FOLDER [STORE]`` starts one in FOLDER/1, FOLDER/2, ...

In home n the process dies just before its n-th step that changes the disk: a file or folder is created, linked, renamed
or removed, a record is written to the study, or a transaction of MLflow's store is committed. Without STORE, this
continues until the home has a store; with STORE, each home starts with a copy of it, and this continues to the end.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from search.spec.file import parse
from search.study.database import open_study
from search.tracking.thread import Tracking
from tests.search.tracking.tracked import record

_STEPS = {"os.mkdir", "os.link", "os.rename", "os.remove", "sqlite3.connect"}
TRIAL = record(0, "COMPLETE", [3.0, 2.0])


def begin(home: Path) -> None:
    """Run the steps of a search with one trial, except Ray's."""
    family = ToyFamily()
    search = parse(TOY_SEARCH, "toy.toml", family=family)
    with open_study(search, family, home, "f") as study:
        tracking = Tracking(search, home, LOSS, {"study": study.id, "fingerprint": "f"}, study.records())
        tracking.put(TRIAL)
        assert tracking.close(None, finished=True) == []  # without a winner, whose pictures would take time


def die_at(number: int, home: Path, part: str) -> None:
    """Make this process exit at that step, counting the steps in a part of the home folder."""
    steps = itertools.count(1)

    def step() -> None:
        if next(steps) == number:
            os._exit(9)

    def heard(name: str, arguments: tuple[Any, ...]) -> None:
        written = name in _STEPS or (name == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if written and str(arguments[0]).startswith(f"{home}{part}"):
            step()

    def counted(write: Callable[[int, bytes], int]) -> Callable[[int, bytes], int]:
        def written(file: int, data: bytes) -> int:
            step()
            return write(file, data)

        return written

    def commit(connection: Any) -> None:
        if connection.engine.url.database != ":memory:":
            step()

    if not part:
        os.write = counted(os.write)
    event.listen(Engine, "commit", commit)
    sys.addaudithook(heard)


def main() -> None:
    from mlflow import MlflowClient

    assert MlflowClient
    folder, store = Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None
    for number in itertools.count(1):
        home = folder / str(number)
        if store:
            home.mkdir()
            shutil.copy(store, home / "mlflow.db")
        child = os.fork()
        if child == 0:
            die_at(number, home, "/mlartifacts" if store else "")
            begin(home)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != 9:
            sys.exit(status)
        if store is None and (home / "mlflow.db").exists():
            return


if __name__ == "__main__":
    main()
