"""The best trial of a search."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.errors import Action, BadInputError

if TYPE_CHECKING:
    from models.spec import Value
    from search.spec.file import AnyFamily
    from search.study.records import SearchRecord


@dataclass(frozen=True)
class BestTrial:
    """The best trial of a search.

    Attributes:
        search: The search's name.
        number: The trial's number.
        score: The objective: the mean over the folds, and over the seeds if it was repeated with others.
        standard_error: Its standard error over the folds; NaN with a single split.
        settings: The hyperparameters that matter in it.
    """

    search: str
    number: int
    score: float
    standard_error: float
    settings: Mapping[str, "Value"]

    @property
    def name(self) -> str:
        """The name by which ``load_model`` and ``trial(like=...)`` find it, such as "composer/7"."""
        return f"{self.search}/{self.number}"


def best_trial(record: "SearchRecord", family: "AnyFamily") -> BestTrial:
    """Return the best trial with the full budget.

    Args:
        record: The search.
        family: Its family.

    Returns:
        The trial.

    Raises:
        BadInputError: If there is none yet.
    """
    from search.study.report import configurations

    name = record.spec.name
    found = configurations(record.trials, family.metrics[0])
    if not found:
        raise BadInputError(
            "the best trial is one with its full budget",
            f"{name} has no such trial yet",
            remedy="resume the search without a time limit",
            action=Action("remove time limit", {"search": name}),
        )
    trial, score = found[0].trial, found[0].score
    return BestTrial(name, trial.number, score.mean, score.standard_error, trial.values)
