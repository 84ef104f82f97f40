"""Published results that can be reproduced: rows of settings with the published numbers, and what was claimed of them.

A family declares its experiments as data. Running them is an ordinary search over their rows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from models.metrics import Metric
from models.spec import Value


@dataclass(frozen=True)
class Row:
    """One setting of an experiment.

    Attributes:
        name: Name in tables and claims ("3 layers").
        values: The settings that differ from the family's defaults, without ``epochs``.
        published: The published value of the experiment's metric; None if there is none.
        number: Its place in the paper ("3"), if the paper repeats rows several places ("2, 6, 9"); may be empty.
    """

    name: str
    values: Mapping[str, Value]
    published: float | None = None
    number: str = ""


@dataclass(frozen=True)
class Claim:
    """A statement of the paper that one of two groups of rows is better.

    Attributes:
        text: The statement, in the paper's words as far as possible.
        better: Names of rows; the best of them is compared.
        worse: Names of rows; likewise.
        metric: The compared metric; None for that of the experiment.
    """

    text: str
    better: tuple[str, ...]
    worse: tuple[str, ...]
    metric: Metric | None = None


@dataclass(frozen=True)
class Corpus:
    """The data of a paper, recognised by its size.

    Attributes:
        name: Description ("337 Irish violin pieces of the Connolly collection").
        pieces: Fewest and most pieces, the test set included.
        notes: Fewest and most notes.
    """

    name: str
    pieces: tuple[int, int]
    notes: tuple[int, int]

    def is_of_size(self, pieces: int, notes: int) -> bool:
        """Return whether a corpus may be the paper's: only then are numbers comparable."""
        return self.pieces[0] <= pieces <= self.pieces[1] and self.notes[0] <= notes <= self.notes[1]


@dataclass(frozen=True)
class Experiment:
    """A table, figure or statement of a paper.

    Attributes:
        name: Name on the command line ("s1/table1").
        title: What it shows, in one line.
        source: The paper, with the place in it.
        corpus: The paper's data.
        default_corpus: The corpus that is used unless the user names another.
        repeats: How repeats in scores are read.
        rows: The trained settings, all different.
        base: Name of the row with which the others are compared.
        metric: The metric of the published values.
        epochs: Epochs of each row.
        seconds: Measured training time of one seed of all rows on one processor, with the default corpus.
        claims: The statements to be tested.
        also: Further metrics in the table.
        curves: Whether the page shows the metric and the training loss by epoch.
        tunes: Names of rows whose composed tunes are shown.
        pictures: Names of rows whose pictures by the family are shown.
        picture_names: How the names of the shown pictures begin; empty for all.
        snapshots: Epochs after which models are kept.
        by_epoch: Whether the pictures of these models are shown too.
        remark: What to know when the numbers are read; complete sentences.
        search: Name of the search, if experiments with the same rows share it; by default that of the experiment.
    """

    name: str
    title: str
    source: str
    corpus: Corpus
    default_corpus: str
    repeats: Literal["written", "played"]
    rows: tuple[Row, ...]
    base: str
    metric: Metric
    epochs: int
    seconds: float
    claims: tuple[Claim, ...] = ()
    also: tuple[Metric, ...] = ()
    curves: bool = False
    tunes: tuple[str, ...] = ()
    pictures: tuple[str, ...] = ()
    picture_names: tuple[str, ...] = ()
    snapshots: tuple[int, ...] = ()
    by_epoch: bool = False
    remark: str = ""
    search: str = ""

    def row(self, name: str) -> Row:
        """Return the row of a name."""
        return next(row for row in self.rows if row.name == name)


@dataclass(frozen=True)
class GridExperiment:
    """A figure with one tune that networks memorise, by their number of inputs and of training steps.

    Attributes:
        name: Name on the command line ("s1/figure4").
        title: What it shows, in one line.
        source: The paper, with the place in it.
        inputs: Numbers of previous notes that a network sees: the rows.
        iterations: Numbers of training steps: the columns.
        bars: Bars of the tune that a network continues.
        seconds: Measured training time of one seed on one processor.
    """

    name: str
    title: str
    source: str
    inputs: tuple[int, ...]
    iterations: tuple[int, ...]
    bars: int
    seconds: float
