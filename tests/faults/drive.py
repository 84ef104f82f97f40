"""A driver that tests kill: ``python drive.py SETTINGS`` runs a toy search like the command line.

SETTINGS is JSON: "home", "address" (null for a local Ray), and "changes" by dotted key of a search file.
"""

import json
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from cluster.session import quieten
from data_prep.errors import BadInputError
from search.spec.file import parse
from tests.search import toy_family


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # shells ignore it for processes in the background
    settings = json.loads(sys.argv[1])
    home = Path(settings["home"])
    family = toy_family.ToyFamily(log=home / "starts.log")
    search = parse(toy_family.TOY_SEARCH, "toy.toml", family=family, overrides=settings["changes"])
    quieten()
    from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

    cloudpickle.register_pickle_by_value(toy_family)  # pyright: ignore[reportUnknownMemberType]
    from search.warm_start.choice import choose
    from tunesmith.run_search import SearchData, run_search

    prepared: Any = SimpleNamespace(data=toy_family.toy_data(), fingerprint="toy-1")
    try:
        choice = choose(search, home, family)
        taken = choice.taken if choice else None
        outcome = run_search(search, home, family, SearchData(prepared, taken), settings["address"])
    except BadInputError as error:
        sys.exit(f"error: {error}")
    print(outcome.reason, *outcome.messages, sep="\n")  # noqa: T201  (the test reads it)


if __name__ == "__main__":
    main()
