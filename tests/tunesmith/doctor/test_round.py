"""What the doctor says of slots, on nodes that are only named."""

from pathlib import Path

import pytest

from cluster.nodes import Node
from search.spec.file import load
from tunesmith.doctor.round import Round

CPU, GPU = Node("a", "10.0.0.1", 8, 0), Node("b", "10.0.0.2", 8, 2)


@pytest.mark.parametrize(
    ("gpus", "cpus", "nodes", "expected"),
    [
        ("auto", 1, (CPU,), [("green", "", "8 trials at once, each with 1 CPU and 0 GPUs")]),
        (
            1.0,
            1,
            (CPU, GPU),
            [
                ("yellow", "10.0.0.1", "no trial runs there: each gets 1 CPU and 1 GPU"),
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
    found = list(Round(spec, Path("/home"), None, print, nodes).plan())
    assert [(finding.level, finding.where) for finding in found] == [(level, where) for level, where, _ in expected]
    for finding, (_, _, words) in zip(found, expected, strict=True):
        assert words in finding.text
