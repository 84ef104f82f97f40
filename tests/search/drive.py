"""A driver that tests kill: ``python drive.py HOME TRIALS [STORAGE]`` runs a toy search and prints each epoch."""

import sys
from collections.abc import Mapping
from pathlib import Path

import toy_family
from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

from cluster.session import connect
from models.spec import Value
from search.spec.file import parse
from search.study.observer import SilentObserver


class Printer(SilentObserver):
    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        print("started", number, flush=True)  # noqa: T201  (the test reads it)

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        print("epoch", number, epoch, flush=True)  # noqa: T201  (the test reads it)

    def message(self, text: str) -> None:
        print("message", text, flush=True)  # noqa: T201  (the test reads it)


def main() -> None:
    home, trials, storage = Path(sys.argv[1]), int(sys.argv[2]), "".join(sys.argv[3:])
    family = toy_family.ToyFamily(log=home / "epochs.log")
    text = toy_family.TOY_SEARCH.replace("[space]", "[space]\npause = 0.15")
    changes = {"budget.trials": trials, "scheduler.first_rung": 3, "storage.url": storage}
    search = parse(text, "toy.toml", family=family, overrides=changes)
    cloudpickle.register_pickle_by_value(toy_family)  # pyright: ignore[reportUnknownMemberType]
    with connect(num_cpus=2, num_gpus=0):
        from search.driver.search_run import SearchTask, Workers, run

        run(SearchTask(search, family, toy_family.toy_data(), "toy-1", home), Printer(), Workers(slots=2))


if __name__ == "__main__":
    main()
