"""Jobs on a real cluster with a real dashboard: submitted, followed, stopped and rejected."""

import http.server
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cluster.launch.jobs import Jobs, connect_jobs
from cluster.launch.parcel import LARGEST, packed
from data_prep.errors import BadInputError
from tests.ray_cluster import free_port, ray_cluster, wait_until

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.xdist_group("jobs")]  # Ray's own

ROOT = Path(__file__).parents[3]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
CLEAN = "import signal,sys,time\nsignal.signal(15, lambda *_: (time.sleep(5), print('clean'), sys.exit(130)))\n"


def with_dashboard(port: int) -> tuple[str, ...]:
    """Return options of a head with a dashboard; its agent needs a free port, since other Rays run on this machine."""
    agent = f"--dashboard-agent-listen-port={free_port()}"
    return "--include-dashboard=true", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}", agent


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The dashboard of a head on loopback that requires no token."""
    port = free_port()
    with ray_cluster(0, head=with_dashboard(port), PATH=PATH):
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def jobs(address: str) -> Jobs:
    return connect_jobs(address)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "what").mkdir()
    (tmp_path / "what" / "search.toml").write_text('name = "any"\n', encoding="utf-8")
    return tmp_path / "what"


@pytest.mark.slow
def test_a_job_has_our_packages_and_the_uploaded_files_and_returns_its_exit_status(jobs: Jobs, folder: Path) -> None:
    code = "import pathlib, sys, search, tunesmith, models, data_prep, cluster; print(search.__file__)"
    code += "; print(pathlib.Path('search.toml').read_text()); sys.exit(3)"
    job = jobs.submit(["python", "-c", code], folder, search="seen", home="~/here")
    assert (job.id, job.search, job.home) == ("seen-1", "seen", "~/here")
    text: list[str] = []
    ended = jobs.follow(job.id, text.append)
    assert (ended.state, ended.exit_status, ended.status) == ("FAILED", 3, 3)
    printed = "".join(text)
    assert 'name = "any"' in printed
    assert "py_modules_files" in printed
    assert str(ROOT / "search") not in printed, "the job runs a copy"
    again: list[str] = []
    assert jobs.follow(job.id, again.append).status == 3
    assert "".join(again) == printed, "a second follower reads the output from the beginning"


@pytest.mark.slow
def test_a_search_runs_in_one_job_at_a_time_and_has_time_to_end_cleanly(jobs: Jobs, folder: Path) -> None:
    ready = folder.parent / "ready"
    command = ["python", "-u", "-c", f"{CLEAN}open({str(ready)!r}, 'w')\nwhile True: time.sleep(0.1)"]
    job = jobs.submit(command, folder, search="long", home="~/a")
    message = r"one job at a time .*: the job long-1 runs long in ~/a; stop that job first"
    with pytest.raises(BadInputError, match=message):
        jobs.submit(command, folder, search="long", home="~/a")
    elsewhere = jobs.submit(["true"], folder, search="long", home="~/b")
    assert elsewhere.id == "long-2"
    assert jobs.follow(elsewhere.id, lambda _: None).status == 0
    wait_until(ready.exists, "the job to run")
    stopped = jobs.stop(job.id)
    assert (stopped.state, stopped.status) == ("STOPPED", 130)
    text: list[str] = []
    jobs.follow(job.id, text.append)
    assert "".join(text).rstrip().endswith("clean"), "it had more than 5 seconds; Ray's default is 3"
    assert jobs.stop(job.id).state == "STOPPED"
    assert [each.id for each in jobs.list() if each.search == "long"] == ["long-2", "long-1"]
    third = jobs.submit(["true"], folder, search="long", home="~/a")
    assert third.id == "long-3"


@pytest.mark.slow
def test_a_job_keeps_running_when_its_follower_is_interrupted(address: str, folder: Path) -> None:
    jobs = connect_jobs(address)
    job = jobs.submit(
        ["python", "-u", "-c", "import time; print('ready'); time.sleep(300)"], folder, search="left", home="~"
    )
    code = (
        f"import sys; from cluster.launch.jobs import connect_jobs; connect_jobs({address!r}).follow({job.id!r}, print)"
    )
    with subprocess.Popen([sys.executable, "-u", "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        assert any("ready" in line for line in follower.stdout)
        follower.send_signal(signal.SIGINT)
        follower.communicate(timeout=30)
    assert jobs.find(job.id).state == "RUNNING"
    assert jobs.stop(job.id).state == "STOPPED"


@pytest.mark.slow
def test_the_error_for_an_unknown_job_suggests_a_similar_id(jobs: Jobs, folder: Path) -> None:
    jobs.follow(jobs.submit(["true"], folder, search="near", home="~").id, lambda _: None)
    with pytest.raises(BadInputError, match=r"no job is called 'naer-1' .*did you mean 'near-1'"):
        jobs.find("naer-1")
    with pytest.raises(BadInputError, match="no job is called"):
        jobs.stop("naer-1")


@pytest.mark.slow
def test_addresses_in_the_environment_are_ignored(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:9")
    monkeypatch.setenv("RAY_API_SERVER_ADDRESS", "http://127.0.0.1:9")
    connect_jobs(address).list()


# --- a token ---


TRY = """
import sys
from cluster.launch.jobs import connect_jobs
from data_prep.errors import BadInputError
try:
    print(connect_jobs(sys.argv[1]).list())
except BadInputError as error:
    print(error)
"""


@dataclass(frozen=True)
class Guarded:
    """A head that requires a token."""

    address: str
    token: Path

    def ask(self, home: Path, **environment: str) -> str:
        """Connect from a new process, since Ray reads its token once."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        done = subprocess.run(
            [sys.executable, "-c", TRY, self.address],
            cwd=ROOT,
            env={**kept, "HOME": str(home), **environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done.stdout.strip()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("0123456789abcdef" * 4, encoding="utf-8")
    port = free_port()
    with ray_cluster(0, head=with_dashboard(port), PATH=PATH, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(token)):
        yield Guarded(f"http://127.0.0.1:{port}", token)


@pytest.mark.slow
def test_only_the_right_token_is_accepted_and_errors_say_what_is_wrong(guarded: Guarded, tmp_path: Path) -> None:
    how = f"({guarded.address}); set RAY_AUTH_MODE=token, and put the output of 'ray get-auth-token' on the head"
    assert f"requires its token: it was given none {how}" in guarded.ask(tmp_path)
    assert f"requires its token: it was given none {how}" in guarded.ask(tmp_path, RAY_AUTH_MODE="token")
    refused = guarded.ask(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="another")  # noqa: S106  (a wrong one)
    assert f"requires its token: it was given a wrong one {how}" in refused
    assert "another" not in refused
    missing = guarded.ask(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(tmp_path / "none"))
    assert "RAY_AUTH_TOKEN_PATH must name a file with the cluster's token" in missing
    assert guarded.ask(tmp_path, RAY_AUTH_MODE="token", RAY_AUTH_TOKEN_PATH=str(guarded.token)) == "[]"


# --- addresses ---


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("127.0.0.1:6379", "jobs are sent to the head's dashboard, as http://head:8265: got '127.0.0.1:6379'"),
        ("ray://head:10001", "got 'ray://head:10001'"),
        ("anyscale://head", "got 'anyscale://head'"),
        ("http://", "got 'http://'"),
        ("http://head:eight", "got 'http://head:eight'"),
        ("http://head:8265/api/jobs", "got 'http://head:8265/api/jobs'"),
        ("http://me:secret@head:8265", "an address must not contain a user or password"),
        ("http://127.0.0.1:9", "a Ray dashboard must answer at the address: http://127.0.0.1:9 does not .*refused"),
    ],
)
def test_an_invalid_address_is_rejected_at_once(wrong: str, message: str) -> None:
    before = time.monotonic()
    with pytest.raises(BadInputError, match=message) as refused:
        connect_jobs(wrong)
    assert "secret" not in str(refused.value)
    assert time.monotonic() - before < 10


def test_another_kind_of_server_is_rejected() -> None:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(BadInputError, match="a Ray dashboard must answer at the address"):
            connect_jobs(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


# --- what is uploaded ---


def test_a_parcel_contains_the_file_and_the_corpus_without_hidden_files(tmp_path: Path) -> None:
    file, corpus = tmp_path / "my.toml", tmp_path / "tunes"
    file.write_text("x = 1", encoding="utf-8")
    (corpus / "deeper").mkdir(parents=True)
    (corpus / ".git").mkdir()
    for name in ("a.abc", "deeper/b.abc", ".gitignore", ".git/config"):
        (corpus / name).write_text("1234", encoding="utf-8")
    with packed(file=file, corpus=corpus) as parcel:
        files = {str(path.relative_to(parcel.folder)) for path in parcel.folder.rglob("*") if path.is_file()}
        assert files == {"my.toml", "corpus/tunes/a.abc", "corpus/tunes/deeper/b.abc"}
        assert (parcel.file, parcel.corpus, parcel.num_files, parcel.size) == ("my.toml", "corpus/tunes", 3, 13)
    assert not parcel.folder.exists()


def test_a_corpus_that_is_too_large_to_upload_is_rejected_with_a_remedy(tmp_path: Path) -> None:
    with (tmp_path / "large.mid").open("wb") as large:
        large.truncate(LARGEST + 2**20)
    remedy = r"at most 100 MiB are uploaded with a job: .* has 101 MiB; copy it to the head, and use its absolute path"
    with pytest.raises(BadInputError, match=remedy), packed(file=None, corpus=tmp_path):
        pass
