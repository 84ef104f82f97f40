"""A real cluster: concurrent trials, the check of nodes, and nodes that join and leave. Each driver is a process."""

import json
import os
import subprocess
from collections.abc import Generator
from pathlib import Path

import pytest

from models.training.device import best_device
from tests.forked import Program
from tests.ray_cluster import RayCluster, lines_until, ray_cluster, wait_until

ROOT = Path(__file__).parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("following")]

BEGIN = """
import json, sys, time
from pathlib import Path
from cluster.resources import num_fitting, plan_slots
from cluster.session import connect
address, folder = sys.argv[1], Path(sys.argv[2])
"""

AT_ONCE = """
def occupy(folder, number):
    (folder / f"{number}.started").touch()
    while not (folder / "go").exists():
        time.sleep(0.05)

with connect(address) as nodes:
    import ray
    plan = plan_slots(nodes, **json.loads(sys.argv[3]))
    task = ray.remote(occupy).options(num_cpus=plan.cpus, num_gpus=plan.gpus)
    tasks = [task.remote(folder, number) for number in range(plan.count + 3)]
    print(plan.count, flush=True)
    ray.get(tasks)
"""

HANDSHAKE = """
from cluster.node_software import handshake
with connect(address) as nodes:
    try:
        handshake(nodes)
    except ValueError as error:
        print(error)
    else:
        print("welcome")
"""

MEMORY = """
from cluster.nodes import on_each
from models.families import family
from models.training.memory import peak_memory
from tests.hand_melodies import melodies, random_tunes
composer = family("composer")
spec = composer.spec_type(size=16, embedding=16, length=16, batch_size=2, windows_per_epoch=4)
with connect(address) as nodes:
    nodes = [node for node in nodes if node.gpus]
    for device in ("cpu", "cuda"):
        arguments = (composer, spec, melodies(random_tunes(16, 4), num_folds=4), device)
        (peak,) = on_each(peak_memory, nodes, *arguments, gpus=1.0).values()
        print(getattr(peak, "fits", peak))
"""

MEMBERSHIP = """
from cluster import membership
from cluster.membership import Membership
from cluster.resources import SlotPlan
with connect(address) as nodes:
    plan = plan_slots(nodes)
    members = Membership(nodes, plan, report=lambda line: print(line, flush=True))
    first = max(nodes, key=lambda node: node.cpus)
    print("slots", members.slots(), members.is_alive(first.id), members.is_alive("nobody"), flush=True)
    print("wanted", *(Membership(nodes, plan, wanted=n, report=print).slots() for n in (3, 9, 99)), flush=True)
    membership._UPDATE_EVERY_S, membership._REPORT_WAITING_AFTER_S = 0.0, 0.0
    waiting = Membership(nodes, SlotPlan(1, 99, 0.0), report=lambda line: print(line, flush=True))
    print("slots", waiting.slots(), waiting.slots(), flush=True)
    membership._UPDATE_EVERY_S = 2.0
    worst, before = 0.0, None
    try:
        while True:
            began = time.monotonic()
            slots = members.slots()
            worst = max(worst, time.monotonic() - began)
            if slots != before:
                print("slots", slots, flush=True)
                before = slots
            time.sleep(0.1)
    except ValueError as error:
        print("refused:", error, "worst", worst < 1.0, flush=True)
"""


@pytest.fixture(scope="module")
def cluster() -> Generator[RayCluster]:
    """A node that Ray's scheduler believes to have 6 CPUs and 4 GPUs."""
    with ray_cluster(1, cpus=6, gpus=4) as running:
        yield running


def driver(cluster: RayCluster, script: str, folder: Path, *arguments: str) -> Program:
    place = folder / "driver" / "script.py"
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(BEGIN + script)
    return Program(
        [cluster.address, str(folder), *arguments],
        script=place,
        folder=folder,
        environment={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def output(cluster: RayCluster, script: str, folder: Path) -> str:
    with driver(cluster, script, folder) as process:
        text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, process.errors
    return text.strip()


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ({}, 6),  # CPUs are the limit; two trials share a GPU
        ({"gpus": 0.6}, 4),  # one on each GPU, though 6.7 times 0.6 is 4
    ],
)
def test_the_planned_number_of_trials_runs_at_once(
    cluster: RayCluster, tmp_path: Path, wanted: dict[str, float], count: int
) -> None:
    with driver(cluster, AT_ONCE, tmp_path, json.dumps(wanted)) as process:
        planned = int(lines_until(process.stdout, bool)[0])
        assert planned == count
        wait_until(lambda: len(list(tmp_path.glob("*.started"))) >= count, f"{count} tasks to start")
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=2)  # others that fit would have started by now, in idle processes of ended drivers
        assert len(list(tmp_path.glob("*.started"))) == count
        (tmp_path / "go").touch()
        assert process.wait(timeout=90) == 0
    assert len(list(tmp_path.glob("*.started"))) == count + 3


def test_a_node_measures_the_memory_of_a_setting_or_reports_why_it_cannot(cluster: RayCluster, tmp_path: Path) -> None:
    on_cpu, on_gpu = output(cluster, MEMORY, tmp_path).splitlines()
    assert on_cpu == "True"
    if best_device() == "cpu":  # there is no real GPU
        assert f"{cluster.nodes[0].address} does not" in on_gpu


def test_workers_import_our_packages_and_not_those_in_the_drivers_folder(cluster: RayCluster, tmp_path: Path) -> None:
    for name in ("models", "cluster"):  # by default, workers import from the folder in which the driver was started
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    assert output(cluster, HANDSHAKE, tmp_path) == "welcome"


def test_nodes_join_and_leave_and_one_with_other_software_is_rejected(cluster: RayCluster, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong" / "torch-2.12.0.dist-info"
    wrong.mkdir(parents=True)
    (wrong / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.12.0\n")
    with driver(cluster, MEMBERSHIP, tmp_path) as process:
        assert lines_until(process.stdout, lambda lines: len(lines) == 5) == [
            "slots 6 True False",
            "wanted 3 9 12",  # at most 6 more trials wait for nodes to join
            "a trial fits on no node (99 CPUs and 0 GPUs): the search waits for one to join",
            "slots 1 1",
            "slots 6",
        ]

        joined = cluster.add(cpus=3, gpus=1)
        assert lines_until(process.stdout, lambda lines: len(lines) == 2) == [
            f"node {joined.address} joined: 8 slots",
            "slots 8",
        ]
        joined.kill()
        assert lines_until(process.stdout, lambda lines: len(lines) == 2) == [
            f"node {joined.address} is gone: 6 slots; trials resume elsewhere",
            "slots 6",
        ]
        other = cluster.add(cpus=2, gpus=1, environment={"PYTHONPATH": str(wrong.parent)})
        (refused,) = lines_until(process.stdout, bool)
        assert f"{other.address} has torch 2.12.0 where this program has 2." in refused
        assert refused.startswith("refused: every node must have this program's Python, libraries and code")
        assert refused.endswith("worst True")
        assert process.wait(timeout=60) == 0
    other.kill()
