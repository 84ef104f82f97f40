"""The databases and MLflow's server of deploy/: run without containers; the container files are only checked."""

# mlflow is partly untyped:
# pyright: reportUnknownMemberType=false

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
import yaml
from mlflow import MlflowClient

from tests.ray_cluster import free_port

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "deploy" / "server.sh"
HAS_POSTGRES = bool(shutil.which("initdb") or list(Path("/usr/lib/postgresql").glob("*/bin/initdb")))


class Server:
    """The script with free ports and a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres, self.mlflow = free_port(), free_port()

    def run(self, action: str) -> subprocess.CompletedProcess[str]:
        ports = {"PGPORT": str(self.postgres), "MLFLOW_PORT": str(self.mlflow)}
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(
            [SCRIPT, action, self.folder],
            cwd=self.folder.parent,
            env={**os.environ, **ports, "PATH": path},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )


@contextmanager
def studies(url: str) -> Generator[optuna.storages.RDBStorage]:
    storage = optuna.storages.RDBStorage(url)
    yield storage
    storage.remove_session()
    storage.engine.dispose()


@pytest.fixture
def server() -> Iterator[Server]:
    parent = Path(tempfile.mkdtemp(prefix="deploy-"))
    parent.chmod(0o755)  # PostgreSQL may run as another user, who needs access to it
    server = Server(parent / "server")
    yield server
    server.run("stop")
    shutil.rmtree(parent)


@pytest.mark.slow
@pytest.mark.skipif(not HAS_POSTGRES, reason="PostgreSQL's server is not installed")
@pytest.mark.filterwarnings("ignore")  # MLflow's own
def test_databases_and_mlflow_keep_their_data_after_a_restart_and_require_the_password(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = server.run("start")
    assert started.returncode == 0, started.stdout + started.stderr
    (study_url,) = re.findall(r'url = "(.*)"', started.stdout)
    (tracking,) = re.findall(r'uri = "(.*)"', started.stdout)
    password = (server.folder / "password").read_text(encoding="utf-8").strip()
    assert password not in started.stdout + started.stderr
    assert (server.folder / "password").stat().st_mode & 0o077 == 0

    monkeypatch.delenv("PGPASSWORD", raising=False)
    plain = study_url.replace("+psycopg", "")
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(plain)
    monkeypatch.setenv("PGPASSWORD", password)
    with studies(study_url) as storage:
        optuna.create_study(storage=storage, study_name="kept")
    client = MlflowClient(tracking)
    run = client.create_run("0")
    client.log_text(run.info.run_id, "through the server", "note.txt")
    with psycopg.connect(plain.replace("/studies", "/mlflow")) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)

    assert server.run("stop").returncode == 0
    again = server.run("start")
    assert again.returncode == 0, again.stdout + again.stderr
    with studies(study_url) as storage:
        assert optuna.get_all_study_names(storage) == ["kept"]
    assert [each.path for each in MlflowClient(tracking).list_artifacts(run.info.run_id)] == ["note.txt"]
    assert list((server.folder / "artifacts").rglob("note.txt"))
    logs = [server.folder / "mlflow.log", server.folder / "postgres" / "log"]
    assert not any(password in log.read_text(encoding="utf-8") for log in logs)


@pytest.mark.parametrize("arguments", [[], ["start"], ["begin", "folder"]])
def test_wrong_arguments_print_the_usage(arguments: list[str]) -> None:
    done = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "start|stop FOLDER" in done.stderr


def test_shellcheck_accepts_the_script() -> None:
    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run([program, SCRIPT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


# --- with containers ---


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))


def test_every_port_is_published_only_on_loopback() -> None:
    for service in compose()["services"].values():
        assert [port.startswith("127.0.0.1:") for port in service["ports"]] == [True]


def test_services_have_health_checks_and_named_volumes() -> None:
    content = compose()
    for service in content["services"].values():
        assert service["healthcheck"]["test"][0] == "CMD"
        named = [volume.partition(":")[0] for volume in service["volumes"] if volume[0] != "."]
        assert named
        assert set(named) <= set(content["volumes"])
        assert set(service["secrets"]) <= set(content["secrets"])
    assert content["services"]["mlflow"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_the_compose_file_has_no_password_and_mlflows_options_are_those_of_the_script() -> None:
    text = (ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8")
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text)
    mlflow = compose()["services"]["mlflow"]
    assert mlflow["environment"]["MLFLOW_SERVER_ENABLE_JOB_EXECUTION"] == "false"
    options = set(re.findall(r"(--[a-z-]+) ", mlflow["command"][-1]))
    script = SCRIPT.read_text(encoding="utf-8")
    assert {"--backend-store-uri", "--artifacts-destination", "--allowed-hosts", "--workers"} <= options
    assert all(f"{option} " in script for option in options)


def test_the_image_has_the_versions_in_the_lock() -> None:
    dockerfile = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
    locked = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    for name, package in {"MLFLOW": "mlflow", "PSYCOPG": "psycopg"}.items():
        (version,) = re.findall(rf"^ARG {name}=(.*)$", dockerfile, re.MULTILINE)
        assert any(line.partition(" ;")[0] == f"{package}=={version}" for line in locked)


def test_both_databases_are_created() -> None:
    created = re.findall(r"CREATE DATABASE (\w+);", (ROOT / "deploy" / "databases.sql").read_text(encoding="utf-8"))
    assert [compose()["services"]["postgres"]["environment"]["POSTGRES_DB"], *created] == ["studies", "mlflow"]
