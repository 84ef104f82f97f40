"""A table of recorded settings as a benchmark for policies: each proposal becomes the nearest setting of the table.

A policy therefore sees measured values only, of exactly the settings that its study has.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from data_prep.errors import BadInputError
from data_prep.wording import counted
from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.driver.sampler import IndependentSampler
from search.spec.coordinates import coordinates
from search.spec.file import load
from search.spec.space import Space
from simulated.proposals import propose

Array = NDArray[np.float64]

_FOLDER = Path(__file__).parents[1] / "recorded"
CORPORA: Mapping[str, str | tuple[str, ...]] = {
    "composer": ("0201-0300.abc", "0301-0350.abc"),
    "stylenet": "synthetic",
}
"""The corpus of each family's recorded settings: a named one, or files of O'Neill's collection."""

_HOW = (
    "Settings of the default space, each trained to its full budget by one thread: after every epoch the objective of "
    "every fold, and the seconds of processor time that the epoch took. Made by python benchmarks/record.py {family}"
)


@dataclass(frozen=True)
class Table:
    """The settings of a family that were trained to the end.

    Symbols: M settings, E epochs, G folds.

    Attributes:
        family: The family.
        space: The space of its default search.
        values: [M] the searched values of each setting that matter.
        folds: [M, E, G] the objective.
        seconds: [M, E] processor time of each epoch.
    """

    family: str
    space: Space
    values: Sequence[Mapping[str, Value]]
    folds: Array
    seconds: Array

    @cached_property
    def rows(self) -> Mapping[str, Sequence[int]]:
        """The rows of each different setting, by its key."""
        rows: dict[str, list[int]] = {}
        for row, values in enumerate(self.values):
            rows.setdefault(key(values), []).append(row)
        return rows

    @cached_property
    def final(self) -> Mapping[str, float]:
        """The objective of each different setting after the full budget: mean over its folds and its rows."""
        return {each: float(self.folds[list(rows), -1].mean()) for each, rows in self.rows.items()}

    def final_of(self, values: Mapping[str, Value]) -> float:
        """Return the objective of a setting of the table after the full budget, by its values, fixed ones included."""
        return self.final[key({name: value for name, value in values.items() if name in self.space.searched})]

    def best(self, share: float) -> float:
        """Return the objective that this share of the different settings reaches."""
        return float(np.quantile(list(self.final.values()), share, method="higher"))

    @cached_property
    def _coordinates(self) -> Array:
        return np.array([coordinates(self.space, values) for values in self.values])

    def distances(self, values: Mapping[str, Value]) -> Array:
        """Return [M] the distance of every setting of the table."""
        return np.abs(self._coordinates - coordinates(self.space, values)).sum(axis=-1)


def key(values: Mapping[str, Value]) -> str:
    """Return a text that is equal for equal settings."""
    return json.dumps(dict(sorted(values.items())))


@dataclass(frozen=True)
class TableCurves:
    """The learning curves of a table's settings; equal settings take turns.

    Attributes:
        table: The table.
        metrics: Names of the metrics that a trial reports; all have the objective's values.
        first: Number of folds that are trained first, and the epoch after which the others join; None for all.
        share: Time of the first folds as a share of the time of all.
    """

    table: Table
    metrics: Sequence[str]
    first: tuple[int, int] | None
    share: float

    def reports(self, values: Mapping[str, Value], number: int) -> list[EpochReport]:
        """Return the reports of a trial."""
        searched = {name: value for name, value in values.items() if name in self.table.space.searched}
        rows = self.table.rows[key(searched)]
        row = rows[number % len(rows)]
        folds, seconds = self.table.folds[row], self.table.seconds[row].copy()
        first, rung = self.first or (folds.shape[1], 0)
        if rung:
            seconds[rung] += (1 - self.share) * seconds[:rung].sum()  # the others catch up
            seconds[:rung] *= self.share
        return [
            EpochReport(
                epoch + 1,
                dict.fromkeys(self.metrics, FoldValues(tuple(folds[epoch, :first] if epoch < rung else folds[epoch]))),
                float(seconds[epoch]),
            )
            for epoch in range(len(seconds))
        ]


def read_table(family: str, path: Path | None = None) -> Table:
    """Read the table of a family, without the settings that diverged.

    Args:
        family: The family.
        path: The file, None for the one that is kept.

    Returns:
        The table.

    Raises:
        BadInputError: If there is none, or settings are missing in it.
    """
    search, path = load(family), path or table_of(family)
    found = recorded(path)
    missing = sorted(set(range(max(found, default=0) + 1)) - found.keys())
    if missing:
        raise BadInputError(
            "policies are replayed on a complete table",
            f"{path} lacks {counted(len(missing), 'setting')}, such as number {missing[0]}",
            remedy=f"record them: python benchmarks/record.py {family} --settings {max(found, default=0) + 1}",
        )
    rows = [found[number] for number in sorted(found)]
    rows = [row for row in rows if len(row["folds"]) == search.budget.epochs]
    return Table(
        family,
        search.space,
        [row["values"] for row in rows],
        np.array([row["folds"] for row in rows]),
        np.array([row["seconds"] for row in rows]),
    )


class TableSampler(IndependentSampler):
    """Proposes the setting of a table that is nearest to the proposal of another sampler and was not proposed yet."""

    def __init__(self, sampler: BaseSampler, table: Table) -> None:
        """Initialize with no setting proposed."""
        self._sampler, self._table = sampler, table
        self._left = np.ones(len(table.values), bool)
        self._row: dict[int, int] = {}

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        """Let the sampler prepare."""
        self._sampler.before_trial(study, trial)

    def after_trial(self, study: Study, trial: FrozenTrial, state: Any, values: Sequence[float] | None) -> None:
        """Let the sampler learn."""
        self._sampler.after_trial(study, trial, state, values)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Value:
        """Propose a value."""
        del param_distribution
        if trial.number not in self._row:
            proposal = propose(self._sampler, self._table.space, study, trial)
            distances = np.where(self._left, self._table.distances(proposal), np.inf)
            row = self._row[trial.number] = int(distances.argmin())
            self._left[row] = False
        return self._table.values[self._row[trial.number]][param_name]


def table_of(family: str) -> Path:
    """Return the file of a family's recorded settings."""
    return _FOLDER / f"{family}.jsonl"


def make_corpus(family: str, folder: Path) -> str:
    """Return the corpus on which a family's settings were recorded; if it is not a named one, link its files.

    Args:
        family: The family.
        folder: An empty folder.

    Returns:
        The name of the corpus, or the folder.
    """
    corpus = CORPORA[family]
    if isinstance(corpus, str):
        return corpus
    import music21

    for name in corpus:
        (folder / name).symlink_to(Path(music21.__file__).parent / "corpus" / "oneills1850" / name)
    return str(folder)


def recorded(path: Path) -> dict[int, dict[str, Any]]:
    """Return the rows of a table by the number of the setting; none if there is no table.

    A line that was cut when the recorder was killed is no row: its setting is missing.
    """
    if not path.exists():
        return {}
    rows: dict[int, dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        with suppress(ValueError):
            row = json.loads(line)
            rows[row["setting"]] = row
    return rows


def append(path: Path, family: str, number: int, row: Mapping[str, Any]) -> None:
    """Add a row to a table; begin the table with a line that says how it was made."""
    search = load(family)
    if not path.exists():
        corpus = CORPORA[family]
        words = corpus if isinstance(corpus, str) else f"{' and '.join(corpus)} of music21's oneills1850"
        head = {"how": _HOW.format(family=family), "corpus": words, "folds": search.data.folds}
        path.write_text(json.dumps({**head, "epochs": search.budget.epochs}) + "\n", encoding="utf-8")
    with path.open("a", encoding="utf-8") as file:
        if not path.read_text(encoding="utf-8").endswith("\n"):
            file.write("\n")  # after a line that was cut
        file.write(json.dumps({"setting": number, **row}, separators=(",", ":")) + "\n")
