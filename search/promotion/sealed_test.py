"""The one opening of a search's sealed test set: what came of it is kept, and asked for again it is read, not made."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import open_test_set
from data_prep.prepared.refitting import for_test, groups
from data_prep.storage.atomic_write import atomic_write
from data_prep.wording import counted
from models.family import Family
from models.metrics import Metric
from search.promotion.rule import TestScores

FORMAT = 1
"""Of the stored result; a file with a greater number was written by a newer version."""


@dataclass(frozen=True)
class SealedTest:
    """What the sealed pieces said of a search's chosen trial.

    Attributes:
        trial: The trial's number.
        networks: How many networks the model is the mean of.
        fingerprint: Of the data.
        at: When, ISO 8601 in UTC.
        scores: The objective on every piece.
        baselines: The simple models' means on the same pieces, weakest first, learnt from the open ones.
        notes_per_second: Notes scored a second, on one process.
    """

    trial: int
    networks: int
    fingerprint: str
    at: str
    scores: TestScores
    baselines: Mapping[str, float]
    notes_per_second: float


def recorded(search_folder: Path) -> SealedTest | None:
    """Read the result of a search's test; None if its test set is sealed yet.

    Args:
        search_folder: The search's folder.

    Returns:
        The result.

    Raises:
        BadInputError: If the file is damaged, or a newer version wrote it.
    """
    path = _path(search_folder)
    if not path.exists():
        return None
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if int(stored["format"]) > FORMAT:
            raise BadInputError(
                f"test results of format {FORMAT} can be read, {path} has {stored['format']}: use the newer tunesmith"
            )
        return from_data(stored)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(
            f"the result of the one test must be readable, and {path} is damaged ({error}); restore it from a backup, "
            "or from the evidence in MLflow"
        ) from None


def from_data(stored: Mapping[str, Any]) -> SealedTest:
    """Take a result out of plain values, as ``to_data`` gave them."""
    scores = TestScores(**{name: tuple(values) for name, values in stored["scores"].items()})
    return SealedTest(
        networks=int(stored.get("networks", 1)),
        **{name: stored[name] for name in ("trial", "fingerprint", "at", "baselines", "notes_per_second")},
        scores=scores,
    )


def to_data(test: SealedTest) -> dict[str, Any]:
    """Give a result as plain values."""
    return {"format": FORMAT, **asdict(test)}


def run_test(
    family: Family[Any, Any], prepared: Prepared, model: Path, search_folder: Path, *, name: str
) -> SealedTest:
    """Open the test set, score the refitted model on it, and keep the result before anything else happens.

    Args:
        family: The kind of model.
        prepared: The corpus.
        model: The refitted model's file.
        search_folder: Where the result is kept.
        name: The trial, as in "composer/7", for the log of openings.

    Returns:
        The result.
    """
    from models.training import checkpoint  # noqa: PLC0415  (torch)

    saved = checkpoint.load(model)
    sealed = open_test_set(prepared, f"promotion of {name}")
    began = time.perf_counter()
    values = family.score(model, sealed, prepared.data).values
    seconds = time.perf_counter() - began
    scores = TestScores(
        ids=tuple(sealed.ids), values=tuple(map(float, values)), groups=tuple(int(one) for one in groups(sealed))
    )
    result = SealedTest(
        trial=saved.extra["trial"],
        networks=saved.extra["networks"],
        fingerprint=prepared.fingerprint,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        scores=scores,
        baselines={one.name: one.score.mean for one in family.baselines(for_test(prepared.data, sealed))},
        notes_per_second=sealed.num_notes / seconds,
    )
    atomic_write(_path(search_folder), json.dumps(to_data(result), indent=1).encode())
    return result


def loses_to(test: SealedTest, objective: Metric) -> str:
    """Say which simple models were better on the sealed pieces, as a sentence without its subject.

    Args:
        test: What came of the test.
        objective: The metric that was searched for.

    Returns:
        The words; empty where it beat all of them.
    """
    mean = test.scores.mean
    better = sorted(
        (objective.cost(value), name, value) for name, value in test.baselines.items() if objective.better(value, mean)
    )
    if not better:
        return ""
    models, named = counted(len(better), "simple model"), ", ".join(f"{name} {value:.3f}" for _, name, value in better)
    return f"loses to {models} on the sealed test: {mean:.3f} {objective.unit} against {named}"


def _path(search_folder: Path) -> Path:
    return search_folder / "test.json"
