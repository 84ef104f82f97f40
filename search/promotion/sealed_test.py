"""The test of a search on its sealed pieces, which runs once; later calls read the stored result."""

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from data_prep.corpora.provenance import Prepared
from data_prep.errors import BadInputError, one_line
from data_prep.prepared.corpus import open_test_set
from data_prep.prepared.refitting import for_test, groups
from data_prep.storage.atomic_write import atomic_write
from data_prep.storage.format import check_format
from data_prep.wording import counted
from models.family import Family
from models.metrics import Metric
from search.promotion.rule import PieceScores

FORMAT = 1
"""Format of the stored result; newer versions have larger numbers."""


@dataclass(frozen=True)
class SealedTest:
    """The result of the chosen trial on the sealed pieces.

    Attributes:
        trial: The trial's number.
        networks: Number of networks; the model is their mean.
        fingerprint: The data's fingerprint.
        at: When the test ran, ISO 8601 in UTC.
        scores: The objective on every piece.
        baselines: Means of the baselines on the same pieces, weakest first; they are trained on the open pieces.
        notes_per_second: Notes scored per second by one process.
    """

    trial: int
    networks: int
    fingerprint: str
    at: str
    scores: PieceScores
    baselines: Mapping[str, float]
    notes_per_second: float


def recorded(search_folder: Path) -> SealedTest | None:
    """Return the stored result of a search's test; None if the test set is still sealed.

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
        check_format("test results", int(stored["format"]), FORMAT, str(path))
        return from_data(stored)
    except BadInputError:
        raise
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise BadInputError(
            "the result of the sealed test must be readable",
            f"{path} is damaged",
            one_line(error),
            "restore it from a backup, or from the evidence in MLflow",
        ) from None


def from_data(stored: Mapping[str, Any]) -> SealedTest:
    """Return the result from the plain values of ``to_data``."""
    scores = PieceScores(**{name: tuple(values) for name, values in stored["scores"].items()})
    return SealedTest(
        networks=int(stored.get("networks", 1)),
        **{name: stored[name] for name in ("trial", "fingerprint", "at", "baselines", "notes_per_second")},
        scores=scores,
    )


def to_data(test: SealedTest) -> dict[str, Any]:
    """Return a result as plain values."""
    return {"format": FORMAT, **asdict(test)}


def run_test(
    family: Family[Any, Any],
    prepared: Prepared,
    model: Path,
    search_folder: Path,
    *,
    name: str,
    trial: int,
    networks: int,
) -> SealedTest:
    """Open the test set, score the refitted model on it, and store the result at once.

    Args:
        family: The model family.
        prepared: The corpus.
        model: The refitted model's file.
        search_folder: The search's folder, where the result is stored.
        name: The trial, as in "composer/7", for the log of openings.
        trial: The trial's number.
        networks: Number of networks; the model is their mean.

    Returns:
        The result.
    """
    sealed = open_test_set(prepared, f"promotion of {name}")
    began = time.perf_counter()
    values = family.score(model, sealed, prepared.data).values
    seconds = time.perf_counter() - began
    scores = PieceScores(
        ids=tuple(sealed.ids), values=tuple(map(float, values)), groups=tuple(int(group) for group in groups(sealed))
    )
    result = SealedTest(
        trial=trial,
        networks=networks,
        fingerprint=prepared.fingerprint,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        scores=scores,
        baselines={each.name: each.score.mean for each in family.baselines(for_test(prepared.data, sealed))},
        notes_per_second=sealed.num_notes / seconds,
    )
    atomic_write(_path(search_folder), json.dumps(to_data(result), indent=1).encode())
    return result


def loses_to(test: SealedTest, objective: Metric) -> str:
    """Return which baselines were better on the sealed pieces, as a sentence without its subject.

    Args:
        test: The result of the test.
        objective: The metric that was optimised.

    Returns:
        The words; empty if the model beat all of them.
    """
    mean = test.scores.mean
    better = sorted(
        (objective.cost(value), name, value) for name, value in test.baselines.items() if objective.better(value, mean)
    )
    if not better:
        return ""
    models = ", ".join(f"{name} {value:.3f}" for _, name, value in better)
    number = counted(len(better), "simple model")
    return f"loses to {number} on the sealed test: {mean:.3f} {objective.unit} against {models}"


def _path(search_folder: Path) -> Path:
    return search_folder / "test.json"
