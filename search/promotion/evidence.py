"""The evidence of a promotion, which is printed, stored with the model and summarised on its card."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from data_prep.errors import BadInputError, one_line
from data_prep.readers.notes import Repeats
from data_prep.wording import counted
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.promotion.rule import Comparison, Decision, Incomparable
from search.promotion.sealed_test import SealedTest, from_data, loses_to, to_data


@dataclass(frozen=True)
class Champion:
    """The model that had the alias ``champion`` before the promotion.

    Attributes:
        version: Its version in the registry.
        trial: The trial that it came from, as in "composer/7".
        score: Its objective on its own test pieces.
    """

    version: int
    trial: str
    score: float


def tested(stored: Mapping[str, Any], reference: str) -> SealedTest:
    """Return the result of the sealed test from a version's evidence.

    Args:
        stored: The evidence, from ``Evidence.to_data``.
        reference: The version, for the error.

    Returns:
        The result.

    Raises:
        BadInputError: If the evidence is damaged.
    """
    try:
        return from_data(stored["test"])
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise BadInputError(
            "a version's evidence must hold the result of its sealed test",
            f"that of {reference} is damaged",
            f"{type(error).__name__}: {one_line(error)}",
            "use another version, or promote its trial again",
        ) from None


@dataclass(frozen=True)
class Evidence:
    """The inputs of a promotion's decision, and the decision. The stored JSON has the names of the attributes.

    Attributes:
        search: The search's name.
        trial: The trial's number.
        family: The family's name.
        study: The study's id.
        corpus: The corpus.
        repeats: How the corpus's repeats were read.
        licence: The licence of the corpus's scores.
        fingerprint: The data's fingerprint.
        seed: The search's seed.
        settings: All hyperparameters of the trial.
        objective: The metric that was optimised.
        folds: The objective on the folds, after the full budget; the mean over the seeds.
        num_seeds: Number of trials with these hyperparameters, each with another seed.
        num_candidates: Number of trials with their full budget.
        num_tied: Number of those within one standard error of the best.
        best: The number of the best trial.
        asked: Whether a user named the trial; otherwise the rule chose it.
        bias: Estimated optimism of cross-validation from the choice among many trials.
        epochs: Epochs of the refit.
        parameters: Number of parameters of the refitted model.
        size_bytes: Size of its file.
        test: The result of the sealed test.
        champion: The previous champion, None if there was none.
        comparison: The comparison with the champion, or why there is none.
        decision: Whether the alias moves.
        code_version: The version of tunesmith.
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
    num_seeds: int
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
        """The trial's name, as in "composer/7"."""
        return f"{self.search}/{self.trial}"

    @property
    def validation(self) -> str:
        """How the trials were compared, in words."""
        return "cross-validation" if len(self.folds.values) > 1 else "the validation on a single split"

    @property
    def validation_and_folds(self) -> str:
        """The same for tables, with the number of folds."""
        count = len(self.folds.values)
        words = f"cross-validation, {counted(count, 'fold')}" if count > 1 else "validation, a single split"
        return words if self.num_seeds == 1 else f"{words}, mean of {self.num_seeds} seeds"

    @property
    def optimism(self) -> float:
        """How much worse the test result is than cross-validation, in the objective's unit."""
        return self.objective.cost(self.test.scores.mean - self.folds.mean)

    @property
    def loses_to(self) -> str:
        """The baselines that were better on the sealed pieces, in words; empty if there are none."""
        return loses_to(self.test, self.objective)

    def to_data(self) -> dict[str, Any]:
        """Return the evidence as plain values."""
        return {
            **asdict(self),
            "settings": dict(self.settings),
            "objective": self.objective.name,
            "unit": self.objective.unit,
            "folds": list(self.folds.values),
            "optimism": self.optimism,
            "loses_to": self.loses_to,
            "test": {**to_data(self.test), "mean": self.test.scores.mean, "se": self.test.scores.standard_error},
        }

    def tags(self) -> dict[str, str]:
        """Return the tags of a version, which identify it, its source and its scores."""
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
