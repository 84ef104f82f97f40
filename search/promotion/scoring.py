"""A trained model on pieces that it never saw, beside the simple models of its family, piece by piece.

The simple models learn from what the model learnt from, its training corpus's open pieces, and are scored on the very
same pieces and grid: all comparisons are paired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.corpora.selection import select
from data_prep.errors import BadInputError
from data_prep.prepared.alphabets import joined
from data_prep.prepared.refitting import for_test, groups
from data_prep.prepared.seen_pieces import seen_pieces
from models.family import Family, Lack
from models.metrics import Metric
from search.promotion.rule import TestScores


@dataclass(frozen=True)
class BaselineScores:
    """A simple model on the same pieces.

    Attributes:
        name: What a table calls it.
        scores: The objective on each piece.
        difference: The model's score less this one's, piece by piece.
        oracle: Whether it knows something of the piece that no model may.
    """

    name: str
    scores: TestScores
    difference: TestScores
    oracle: bool


@dataclass(frozen=True)
class ModelScores:
    """A model on pieces that it never saw.

    Attributes:
        metric: The objective.
        scores: It on each piece.
        num_notes: [P] notes and rests of each piece.
        baselines: The simple models, weakest first; none where the training corpus is not at hand.
        lacks: What the model lacks to know the pieces.
        seen: Names of the corpus's pieces that the model has seen; None where nobody can tell.
        seen_left_out: Whether they are left out of the scores.
    """

    metric: Metric
    scores: TestScores
    num_notes: tuple[int, ...]
    baselines: Sequence[BaselineScores] = ()
    lacks: Sequence[Lack] = ()
    seen: tuple[str, ...] | None = None
    seen_left_out: bool = True


def score_model(
    family: Family[Any, Any], trained: Path, data: Any, learnt: Any | None, *, keep_seen: bool = False
) -> ModelScores:
    """Score a trained model, and the simple models of its family, on pieces that it never saw.

    Args:
        family: Its family.
        trained: Its file.
        data: The pieces, of the family's kind.
        learnt: The open pieces of its training corpus; None where they are not at hand, and then there are no simple
            models, and nobody can tell which pieces the model has seen.
        keep_seen: Whether to score pieces that it has seen too.

    Returns:
        The scores.

    Raises:
        BadInputError: If no piece is left to be scored, or the model cannot be used.
    """
    seen = None if learnt is None else seen_pieces(learnt, data)
    names = () if seen is None else tuple(data.ids[piece] for piece in np.flatnonzero(seen).tolist())
    if seen is not None and not keep_seen:
        if seen.all():
            raise BadInputError(
                f"a model is scored on pieces that it never saw, and all {data.num_pieces} of {data.corpus!r} are in "
                "its training corpus, or variants of pieces there; name another corpus, or add --keep-seen"
            )
        data = select(data, np.flatnonzero(~seen))
    scored = family.score(trained, data, learnt)
    can = np.isfinite(scored.values)
    if not can.any():
        reasons = "; ".join(str(lack) for lack in scored.lacks if lack.count)
        raise BadInputError(f"at least one piece must be one that the model can score: {reasons}")
    data, values = select(data, np.flatnonzero(can)), scored.values[can]
    return ModelScores(
        metric=family.metrics[0],
        scores=_scores(data, values),
        num_notes=tuple(np.diff(data.start).tolist()),
        baselines=() if learnt is None else _baselines(family, learnt, data, values),
        lacks=scored.lacks,
        seen=None if seen is None else names,
        seen_left_out=not keep_seen,
    )


def _baselines(
    family: Family[Any, Any], learnt: Any, data: Any, values: NDArray[np.float64]
) -> tuple[BaselineScores, ...]:
    found: list[BaselineScores] = []
    for one in family.baselines(for_test(*joined(learnt, data))):
        theirs = np.array(one.pieces)[learnt.num_pieces :]
        found.append(BaselineScores(one.name, _scores(data, theirs), _scores(data, values - theirs), one.oracle))
    return tuple(found)


def _scores(data: Any, values: NDArray[np.float64]) -> TestScores:
    return TestScores(tuple(data.ids), tuple(values.tolist()), tuple(groups(data).tolist()))
