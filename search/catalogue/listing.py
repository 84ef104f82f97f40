"""List the searches of a home folder, with their states and best values."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from data_prep.errors import BadInputError
from models.families import family as find_family
from models.metrics import FoldValues
from search.study.database import folder, names, read_search
from search.study.records import SearchRecord
from search.study.report import configurations

State: TypeAlias = Literal["running", "interrupted", "finished", "unreadable"]
"""The state of a search: a process runs or promotes it, it has budget left, it has none left, or it cannot be read."""


@dataclass(frozen=True)
class Entry:
    """One search of a home folder.

    Attributes:
        name: Its name.
        state: Its state.
        size_bytes: The size of its folder; a study in a database and files in a shared storage are not included.
        latest: When its newest epoch was recorded, or else when it was started.
        record: The search; None if it is unreadable.
        problem: Why it is unreadable; empty otherwise.
    """

    name: str
    state: State
    size_bytes: int
    latest: datetime
    record: SearchRecord | None
    problem: str = ""

    @property
    def best(self) -> FoldValues | None:
        """The objective of the best trial with the full budget; None if there is none."""
        if self.record is None:
            return None
        objective = find_family(self.record.spec.family).metrics[0]
        best = configurations(self.record.trials, objective)
        return best[0].score if best else None


def list_searches(home: Path) -> list[Entry]:
    """Return all searches of a home folder, the newest first."""
    entries = [entry(home, name) for name in names(home)]
    return sorted(entries, key=lambda each: each.latest, reverse=True)


def entry(home: Path, name: str) -> Entry:
    """Return one search; a search that cannot be read has a state of its own, so that the others are listed."""
    place = folder(home, name)
    started = datetime.fromtimestamp((place / "search.toml").stat().st_mtime, UTC)
    try:
        record = read_search(home, name)
        find_family(record.spec.family)
    except BadInputError as error:
        return Entry(name, "unreadable", _size(place), started, None, str(error))
    epochs = [trial.epochs[-1].at for trial in record.trials if trial.epochs]
    latest = datetime.fromtimestamp(max(epochs) / 1000, UTC) if epochs else started
    return Entry(name, _state(record), _size(place), latest, record)


def _state(record: SearchRecord) -> State:
    if record.driver is not None:
        return "running"
    return "finished" if record.is_over(record.spec.budget) else "interrupted"


def _size(place: Path) -> int:
    """Return the total size of the files in a folder; those that vanish meanwhile count as empty."""
    total = 0
    for path, _, files in os.walk(place):
        for file in files:
            try:
                total += os.lstat(Path(path) / file).st_size
            except FileNotFoundError:
                continue
    return total
