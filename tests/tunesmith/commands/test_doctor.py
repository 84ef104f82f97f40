"""The doctor on a real cluster: no problem on a healthy cluster, and one line for each fault."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from search.study.database import folder
from search.study.folder_lock import driver_lock
from tests.ray_cluster import RayCluster, free_port, ray_cluster
from tests.tunesmith.conftest import Place, make_place

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("doctor")]

_SEARCH = """
name = "small"
family = "composer"

[data]
corpus = "{corpus}"

[space]
size = 8
embedding = 8
layers = 1
batch_size = 8

[resources]
gpus = 0  # there are none, although one node claims to have some

[study]
url = "{study}"

[tracking]
uri = "{tracking}"
"""


@dataclass(frozen=True)
class Ward:
    """A cluster, a small corpus and a home folder."""

    place: Place
    cluster: RayCluster

    @property
    def home(self) -> Path:
        return self.place.folder / "home"

    def search_file(self, study: str = "", tracking: str = "") -> Path:
        return search_file(self.place, study, tracking)


def search_file(place: Place, study: str = "", tracking: str = "") -> Path:
    path = place.folder / "search.toml"
    path.write_text(_SEARCH.format(corpus=place.folder / "tunes", study=study, tracking=tracking))
    return path


@dataclass(frozen=True)
class Diagnosis:
    """The doctor's output."""

    status: int
    level: str
    findings: tuple[Mapping[str, str], ...]

    def of(self, check: str, where: str | None = None) -> list[Mapping[str, str]]:
        return [finding for finding in self.findings if finding["check"] == check and where in (None, finding["where"])]

    def levels(self, check: str, where: str | None = None) -> list[str]:
        return [finding["level"] for finding in self.of(check, where)]


def examine(place: Place, *arguments: str) -> Diagnosis:
    done = place.run("doctor", *arguments, "--json")
    assert "Traceback" not in done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    for finding in report["findings"]:
        assert finding["level"] == "green" or finding["remedy"], finding
    return Diagnosis(done.returncode, report["level"], tuple(report["findings"]))


@pytest.fixture(scope="module")
def ward(tmp_path_factory: pytest.TempPathFactory) -> Generator[Ward]:
    with ray_cluster(2) as cluster:
        yield Ward(make_place(tmp_path_factory.mktemp("ward")), cluster)


def test_all_findings_of_a_healthy_cluster_are_green(ward: Ward) -> None:
    report = examine(ward.place, str(ward.search_file()), "--address", ward.cluster.address, "--home", str(ward.home))
    assert [finding for finding in report.findings if finding["level"] != "green"] == []
    assert (report.status, report.level) == (0, "green")
    for check in ("names", "home", "ray", "nodes", "versions", "disk", "memory", "gpus", "slots", "storage",
                  "tracking", "study", "data", "pickling", "largest", "trial"):  # fmt: skip
        assert report.of(check), f"there is no finding of {check}"
    assert {finding["where"] for finding in report.of("versions")} == {"all 3 nodes"}
    assert report.of("slots")[0]["text"] == "2 trials at once, each with 1 CPU and 0 GPUs"
    assert report.of("trial")[0]["text"].startswith("2 epochs trained, ")
    left = [path.name for path in ward.home.rglob("*")]
    assert left == [], "the doctor leaves nothing behind"


def test_each_fault_is_reported(ward: Ward, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("hiding a folder from a node requires permission to unshare namespaces")
    ward.home.mkdir(exist_ok=True)
    other_torch = tmp_path / "torch-2.12.0.dist-info"
    other_torch.mkdir()
    (other_torch / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.12.0\n")
    zoo = tmp_path / "zoo-1.0.dist-info"
    zoo.mkdir()
    (zoo / "METADATA").write_text("Metadata-Version: 2.1\nName: zoo\nVersion: 1.0\n")
    (zoo / "RECORD").write_text("zoo-1.0.dist-info/METADATA,,\nmodels/zebra.py,,\n")
    strange = ward.cluster.add(gpus=2, environment={"PYTHONPATH": f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}"})
    own = ward.cluster.next_folder
    own.mkdir()
    hides = f"mount -t tmpfs -o size=64m tmpfs {ward.home} && mount -t tmpfs -o size=64m tmpfs {own}"
    hidden = ward.cluster.add(wrapper=["unshare", "-m", "sh", "-c", f'{hides} && exec "$@"', "sh"])
    locks = f"mount --bind {ward.home} {ward.home} && mount -o remount,ro,bind {ward.home}"
    locked = ward.cluster.add(wrapper=["unshare", "-m", "sh", "-c", f'{locks} && exec "$@"', "sh"])
    nobody = free_port()
    file = ward.search_file(f"postgresql+psycopg://me:secret@127.0.0.1:{nobody}/db", f"http://127.0.0.1:{nobody}")
    report = examine(ward.place, str(file), "--address", ward.cluster.address, "--home", str(ward.home))
    assert (report.status, report.level) == (1, "red")
    assert "secret" not in str(report)

    (versions,) = report.of("versions", strange.address)
    assert (versions["level"], versions["text"]) == ("red", f"torch 2.12.0 where this program has {version('torch')}")
    (names,) = report.of("names", strange.address)
    assert (names["level"], "zoo also has a package models" in names["text"]) == ("yellow", True)
    (disk,) = report.of("disk", hidden.address)
    assert disk["level"] == "red"
    (unseen,) = report.of("storage", hidden.address)
    assert (unseen["level"], "does not see what this machine wrote" in unseen["text"]) == ("red", True)
    (unwritten,) = report.of("storage", locked.address)
    assert (unwritten["level"], "Read-only file system" in unwritten["text"]) == ("red", True)
    (gpus,) = report.of("gpus", strange.address)
    assert (gpus["level"], gpus["text"].startswith("Ray counts 2 GPUs and torch can use 0")) == ("red", True)
    (tracking,) = report.of("tracking")
    assert (tracking["level"], "the tracking server must answer" in tracking["text"]) == ("red", True)
    (study,) = report.of("study")
    assert (study["level"], "the study's database must be reachable" in study["text"]) == ("red", True)
    assert report.levels("home") == report.levels("slots") == report.levels("pickling") == ["green"], (
        "successful checks are reported too"
    )
    assert report.levels("trial") == ["green", "green"], "one trial on each kind of node"
    for node in (strange, hidden, locked):
        node.kill()


def test_gpus_that_torch_cannot_use_are_reported_when_trials_would_share_them(ward: Ward) -> None:
    ward.home.mkdir(exist_ok=True)
    claims = ward.cluster.add(cpus=2, gpus=1, environment={"CUDA_MPS_PIPE_DIRECTORY": "/mps/of/that/node"})
    file = ward.search_file()
    file.write_text(file.read_text().replace("gpus = 0", 'gpus = "auto"'))
    report = examine(ward.place, str(file), "--address", ward.cluster.address, "--home", str(ward.home))
    assert (report.status, report.level) == (1, "red")
    assert report.levels("gpus", claims.address) == ["red"]
    assert report.levels("trial", claims.address) == ["red"]
    (largest,) = report.of("largest", claims.address)
    assert (largest["level"], "finds no CUDA there" in largest["text"]) == ("yellow", True), largest
    slots = report.of("slots")
    assert [finding["level"] for finding in slots] == ["yellow", "green"], "no trial runs on a node without a GPU"
    assert slots[1]["text"] == "2 trials at once, each with 1 CPU and 0.5 GPUs"
    (sharing,) = report.of("sharing")
    assert (sharing["level"], sharing["where"]) == ("yellow", claims.address)
    assert (
        "2 trials share a GPU and take turns: no daemon of NVIDIA MPS listens in /mps/of/that/node" in sharing["text"]
    )
    claims.kill()


def test_the_other_checks_run_if_no_cluster_answers(ward: Ward) -> None:
    place = folder(ward.home, "small")
    place.mkdir(parents=True)
    with driver_lock(place, "small"):
        report = examine(ward.place, str(ward.search_file()), "--address", "127.0.0.1:9", "--home", str(ward.home))
    shutil.rmtree(place)
    assert (report.status, report.level) == (1, "red")
    (ray,) = report.of("ray")
    assert (ray["level"], "127.0.0.1:9 does not" in ray["text"]) == ("red", True)
    assert "ray start --head" in ray["remedy"]
    assert report.levels("tracking") == report.levels("data") == ["green"]
    assert report.levels("study") == ["green", "yellow"]
    assert f"process {os.getpid()} on " in report.of("study")[1]["text"], "who runs the search"


def test_findings_are_printed_one_by_one_and_ctrl_c_stops_the_rest(tmp_path: Path) -> None:
    place = make_place(tmp_path)
    search = str(search_file(place))
    arguments = [search, "--home", str(tmp_path / "home"), "--storage", str(tmp_path / "saved")]
    with place.start("doctor", *arguments) as process:
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if " storage " in line:
                process.send_signal(signal.SIGINT)
        status = process.wait(timeout=60)
        last = process.errors.splitlines()[-1]  # before it, which files were read
        assert (status, last) == (130, "stopped: the remaining checks were not run")
    assert all(line.startswith("ok    ") for line in lines), lines
    assert f"{tmp_path / 'saved'}" in next(line for line in lines if " storage " in line)
