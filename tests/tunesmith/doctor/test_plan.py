"""The doctor's findings about slots, shared GPUs and the largest setting's memory, for nodes that do not exist."""

from pathlib import Path

import pytest

from cluster.nodes import Node
from cluster.resources import SlotPlan
from data_prep.errors import BadInputError
from models.training.memory import PeakMemory
from search.spec.file import load
from tunesmith.doctor.context import Context
from tunesmith.doctor.plan import fits, sharing, slots
from tunesmith.doctor.probe import Disk, Mps, NodeProbe

CPU, GPU = Node("a", "10.0.0.1", 8, 0), Node("b", "10.0.0.2", 8, 2)
GIB, MIB = 1 << 30, 1 << 20
SMALL, LARGE = Node("a", "10.0.0.1", 4, 0), Node("b", "10.0.0.2", 4, 0)
H100 = Node("c", "10.0.0.3", 8, 1, gpu_kind="H100")


@pytest.mark.parametrize(
    ("gpus", "cpus", "nodes", "expected"),
    [
        ("auto", 1, (CPU,), [("green", "", "8 trials at once, each with 1 CPU and 0 GPUs")]),
        (
            1.0,
            1,
            (CPU, GPU),
            [
                ("yellow", "10.0.0.1", "no trial runs there, since each gets 1 CPU and 1 GPU"),
                ("green", "", "2 trials at once, each with 1 CPU and 1 GPU"),
            ],
        ),
        (0, 4, (CPU, GPU), [("green", "", "4 trials at once, each with 4 CPUs and 0 GPUs")]),
        (1.0, 1, (CPU,), [("red", "", "a trial must fit on one node: it has 1 CPU and 1 GPU, and 10.0.0.1 has")]),
        (0, 9, (CPU,), [("red", "", "a trial must fit on one node")]),
    ],
)
def test_slots(gpus: float | str, cpus: int, nodes: tuple[Node, ...], expected: list[tuple[str, str, str]]) -> None:
    spec = load("composer", overrides={"resources.gpus": gpus, "resources.cpus": cpus})
    findings = list(slots(Context(spec, Path("/home"), None, print, nodes=nodes)))
    assert [(finding.level, finding.where) for finding in findings] == [(level, where) for level, where, _ in expected]
    for finding, (_, _, words) in zip(findings, expected, strict=True):
        assert words in finding.text


def probe(free: int = GIB, *, runs: bool = False) -> NodeProbe:
    return NodeProbe(Disk("/ray", GIB, GIB), free, 64 * GIB, (), None, (), Mps("/mps", runs=runs))


@pytest.mark.parametrize("gpus", [0, 0.6, 1.0, 2.0])
def test_mps_is_not_looked_for_if_no_gpu_is_shared(gpus: float) -> None:
    assert list(sharing(planned(gpus, {GPU: probe()}))) == []


def test_each_node_whose_gpus_are_shared_needs_mps() -> None:
    other = Node("d", "10.0.0.4", 8, 1)
    missing, running = sharing(planned(0.25, {CPU: probe(), GPU: probe(), other: probe(runs=True)}))
    assert (missing.level, missing.where) == ("yellow", "10.0.0.2")
    assert missing.text == "4 trials share a GPU and take turns: no daemon of NVIDIA MPS listens in /mps"
    assert "nvidia-cuda-mps-control -d" in missing.remedy
    assert (running.level, running.where) == ("green", "10.0.0.4")
    assert running.text == "4 trials share a GPU and run at the same time: NVIDIA MPS runs"


def planned(gpus: float, probes: dict[Node, NodeProbe]) -> Context:
    context = Context(load("composer"), Path("/home"), None, print, nodes=tuple(probes), probes=probes)
    context.slots = SlotPlan(4, 1, gpus)
    return context


def test_each_node_needs_free_memory_for_all_its_slots() -> None:
    peak = PeakMemory(tensors=1024 * MIB - 360 * MIB, context=0, total=64 * GIB)
    findings = list(fits({SMALL: peak}, SlotPlan(8, 1, 0.0), {SMALL: probe(3 * GIB), LARGE: probe(5 * GIB)}))
    assert [(finding.level, finding.where) for finding in findings] == [("yellow", "10.0.0.1"), ("green", "10.0.0.2")]
    assert findings[0].text == "4 trials of the largest setting would take 4 GiB, and 3 GiB are free"
    one_slot = list(fits({SMALL: peak}, SlotPlan(1, 1, 0.0), {SMALL: probe(3 * GIB)}))
    assert [finding.level for finding in one_slot] == ["green"], "a search with one slot runs one trial"


@pytest.mark.parametrize(
    ("tensors", "gpus", "level", "words"),
    [
        (10 * GIB, 1.0, "green", "10 GiB of a GPU, of 79 GiB"),
        (10 * GIB, 0.25, "green", "of 19 GiB that a trial may take"),
        (30 * GIB, 0.25, "yellow", "and a trial may take 19 GiB: such trials fail"),
        (80 * GIB, 1.0, "yellow", "does not fit a whole GPU of 80 GiB"),
    ],
)
def test_the_peak_must_fit_into_a_trials_share_of_a_gpu(tensors: int, gpus: float, level: str, words: str) -> None:
    peak = PeakMemory(tensors=tensors, context=GIB, total=80 * GIB)
    (finding,) = fits({H100: peak}, SlotPlan(4, 1, gpus), {H100: probe(GIB)})
    assert finding.level == level
    assert words in finding.text


def test_a_failed_measurement_is_reported() -> None:
    (finding,) = fits({SMALL: BadInputError("it was killed")}, SlotPlan(1, 1, 0.0), {SMALL: probe(GIB)})
    assert (finding.level, finding.where, finding.text) == ("yellow", "10.0.0.1", "it was killed")
