"""``tunesmith.trial``: train one trial alone, on this machine without Ray."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.errors import BadInputError
from tunesmith.python.public import as_path, public

if TYPE_CHECKING:
    import pandas as pd

    from models.family import EpochReport
    from models.metrics import FoldValues
    from models.spec import Value


@dataclass(frozen=True)
class TrainedTrial:
    """A trial that was trained alone.

    Attributes:
        family: The model family.
        corpus: The corpus.
        settings: All hyperparameters.
        objective: The name of the objective, such as "nats_per_note".
        reports: Each epoch's metrics on the folds.
    """

    family: str
    corpus: str
    settings: Mapping[str, "Value"]
    objective: str
    reports: "tuple[EpochReport, ...]"

    @property
    def score(self) -> float:
        """The objective after the last epoch: the mean over the folds."""
        return self._last.mean

    @property
    def standard_error(self) -> float:
        """The standard error of the score over the folds; NaN with a single split."""
        return self._last.standard_error

    @property
    def _last(self) -> "FoldValues":
        return self.reports[-1].metrics[self.objective]

    def epochs(self) -> "pd.DataFrame":
        """Return a table with a row for each epoch: every metric with its standard error, and the time in seconds."""
        import pandas as pd

        return pd.DataFrame([_row(report) for report in self.reports])


def _row(report: "EpochReport") -> dict[str, float]:
    row: dict[str, float] = {"epoch": report.epoch}
    for name, values in report.metrics.items():
        row[name], row[f"{name}_se"] = values.mean, values.standard_error
    return {**row, "seconds": report.seconds}


@public
def trial(
    family: str | None = None,
    *,
    settings: Mapping[str, "Value"] | None = None,
    preset: str | None = None,
    like: str | None = None,
    corpus: str | Path | None = None,
    repeats: str | None = None,
    folds: int | str | None = None,
    seed: int | None = None,
    threads: int = 1,
    keep: str | None = None,
    home: str | Path | None = None,
) -> TrainedTrial:
    """Train a model with one set of hyperparameters on all folds, without a search.

    Args:
        family: A model family; None is the composer.
        settings: Hyperparameters that differ from the defaults, as in ``{"layers": 2}``.
        preset: The name of a published setting, such as "table1/24".
        like: A trial of a search, such as "composer/7", to repeat with its data, seed and settings.
        corpus: A named corpus or a folder; None is that of the built-in search.
        repeats: Read repeats as "written" (the default) or as "played".
        folds: Number of cross-validation folds (4), or "holdout:0.05" to hold out this share of the notes once.
        seed: Seed (0) of the folds, initial weights, windows and dropout.
        threads: CPU threads.
        keep: Keep the trained model in the home folder under this name, for ``load_model("kept/NAME")``.
        home: The home folder, also of the search of ``like``; None is TUNESMITH_HOME, or else ./runs.

    Returns:
        The trial with the metrics of every epoch.

    Raises:
        BadInputError: If an argument is not legal, or the data cannot be prepared.
    """
    from models.families import default_family
    from models.families import family as find_family
    from search.spec.sections import read_folds
    from tunesmith.home import home_folder
    from tunesmith.names import kept
    from tunesmith.running.single_trial import as_data, new_trial, repeated_trial, train, trial_data

    if threads < 1 or (seed is not None and seed < 0):
        raise BadInputError("a trial has at least one thread, and a seed from 0", f"got {threads} and {seed}")
    if like is not None:
        if settings or any(given is not None for given in (family, preset, corpus, repeats, folds, seed)):
            remedy = "omit family, settings, preset, corpus, repeats, folds and seed"
            raise BadInputError("like= repeats a trial unchanged", remedy=remedy)
        chosen = repeated_trial(home_folder(as_path(home), make=False), like)
    else:
        data = {
            "corpus": None if corpus is None else str(corpus),
            "repeats": repeats,
            "folds": None if folds is None else read_folds(str(folds), "folds"),
            "seed": seed,
        }
        kind = default_family() if family is None else find_family(family)
        chosen = new_trial(kind, preset, settings or {}, "settings", data)
    folder = home_folder(as_path(home), make=keep is not None)
    if keep is not None:
        kept.check_new(folder, keep, "keep")
    reports: list[EpochReport] = []
    train(chosen, trial_data(chosen, threads), reports.append, kept.keeping(folder, keep, chosen.number))
    if keep is not None:
        kept.write_report(folder, keep, as_data(chosen, reports), chosen.data)
    name, values = chosen.family.name, chosen.spec.model_dump()
    return TrainedTrial(name, chosen.data.corpus, values, chosen.family.metrics[0].name, tuple(reports))
