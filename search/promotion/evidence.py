"""What speaks for a model that is put forward, as it is printed, stored beside the model and written on its card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data_prep.errors import BadInputError, one_line
from data_prep.readers.notes import Repeats
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.promotion.rule import Comparison, Decision, Incomparable
from search.promotion.sealed_test import SealedTest, from_data, loses_to, to_data


@dataclass(frozen=True)
class Champion:
    """The model that held the alias before.

    Attributes:
        version: Its version in the registry.
        trial: The trial it came from, as in "composer/7".
        score: Its objective on its own test pieces.
    """

    version: int
    trial: str
    score: float


def tested(stored: Mapping[str, Any], reference: str) -> SealedTest:
    """Take the sealed test's result out of a version's evidence.

    Args:
        stored: The evidence, as ``Evidence.to_data`` gave it.
        reference: The version, for the error.

    Returns:
        The result.

    Raises:
        BadInputError: If it is damaged.
    """
    try:
        return from_data(stored["test"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            f"a version's evidence holds the result of its sealed test: that of {reference} is damaged "
            f"({type(error).__name__}: {one_line(error)}); use another version, or promote its trial again"
        ) from None


@dataclass(frozen=True)
class Evidence:
    """All that was looked at.

    Attributes:
        search: The search's name.
        trial: The trial's number.
        family: The family's name.
        study: The study's id.
        corpus: The corpus.
        repeats: How its repeats were read.
        licence: Under which terms its scores stand.
        fingerprint: Of the data.
        seed: The search's seed.
        settings: The trial's settings, all of them.
        objective: The metric that was searched for.
        folds: It, on the folds, after the full budget.
        num_candidates: Trials with their full budget.
        num_tied: How many of them are no worse than the best by more than one standard error.
        best: The number of the best of them.
        asked: Whether a user named the trial, instead of the rule.
        bias: How optimistic the folds are estimated to be, for the choice among many.
        epochs: Epochs of the refit.
        parameters: Numbers of the refitted model.
        size_bytes: Of its file.
        test: What the sealed pieces said.
        champion: The one to beat, None if there was none.
        comparison: With it, or why there is none.
        decision: What became of the alias.
        code_version: The program's.
    """

    search: str
    trial: int
    family: str
    study: str
    corpus: str
    repeats: Repeats
    licence: str
    fingerprint: str
    seed: int
    settings: Mapping[str, Value]
    objective: Metric
    folds: FoldValues
    num_candidates: int
    num_tied: int
    best: int
    asked: bool
    bias: float
    epochs: int
    parameters: int
    size_bytes: int
    test: SealedTest
    champion: Champion | None
    comparison: Comparison | Incomparable
    decision: Decision
    code_version: str

    @property
    def name(self) -> str:
        """The trial as a user names it."""
        return f"{self.search}/{self.trial}"

    @property
    def optimism(self) -> float:
        """How much worse the test is than the folds were, in the objective's unit."""
        return self.objective.cost(self.test.scores.mean - self.folds.mean)

    @property
    def loses_to(self) -> str:
        """Which simple models were better on the sealed pieces, in words; empty where none was."""
        return loses_to(self.test, self.objective)

    def to_data(self) -> dict[str, Any]:
        """Give all of it as plain values."""
        plain = asdict(self)
        return {
            **plain,
            "settings": dict(self.settings),
            "objective": self.objective.name,
            "unit": self.objective.unit,
            "folds": list(self.folds.values),
            "optimism": self.optimism,
            "loses_to": self.loses_to,
            "test": {**to_data(self.test), "mean": self.test.scores.mean, "se": self.test.scores.standard_error},
        }

    def tags(self) -> dict[str, str]:
        """Give what a registry's version is found by, and where it came from."""
        return {
            "search": self.search,
            "trial": str(self.trial),
            "family": self.family,
            "study": self.study,
            "corpus": self.corpus,
            "repeats": self.repeats,
            "fingerprint": self.fingerprint,
            "code_version": self.code_version,
            "objective": self.objective.name,
            "unit": self.objective.unit,
            "cv_mean": f"{self.folds.mean:.6g}",
            "cv_se": f"{self.folds.standard_error:.6g}",
            "test_mean": f"{self.test.scores.mean:.6g}",
            "test_se": f"{self.test.scores.standard_error:.6g}",
            "test_pieces": str(len(self.test.scores.values)),
            "parameters": str(self.parameters),
            "decision": self.decision.why,
            **({"loses_to": self.loses_to} if self.loses_to else {}),
        }
