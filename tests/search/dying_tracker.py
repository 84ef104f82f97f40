"""Trackers that die at every commit: ``python dying_tracker.py HOME`` copies a tracked home to HOME-1, HOME-2, ...

In copy n the tracker dies just before it commits its n-th transaction with changes. The last tracker finishes.
"""

import itertools
import os
import shutil
import sys
from pathlib import Path

import toy_family
from sqlalchemy import Engine, event

from tests.search.tracking.tracked import record, track


def write(home: Path, die_at: int) -> None:
    commits = itertools.count(1)
    changes: list[str] = []

    def execute(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.startswith(("INSERT", "UPDATE", "DELETE")):
            changes.append(statement)

    def commit(_connection: object) -> None:
        if changes and next(commits) == die_at:
            os._exit(9)
        changes.clear()

    event.listen(Engine, "before_cursor_execute", execute)
    event.listen(Engine, "commit", commit)
    best = record(1, "COMPLETE", [3.0, 2.0])
    tracking = track(home, [record(0, "COMPLETE", [4.0]), best])
    assert tracking.close(best, finished=True) == []
    os._exit(0)


def main() -> None:
    from mlflow import MlflowClient

    assert MlflowClient
    assert toy_family
    home = Path(sys.argv[1])
    for die_at in itertools.count(1):
        copy = home.with_name(f"{home.name}-{die_at}")
        shutil.copytree(home, copy)
        child = os.fork()
        if child == 0:
            write(copy, die_at)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0:
            return


if __name__ == "__main__":
    main()
