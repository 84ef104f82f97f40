"""A driver that tests kill: ``python hold_study.py HOME URL`` acquires the toy search, prints "held" and waits."""

import sys
import threading
from pathlib import Path

from toy_family import TOY_SEARCH, ToyFamily

from search.spec.file import parse
from search.study.database import open_study


def main() -> None:
    family = ToyFamily()
    search = parse(TOY_SEARCH, "toy.toml", family=family, overrides={"study.url": sys.argv[2]})
    with open_study(search, family, Path(sys.argv[1]), "f"):
        print("held", flush=True)  # noqa: T201  (the test reads it)
        threading.Event().wait()


if __name__ == "__main__":
    main()
