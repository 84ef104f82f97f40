"""``tunesmith cluster``: launch files, Ray's launcher, and searches as jobs on a real cluster."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from tests.ray_cluster import ENVIRONMENT, RayCluster, free_port, ray_cluster, wait_until
from tunesmith.cli import app, run
from tunesmith.commands.search import overrides

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("cluster commands")]  # Ray's own

NOWHERE = ["--address", "http://127.0.0.1:9"]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    for name in ("TUNESMITH_HOME", "RAY_API_SERVER_ADDRESS", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


def printed_error(capsys: pytest.CaptureFixture[str]) -> str:
    return " ".join(capsys.readouterr().err.split())


# --- launch files ---


def test_init_prints_the_lines_to_fill_in_and_the_next_commands(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cluster", "init", "aws", "--out", "mine"]) == 0
    printed = capsys.readouterr().out
    (place,) = re.findall(r"mine/aws\.yaml:(\d+): ImageId", printed)
    assert "ImageId" in (tmp_path / "mine" / "aws.yaml").read_text(encoding="utf-8").splitlines()[int(place) - 1]
    assert "tunesmith cluster up aws.yaml" in printed
    assert run(["cluster", "init", "aws", "--out", "mine"]) == 0
    capsys.readouterr()
    (tmp_path / "mine" / "aws.yaml").write_text("filled in", encoding="utf-8")
    assert run(["cluster", "init", "aws", "--out", "mine"]) == 2
    assert "--force" in printed_error(capsys)
    assert run(["cluster", "init", "aws", "--out", "mine", "--force", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["fill_in"]) == 2


@pytest.mark.parametrize("kind", ["aws", "gcp", "on-prem", "kuberay", "slurm", "docker"])
def test_the_commands_that_init_prints_exist(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cluster", "init", kind, "--json"]) == 0
    for command in json.loads(capsys.readouterr().out)["next"]:
        words = command.split()
        if words[:2] == ["tunesmith", "cluster"]:
            cluster = get_command(app).commands["cluster"]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
            cluster.commands[words[2]].make_context(words[2], words[3:])  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            None,
            "file.yaml is not (No such file or directory); write one: tunesmith cluster init",
        ),
        ("apiVersion: ray.io/v1\n", "kubectl apply -f file.yaml"),
        ("max_workers: 3\n", "file.yaml has no cluster_name"),
        ("cluster_name: x\nhead: FILL_IN # here\n", "file.yaml is not in line 2 (head: FILL_IN # here)"),
    ],
)
@pytest.mark.parametrize("command", ["up", "down", "status"])
def test_an_invalid_launch_file_is_rejected(
    command: str, content: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        Path("file.yaml").write_text(content, encoding="utf-8")
    assert run(["cluster", command, "file.yaml"]) == 2
    assert message in printed_error(capsys)


@pytest.mark.slow
def test_rays_launcher_reads_the_file_and_its_exit_status_is_returned(capfd: pytest.CaptureFixture[str]) -> None:
    Path("file.yaml").write_text("cluster_name: x\nprovider: {type: nimbus}\n", encoding="utf-8")
    assert run(["cluster", "up", "--yes", "file.yaml"]) == 1
    printed = capfd.readouterr()
    assert "nimbus" in printed.out + printed.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "named by its launch file or by --address: got none"),
        (["a.yaml", "--address", "1.2.3.4:5"], "got both"),
        (["--address", "http://head:8265"], "HOST:PORT"),
        (["--address", "127.0.0.1:9"], "must answer at its address"),
        (["a.yaml", "--json"], "--json requires --address"),
    ],
)
def test_invalid_arguments_of_status_are_rejected(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["cluster", "status", *arguments]) == 2
    assert message in printed_error(capsys)


# --- invalid submissions ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.toml"], "there is no file 'none.toml'"),
        (["compser"], "there is no file 'compser'"),
        (["mine.toml", "--home", "runs"], "an absolute path on the head, or starts with ~: got 'runs'"),
        (["mine.toml", "--", "--trails", "3"], "--trials"),
        (["mine.toml", "--", "--set", "siez=3"], "did you mean 'size'?"),
        (["mine.toml", "--", "--home", "x"], "runs on the head: got --home"),
        (["mine.toml", "--", "--print"], "runs on the head: got --print"),
        (["mine.toml", "--", "--corpus", "onells"], "did you mean 'oneills'?"),
        (["mine.toml", "--", "--corpus", "./none"], "there is no folder './none'"),
        (["message.toml"], "did you mean 'trials'?"),
        (["mine.toml"], "a Ray dashboard must answer at the address: http://127.0.0.1:9 does not"),
        (["mine.toml", "--", "--corpus", "/not/here/but/on/the/head"], "a Ray dashboard must answer"),
    ],
)
def test_invalid_submissions_are_rejected_before_anything_is_uploaded(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.toml").write_text('name = "mine"\n', encoding="utf-8")
    Path("message.toml").write_text("[budget]\ntrails = 3\n", encoding="utf-8")
    assert run(["cluster", "submit", arguments[0], *NOWHERE, *arguments[1:]]) == 2
    assert message in printed_error(capsys)


@pytest.mark.parametrize(
    ("section", "place"),
    [
        ('[study]\nurl = "postgresql+psycopg://me:hush@db/studies"\n', "[study] url"),
        ('[tracking]\nuri = "http://me:hush@mlflow:5000"\n', "[tracking] uri"),
    ],
)
def test_a_password_in_a_search_file_is_rejected_and_not_printed(
    section: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("mine.toml").write_text(section, encoding="utf-8")
    assert run(["cluster", "submit", "mine.toml", *NOWHERE]) == 2
    error = printed_error(capsys)
    assert place in error
    assert "PGPASSWORD" in error
    assert "hush" not in error


def test_options_become_keys_of_the_search_file() -> None:
    assert overrides({"seed": 3, "trials": None, "settings": {"size": 8}}) == {
        "data.seed": 3,
        "sampler.seed": 3,
        "space.size": 8,
    }


# --- a real cluster ---


def own_agent() -> str:
    """Return an option with a free port for a node's agent, since other Rays run on this machine."""
    return f"--dashboard-agent-listen-port={free_port()}"


@pytest.fixture(scope="module")
def running() -> Iterator[tuple[RayCluster, list[str]]]:
    port = free_port()
    options = ("--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}")
    with (
        ray_cluster(0, head=(*options, own_agent()), PATH=PATH) as cluster,
        tempfile.TemporaryDirectory(prefix="ray") as own,  # a node that unpacks a job's folder replaces its content
    ):
        cluster.add(2, options=[own_agent(), f"--temp-dir={own}"])
        yield cluster, ["--address", f"http://127.0.0.1:{port}"]


@pytest.mark.slow
def test_status_shows_the_resources_of_each_machine(running: tuple[RayCluster, list[str]]) -> None:
    cluster, _ = running
    status = ["cluster", "status", "--address", cluster.address, "--json"]
    done = subprocess.run(  # a process can connect to only one Ray, and other tests connect this process
        [sys.executable, "-c", "from tunesmith.cli import main; main()", *status],
        env={**os.environ, **ENVIRONMENT},
        check=True,
        capture_output=True,
        text=True,
    )
    head, worker = json.loads(done.stdout)
    assert (head["cpus"], head["cpus_used"], head["gpus"]) == (0, 0, 0)
    assert (worker["cpus"], worker["cpus_used"], worker["gpus"], worker["gpus_used"]) == (2, 0, 0, 0)
    assert worker["address"] == cluster.nodes[0].address


def search_takes_an_address() -> bool:
    commands: Any = get_command(app)
    return "address" in {parameter.name for parameter in commands.commands["search"].params}


@pytest.mark.slow
@pytest.mark.skipif(not search_takes_an_address(), reason="'tunesmith search' takes no --address yet")
def test_a_submitted_search_is_followed_until_it_ends(
    running: tuple[RayCluster, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from data_prep.corpora.named import corpora

    _, address = running
    tunes = tmp_path / "tunes"
    tunes.mkdir()
    (file,) = (path for path in corpora()["oneills"].files() if path.name == "0001-0050.abc")
    (tunes / file.name).write_bytes(file.read_bytes())
    Path("mine.toml").write_text(
        'name = "mine"\n[data]\ncorpus = "tunes"\n[budget]\ntrials = 3\nepochs = 2\ntime = "none"\n'
        "[space]\nsize = 8\nembedding = 8\nlayers = 1\nbatch_size = 8\n",
        encoding="utf-8",
    )
    home = tmp_path / "home"
    assert run(["cluster", "submit", "mine.toml", *address, "--home", str(home), "--", "--trials", "2"]) == 0
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if line]
    assert lines[0].endswith("and the code")
    assert lines[1].startswith("the job mine-1 runs mine")
    assert lines[2:] == ["mine-1: succeeded"]
    assert "the winner" in printed.out
    assert run(["trials", "mine", "--home", str(home), "--json"]) == 0
    assert [row["number"] for row in json.loads(capsys.readouterr().out)] in ([0, 1], [1, 0])
    assert run(["cluster", "jobs", *address, "--json"]) == 0
    (job,) = json.loads(capsys.readouterr().out)
    assert (job["job"], job["search"], job["home"], job["state"]) == ("mine-1", "mine", str(home), "SUCCEEDED")
    assert run(["cluster", "follow", "mine-1", *address]) == 0
    assert "the winner" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.skipif(not search_takes_an_address(), reason="'tunesmith search' takes no --address yet")
def test_a_stopped_search_ends_cleanly_and_resumes_when_it_is_submitted_again(
    running: tuple[RayCluster, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, address = running
    home = tmp_path / "home"
    budget = ["--", "--name", "again", "--epochs", "3", "--set", "size=8", "--set", "embedding=8", "--time", "none"]
    submit = ["cluster", "submit", "composer", *address, "--home", str(home)]
    assert run([*submit, "--detach", "--json", *budget, "--trials", "1000"]) == 0
    job = json.loads(capsys.readouterr().out)["job"]
    assert run([*submit, "--detach", *budget]) == 2
    assert f"the job {job} runs again in {home}" in printed_error(capsys)
    wait_until(lambda: any((home / "searches" / "again").glob("*")), "the search to start")
    assert run(["cluster", "stop", job, *address, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["state"] == "STOPPED"
    assert run(["trials", "again", "--home", str(home), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert all(row["state"] != "RUNNING" for row in rows)
    assert run([*submit, *budget, "--trials", "1"]) == 0
