"""Score a trained model and the baselines of its family on pieces that the model never saw.

Like the model, the baselines are trained on the open pieces of its training corpus. They are scored on the same pieces
and grid, so all comparisons are paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.selection import select
from data_prep.errors import Action, BadInputError
from data_prep.prepared.alphabets import joined
from data_prep.prepared.refitting import for_test, groups
from data_prep.prepared.seen_pieces import seen_pieces
from models.family import Family, Lack
from models.metrics import Metric
from search.promotion.rule import PieceScores


@dataclass(frozen=True)
class BaselineScores:
    """A baseline on the same pieces.

    Attributes:
        name: Its name in tables.
        scores: The objective on each piece.
        difference: The model's score minus the baseline's, piece by piece.
        oracle: Whether it uses information about the piece that models do not get.
    """

    name: str
    scores: PieceScores
    difference: PieceScores
    oracle: bool


@dataclass(frozen=True)
class ModelScores:
    """A model's scores on pieces that it never saw.

    Attributes:
        metric: The objective.
        scores: The objective on each piece.
        num_notes: [P] notes and rests of each piece.
        baselines: The baselines, weakest first; empty if the training corpus is not available.
        lacks: What the model lacks to represent the pieces.
        seen: Names of the pieces that the model has seen; None if that is unknown.
        seen_left_out: Whether the seen pieces are left out of the scores.
    """

    metric: Metric
    scores: PieceScores
    num_notes: tuple[int, ...]
    baselines: Sequence[BaselineScores] = ()
    lacks: Sequence[Lack] = ()
    seen: tuple[str, ...] | None = None
    seen_left_out: bool = True


def score_model(
    family: Family[Any, Any], trained: Path, data: Any, learnt: Any | None, *, keep_seen: bool = False
) -> ModelScores:
    """Score a trained model and the baselines of its family on pieces that the model never saw.

    Args:
        family: The model's family.
        trained: The model's file.
        data: The pieces, of the family's kind of data.
        learnt: The open pieces of the training corpus; None if they are not available. Then there are no baselines, and
            it is unknown which pieces the model has seen.
        keep_seen: Whether to score pieces that the model has seen, too.

    Returns:
        The scores.

    Raises:
        BadInputError: If no piece is left to score, or the model cannot be used.
    """
    seen = None if learnt is None else seen_pieces(learnt, data)
    names = None if seen is None else tuple(data.ids[piece] for piece in np.flatnonzero(seen).tolist())
    if seen is not None and not keep_seen:
        if seen.all():
            raise BadInputError(
                "a model is scored on pieces that it never saw",
                f"all {data.num_pieces} of {data.corpus!r} are in its training corpus, or variants of pieces there",
                remedy="name another corpus, or score them all the same",
                action=Action("score seen pieces"),
            )
        data = select(data, np.flatnonzero(~seen))
    scored = family.score(trained, data, learnt)
    is_scored = np.isfinite(scored.values)
    if not is_scored.any():
        lacks = "; ".join(str(lack) for lack in scored.lacks if lack.count)
        raise BadInputError("the model must be able to score at least one piece", lacks)
    data, values = select(data, np.flatnonzero(is_scored)), scored.values[is_scored]
    return ModelScores(
        metric=family.metrics[0],
        scores=_scores(data, values),
        num_notes=tuple(np.diff(data.start).tolist()),
        baselines=() if learnt is None else _baselines(family, learnt, data, values),
        lacks=scored.lacks,
        seen=names,
        seen_left_out=not keep_seen,
    )


def _baselines(
    family: Family[Any, Any], learnt: Any, data: Any, values: NDArray[np.float64]
) -> tuple[BaselineScores, ...]:
    scored: list[BaselineScores] = []
    for baseline in family.baselines(for_test(*joined(learnt, data))):
        theirs = np.array(baseline.pieces)[learnt.num_pieces :]
        difference = _scores(data, values - theirs)
        scored.append(BaselineScores(baseline.name, _scores(data, theirs), difference, baseline.oracle))
    return tuple(scored)


def _scores(data: Any, values: NDArray[np.float64]) -> PieceScores:
    return PieceScores(tuple(data.ids), tuple(values.tolist()), tuple(groups(data).tolist()))
