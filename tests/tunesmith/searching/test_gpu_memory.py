"""The share of a GPU that the largest setting's measured memory requires."""

import pytest

from cluster.nodes import Node
from cluster.resources import share_of_gpu
from data_prep.errors import BadInputError
from models.training.memory import PeakMemory
from tunesmith.searching.gpu_memory import needed_share

SMALL, LARGE = Node("a", "10.0.0.1", 8, 1, gpu_kind="T4"), Node("b", "10.0.0.2", 8, 4, gpu_kind="H100")
GIB = 2**30
ON_SMALL, ON_LARGE = PeakMemory(2 * GIB, GIB // 2, 16 * GIB), PeakMemory(2 * GIB, GIB // 2, 80 * GIB)


def test_every_kind_of_gpu_must_hold_its_trials() -> None:
    small, large = (share_of_gpu(one.tensors, one.total, context=one.context) for one in (ON_SMALL, ON_LARGE))
    assert small > large
    assert needed_share({SMALL: ON_SMALL, LARGE: ON_LARGE}) == small
    assert needed_share({LARGE: ON_LARGE}) == large


@pytest.mark.parametrize("peaks", [{}, {SMALL: BadInputError("it died")}, {SMALL: ON_SMALL, LARGE: BadInputError("x")}])
def test_nothing_is_guessed_where_one_kind_is_not_known(peaks: dict[Node, PeakMemory | BadInputError]) -> None:
    assert needed_share(peaks) is None
