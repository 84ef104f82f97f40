"""First starts that die at every step: ``python dying_start.py FOLDER`` begins a search in FOLDER/1, FOLDER/2, ...

In home n the process dies just before it writes to the new study, or renames a file, for the n-th time. Each home has a
copy of the source of the warm start, the search "one" in FOLDER. It ends with a home in which the process lives.
"""

import itertools
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from search.study.database import open_study
from search.warm_start.choice import choose
from tests.search.warm_start.sources import TOY, toy

DEAD = 9


def die_at(number: int) -> None:
    """Make this process exit at that step."""
    steps = itertools.count(1)

    def dying(act: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any) -> Any:
            if next(steps) == number:
                os._exit(DEAD)
            return act(*arguments)

        return step

    os.write, os.rename, os.replace = map(dying, (os.write, os.rename, os.replace))


def main() -> None:
    source = Path(sys.argv[1])
    new = toy("new", warm_start__searches=["one"])
    for number in itertools.count(1):
        home = source / str(number)
        shutil.copytree(source / "searches", home / "searches")
        child = os.fork()
        if child == 0:
            choice = choose(new, home, TOY)
            die_at(number)
            with open_study(new, TOY, home, "f", taken=choice.taken if choice else None):
                os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if status != DEAD:
            sys.exit(status)


if __name__ == "__main__":
    main()
