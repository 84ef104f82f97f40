"""The share of a GPU that the measured memory of the largest setting requires."""

import pytest

from cluster.nodes import Node
from cluster.resources import share_of_gpu
from data_prep.errors import BadInputError
from models.training.memory import PeakMemory
from tunesmith.searching.gpu_memory import needed_share

SMALL, LARGE = Node("a", "10.0.0.1", 8, 1, gpu_kind="T4"), Node("b", "10.0.0.2", 8, 4, gpu_kind="H100")
GIB = 2**30
ON_SMALL, ON_LARGE = PeakMemory(2 * GIB, GIB // 2, 16 * GIB), PeakMemory(2 * GIB, GIB // 2, 80 * GIB)


def test_the_share_is_enough_on_every_kind_of_gpu() -> None:
    small, large = (share_of_gpu(peak.tensors, peak.total, context=peak.context) for peak in (ON_SMALL, ON_LARGE))
    assert small > large
    assert needed_share({SMALL: ON_SMALL, LARGE: ON_LARGE}) == small
    assert needed_share({LARGE: ON_LARGE}) == large


@pytest.mark.parametrize("peaks", [{}, {SMALL: BadInputError("it died")}, {SMALL: ON_SMALL, LARGE: BadInputError("x")}])
def test_the_share_is_unknown_without_measurements_of_all_kinds(peaks: dict[Node, PeakMemory | BadInputError]) -> None:
    assert needed_share(peaks) is None
