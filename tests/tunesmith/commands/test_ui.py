"""``tunesmith ui``: a real server, real requests, and its output on a terminal."""

import errno
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient

from tests.mlflow_tables import lay_tables
from tests.ray_cluster import free_port
from tunesmith.cli import run
from tunesmith.serving.addresses import allowed_hosts

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own
OPEN = {
    "MLFLOW_SERVER_ALLOWED_HOSTS": "*",
    "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": "*",
    "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE": "true",
}
"""Environment variables that weaken MLflow's restrictions."""


@dataclass
class Ui:
    """A running ``tunesmith ui``, and the lines that it has printed."""

    process: "subprocess.Popen[str]"
    port: int
    home: Path
    experiment: str
    printed: list[str]

    def answer(
        self, host: str | None, path: str = "/", method: str = "GET", origin: str = ""
    ) -> http.client.HTTPResponse:
        """Send a request with these headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.putrequest(method, path, skip_host=True)
        for name, value in (("Host", host), ("Origin", origin), ("Content-Length", "0" if method == "POST" else "")):
            if value:
                connection.putheader(name, value)
        connection.endheaders()
        response = connection.getresponse()
        response.read()
        connection.close()
        return response


def _home(folder: Path) -> str:
    """Create a store with a run of a search, and return the id of its experiment."""
    lay_tables(folder)
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    client.create_experiment("empty", (folder / "mlartifacts" / "empty").as_uri())
    experiment = client.create_experiment("composer", (folder / "mlartifacts" / "composer").as_uri())
    client.create_run(experiment, run_name="composer/0")
    return experiment


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Generator[Ui]:
    """A server with environment variables that would make MLflow accept every host."""
    home = tmp_path_factory.mktemp("ui") / "runs"
    experiment, port = _home(home), free_port()
    command = [sys.executable, "-m", "tunesmith", "ui", "--home", str(home), "--port", str(port)]
    environment = {**os.environ, **OPEN, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        printed = [process.stdout.readline(), process.stdout.readline()]
        yield Ui(process, port, home, experiment, printed)
        process.terminate()


@pytest.mark.slow
@pytest.mark.xdist_group("ui")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=composer"])
def test_requests_to_its_own_names_are_answered(ui: Ui, host: str, path: str) -> None:
    assert ui.answer(f"{host}:{ui.port}", path).status == 200


@pytest.mark.slow
@pytest.mark.xdist_group("ui")
@pytest.mark.parametrize("path", ["/", "/api/2.0/mlflow/experiments/get-by-name?experiment_name=composer"])
@pytest.mark.parametrize(
    "host",
    [
        "10.evil.example",
        "10.evil.example:PORT",
        "192.168.evil.example:PORT",
        "172.16.evil.example:PORT",
        "fd00:evil.example",
        "evil.example",
        "localhost.evil.example:PORT",
        "evil.example/localhost:PORT",
        "localhost",
        "localhost:1",
        "0.0.0.0:PORT",
        "10.0.0.5:PORT",
        None,
    ],
)
def test_requests_to_other_names_of_this_machine_are_rejected(ui: Ui, host: str | None, path: str) -> None:
    """A web page whose name resolves to this machine (DNS rebinding) sends such requests."""
    assert ui.answer(host and host.replace("PORT", str(ui.port)), path).status in {400, 403}


@pytest.mark.slow
@pytest.mark.xdist_group("ui")
@pytest.mark.parametrize("origin", ["http://evil.example", "http://10.evil.example", "null"])
def test_other_sites_cannot_read_or_change_anything(ui: Ui, origin: str) -> None:
    own = f"127.0.0.1:{ui.port}"
    assert ui.answer(own, "/api/2.0/mlflow/experiments/create", "POST", origin).status == 403
    read = ui.answer(own, "/api/2.0/mlflow/experiments/get-by-name?experiment_name=composer", origin=origin)
    assert read.getheader("Access-Control-Allow-Origin") is None


@pytest.mark.slow
@pytest.mark.xdist_group("ui")
def test_only_the_page_of_the_runs_is_printed_until_ctrl_c_stops_it(ui: Ui) -> None:
    page = f"http://127.0.0.1:{ui.port}/#/experiments/{ui.experiment}/runs?workflowType=machine_learning"
    assert ui.printed[0].startswith(f"MLflow's UI on {ui.home} (press Ctrl-C to stop)")
    assert ui.printed[1] == f"  composer  {page}\n"
    ui.answer("evil.example")
    ui.answer(f"127.0.0.1:{ui.port}", "/no/such/page")
    ui.process.send_signal(signal.SIGINT)
    assert ui.process.stdout is not None
    assert ui.process.stdout.read() == ""
    assert ui.process.wait(60) == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", ui.port)) == errno.ECONNREFUSED, "the server has ended too"


def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mlflow.db").touch()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["ui", "--home", str(tmp_path), "--port", str(port)]) == 2
    assert capsys.readouterr().err == (
        f"error: port {port} of 127.0.0.1 is in use by another program; name another with --port\n"
    )


@pytest.mark.parametrize("host", ["no.such.name.invalid", "a" * 300, "192.0.2.1", "*", "*.lan", "a,b", ""])
def test_hosts_of_other_machines_and_patterns_are_rejected(
    host: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlflow.db").touch()
    assert run(["ui", "--home", str(tmp_path), "--port", str(free_port()), "--host", host]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("error: --host is ")
    assert printed.count("\n") == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1", "box", "10.0.0.5"])  # noqa: S104
@pytest.mark.parametrize("port", [80, 5000])
def test_allowed_hosts_contain_no_patterns(host: str, port: int) -> None:
    hosts = allowed_hosts(host, port)
    assert not re.search(r"[*?,]", "".join(hosts))
    assert {f"localhost:{port}", f"127.0.0.1:{port}", f"[::1]:{port}"} <= set(hosts)
    assert ("localhost" in hosts) == (port == 80)


def test_the_given_host_is_allowed() -> None:
    assert "box.lan:5000" in allowed_hosts("Box.lan", 5000)
    assert "[fe80::1]:5000" in allowed_hosts("fe80::1", 5000)
    assert f"{socket.gethostname().lower()}:5000" in allowed_hosts("0.0.0.0", 5000)  # noqa: S104
