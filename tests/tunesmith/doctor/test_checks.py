"""The doctor's findings for hand-made answers of nodes; the tests of the command use real nodes."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.nodes import Node
from cluster.package_owners import Clash
from data_prep.errors import Action, BadInputError
from search.spec.file import load
from tunesmith.doctor import nodes as node_checks
from tunesmith.doctor.context import Context, alike
from tunesmith.doctor.finding import Finding, guarded, refused
from tunesmith.doctor.probe import Disk, Gpu, Mps, NodeProbe, disk, memory, mps, unreachable
from tunesmith.doctor.trials import pickled

GIB = 1 << 30
ROOT = Path(__file__).parents[3]
CPU_NODE, GPU_NODE = Node("a", "10.0.0.1", 4, 0), Node("b", "10.0.0.2", 4, 2, gpu_kind="H100")


def probe(
    free: float = 50 * GIB,
    total: float = 100 * GIB,
    memory_free: float = 8 * GIB,
    gpus: tuple[Gpu, ...] = (),
    torch_gpus: int | None = None,
    clashes: tuple[Clash, ...] = (),
) -> NodeProbe:
    spill = Disk("/ray", int(free), int(total))
    return NodeProbe(spill, int(memory_free), 16 * GIB, gpus, torch_gpus, clashes, Mps("/mps", runs=False))


def examined(probes: dict[Node, NodeProbe]) -> Context:
    return Context(load("composer"), Path("/home"), None, print, nodes=tuple(probes), probes=probes)


def levels(findings: Iterator[Finding]) -> list[tuple[str, str]]:
    return [(finding.level, finding.where) for finding in findings]


H100 = Gpu("H100", "570.1", 80 * GIB)


@pytest.mark.parametrize(
    ("node", "measured", "expected", "words"),
    [
        (CPU_NODE, probe(), "green", "trials train on CPUs"),
        (
            GPU_NODE,
            probe(gpus=(H100, H100), torch_gpus=2),
            "green",
            "torch can use 2 GPUs: H100 with 80 GiB, driver 570.1",
        ),
        (GPU_NODE, probe(torch_gpus=0), "red", "Ray counts 2 GPUs and torch can use 0; no NVIDIA driver"),
        (GPU_NODE, probe(gpus=(H100,), torch_gpus=1), "red", "torch can use 1; NVIDIA's driver lists 1"),
        (GPU_NODE, probe(gpus=(H100, H100), torch_gpus=0), "red", "torch can use 0; NVIDIA's driver lists 2"),
        (CPU_NODE, probe(gpus=(H100,), torch_gpus=1), "yellow", "Ray counts 0 GPUs, and there are 1"),
    ],
)
def test_gpus(node: Node, measured: NodeProbe, expected: str, words: str) -> None:
    (finding,) = node_checks.gpus(examined({node: measured}))
    assert (finding.level, finding.where) == (expected, node.address)
    assert words in finding.text


def test_different_drivers_are_reported() -> None:
    other = Node("c", "10.0.0.3", 4, 1)
    old = Gpu("H100", "535.0", 80 * GIB)
    probes = {GPU_NODE: probe(gpus=(H100, H100), torch_gpus=2), other: probe(gpus=(old,), torch_gpus=1)}
    findings = list(node_checks.gpus(examined(probes)))
    assert [finding.level for finding in findings] == ["green", "yellow"]
    assert findings[1].text == "the nodes' drivers differ: 535.0, 570.1"


@pytest.mark.parametrize(
    ("free", "total", "level", "words"),
    [
        (50 * GIB, 100 * GIB, "green", "50 GiB for Ray"),
        (0.5 * GIB, 100 * GIB, "yellow", "512 MiB left"),
        (50 << 20, 100 * GIB, "red", "50 MiB left"),
        (4 * GIB, 100 * GIB, "yellow", "is 96% full: Ray spills no objects to it"),
    ],
)
def test_disks(free: float, total: float, level: str, words: str) -> None:
    (finding,) = node_checks.disks(examined({CPU_NODE: probe(free, total)}))
    assert finding.level == level
    assert words in finding.text


def test_a_node_with_little_memory_is_reported() -> None:
    other = Node("c", "10.0.0.3", 4, 0)
    findings = node_checks.memory(examined({CPU_NODE: probe(memory_free=0.5 * GIB), other: probe()}))
    assert levels(findings) == [("red", "10.0.0.1"), ("green", "10.0.0.3")]


def test_nodes_without_problems_share_one_line() -> None:
    nodes = {Node(str(number), f"10.0.0.{number}", 1, 0): probe() for number in range(5)}
    assert levels(node_checks.disks(examined(nodes))) == [("green", "all 5 nodes")]


@pytest.mark.parametrize(
    ("clash", "level", "words"),
    [
        (
            Clash("models", "zoo", "/site/models", mixed=True),
            "red",
            "not tunesmith's alone: zoo is installed in /site/models",
        ),
        (Clash("models", "zoo", "/other/models", mixed=False), "yellow", "zoo also has a package models"),
        (Clash("models", "", "", mixed=True), "red", "there is no package models"),
    ],
)
def test_name_clashes(clash: Clash, level: str, words: str) -> None:
    (finding,) = node_checks.names(examined({CPU_NODE: probe(clashes=(clash,))}))
    assert (finding.level, finding.where) == (level, "10.0.0.1")
    assert words in finding.text
    assert finding.remedy


@pytest.mark.parametrize(
    ("first", "expected"), [("theirs", "[('cluster', 'zoo', True)]"), ("ours", "[('cluster', 'zoo', False)]")]
)
def test_a_distribution_with_a_package_of_our_name_is_found(tmp_path: Path, first: str, expected: str) -> None:
    (tmp_path / "cluster").mkdir()
    (tmp_path / "cluster" / "__init__.py").touch()
    metadata = tmp_path / "zoo-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 1.0\n")
    (metadata / "RECORD").write_text("cluster/__init__.py,,\nzoo-1.0.dist-info/METADATA,,\n")
    path = [str(tmp_path), str(ROOT)] if first == "theirs" else [str(ROOT), str(tmp_path)]
    script = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from cluster.package_owners import clashes
sys.path[:] = {path} + [folder for folder in sys.path if folder not in {path}]
for name in [name for name in sys.modules if name.partition(".")[0] == "cluster"]:
    del sys.modules[name]
print([(clash.package, clash.owner, clash.mixed) for clash in clashes(["cluster", "models"])])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.strip() == expected


def test_an_exception_in_a_check_is_a_finding() -> None:
    def breaks() -> Iterator[Finding]:
        yield Finding("disk", "green", "fine")
        raise ZeroDivisionError("by zero\nand more")

    first, second = guarded("disk", breaks)
    assert (first.level, second.level) == ("green", "red")
    assert second.text.endswith("ZeroDivisionError: by zero")
    assert second.remedy


def test_the_remedy_of_an_error_is_preferred() -> None:
    error = BadInputError("a rule", "this; that", remedy="do this", action=Action("choose home"))
    finding = refused("storage", error, where="10.0.0.1", remedy="something else")
    assert (finding.text, finding.remedy) == ("a rule: this; that", "do this (--home)")
    assert refused("storage", BadInputError("a rule"), remedy="something else").remedy == "something else"


def test_objects_that_cannot_be_pickled_are_reported() -> None:
    red, green = pickled({"family": threading.Lock(), "data": bytes(3 << 20)})
    assert red.level == "red"
    assert "the family cannot be sent to workers: TypeError: cannot pickle" in red.text
    assert (green.level, green.text) == ("green", "data 3 MiB")


def test_nodes_are_grouped_by_cpus_and_gpus() -> None:
    twin = Node("c", "10.0.0.3", 4, 0, memory=1)
    assert alike([CPU_NODE, GPU_NODE, twin]) == [(CPU_NODE, twin), (GPU_NODE,)]


def test_disk_and_memory_of_this_machine(tmp_path: Path) -> None:
    measured = disk(tmp_path / "not" / "yet" / "there")
    assert 0 < measured.free <= measured.total
    free, total = memory()
    assert free is not None
    assert total is not None
    assert 0 < free < total


def test_a_closed_port_is_unreachable() -> None:
    assert "refused" in unreachable("127.0.0.1", 9)


def test_mps_runs_if_its_daemon_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert mps() == Mps(str(tmp_path), runs=False)
    for kind in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET):
        with socket.socket(socket.AF_UNIX, kind) as daemon:
            daemon.bind(str(tmp_path / "control"))
            daemon.listen(0)
            for _ in range(3):  # more than it has accepted
                assert mps().runs
        assert not mps().runs, "the daemon has ended, and its socket is left"
        (tmp_path / "control").unlink()


def test_mps_runs_if_the_daemon_of_an_old_driver_reads_its_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    pipe = tmp_path / "control"
    os.mkfifo(pipe)
    assert not mps().runs
    daemon = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert mps().runs
    os.close(daemon)
    assert not mps().runs


def test_mps_is_looked_for_in_nvidias_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    assert Path(mps().folder).parts == ("/", "tmp", "nvidia-mps")
