"""Whether trials of the largest setting fit, by hand-made measurements."""

import pytest

from cluster.nodes import Node
from cluster.resources import Slots
from data_prep.errors import BadInputError
from models.training.memory import PeakMemory
from tunesmith.doctor.memory import fits
from tunesmith.doctor.probe import Disk, NodeProbe

GIB, MIB = 1 << 30, 1 << 20
SMALL, LARGE = Node("a", "10.0.0.1", 4, 0), Node("b", "10.0.0.2", 4, 0)
GPU = Node("c", "10.0.0.3", 8, 1, gpu_kind="H100")


def probe(free: int) -> NodeProbe:
    return NodeProbe(Disk("/ray", GIB, GIB), free, 64 * GIB, (), None, ())


def test_slots_times_the_peak_must_be_free_on_each_node() -> None:
    peak = PeakMemory(tensors=1024 * MIB - 360 * MIB, context=0, total=64 * GIB)
    found = list(
        fits({SMALL: peak}, [(SMALL, LARGE)], Slots(8, 1, 0.0), {SMALL: probe(3 * GIB), LARGE: probe(5 * GIB)})
    )
    assert [(one.level, one.where) for one in found] == [("yellow", "10.0.0.1"), ("green", "10.0.0.2")]
    assert found[0].text == "4 trials of the largest setting would take 4 GiB, and 3 GiB are free"
    one_slot = list(fits({SMALL: peak}, [(SMALL,)], Slots(1, 1, 0.0), {SMALL: probe(3 * GIB)}))
    assert [one.level for one in one_slot] == ["green"], "a search with one slot runs one trial"


@pytest.mark.parametrize(
    ("tensors", "gpus", "level", "words"),
    [
        (10 * GIB, 1.0, "green", "10 GiB of a GPU, of 79 GiB"),
        (10 * GIB, 0.25, "green", "of 19 GiB that a trial may take"),
        (30 * GIB, 0.25, "yellow", "and a trial may take 19 GiB: such trials fail"),
        (80 * GIB, 1.0, "yellow", "does not fit a whole GPU of 80 GiB"),
    ],
)
def test_the_peak_must_fit_a_trial_s_part_of_a_gpu(tensors: int, gpus: float, level: str, words: str) -> None:
    peak = PeakMemory(tensors=tensors, context=GIB, total=80 * GIB)
    (finding,) = fits({GPU: peak}, [(GPU,)], Slots(4, 1, gpus), {GPU: probe(GIB)})
    assert finding.level == level
    assert words in finding.text


def test_a_measurement_that_fails_is_told() -> None:
    (finding,) = fits({SMALL: BadInputError("it was killed")}, [(SMALL,)], Slots(1, 1, 0.0), {SMALL: probe(GIB)})
    assert (finding.level, finding.where, finding.text) == ("yellow", "10.0.0.1", "it was killed")
