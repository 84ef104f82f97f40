"""The checks work on real SQLite files and a real PostgreSQL, and undo their writes."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from data_prep.errors import Action, BadInputError
from models.families import family
from search.service_checks import servers, try_home, try_study, try_tracking, unended_driver
from search.spec.file import SearchSpec, load
from search.study.database import folder, open_study
from search.tracking.client import connect, default_uri, experiments
from tests.postgres_server import PostgresServer, binaries

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow

WRONG = "wr0ng"


def search(**places: str) -> SearchSpec:
    return load("composer", overrides={name.replace("_", "."): url for name, url in places.items()})


def test_a_new_home_passes_and_stays_empty(tmp_path: Path) -> None:
    spec = search()
    assert "is writable" in try_home(tmp_path)
    assert "is created when the search starts" in try_tracking(spec, tmp_path)
    assert "is created when the search starts" in try_study(spec, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_home_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"home folder must be writable: .*No such file or directory") as caught:
        try_home(tmp_path / "gone")
    assert caught.value.action == Action("choose home")


def test_a_journal_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (folder(tmp_path, "composer") / "study.journal").mkdir(parents=True)
    with pytest.raises(BadInputError, match="the study's journal must be writable"):
        try_study(search(), tmp_path)


def test_a_write_to_a_study_in_sqlite_is_rolled_back(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    spec = search(study_url=f"sqlite:///{path}")
    assert "is writable" in try_study(spec, tmp_path)
    assert not path.exists()
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE studies (study_id INTEGER PRIMARY KEY, study_name TEXT)")
    made.close()
    assert "is writable" in try_study(spec, tmp_path)
    with sqlite3.connect(path) as read:
        assert read.execute("SELECT name FROM sqlite_master").fetchall() == [("studies",)]
        assert read.execute("SELECT * FROM studies").fetchall() == []
    read.close()


@pytest.mark.slow
def test_a_locked_study_in_sqlite_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "study.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE other (a INTEGER)")
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(BadInputError, match=r"and writable.*database is locked"):
        try_study(search(study_url=f"sqlite:///{path}"), tmp_path)
    holder.close()


@pytest.mark.parametrize(
    ("places", "message"),
    [
        ({"study_url": "sqlite:////nowhere/study.db"}, "must be reachable and writable.*unable to open"),
        ({"study_url": "postgresql+psycopg://me:secret@127.0.0.1:9/db"}, r"//me@127.0.0.1:9/db \(.*refused"),
        ({"study_url": "postgresql+nosuch://127.0.0.1:9/db"}, "must be reachable"),
        ({"study_url": "sqlite:////a.db", "tracking_uri": "sqlite:////a.db"}, "each need a database of their own"),
    ],
)
def test_an_impossible_study_url_is_refused(tmp_path: Path, places: dict[str, str], message: str) -> None:
    with pytest.raises(BadInputError, match=message) as caught:
        try_study(search(**places), tmp_path)
    assert "secret" not in str(caught.value)


@pytest.mark.slow
def test_a_running_driver_is_reported_and_keeps_its_lease(tmp_path: Path, database: str) -> None:
    for spec in (search(), search(study_url=f"sqlite:///{tmp_path}/study.db"), search(study_url=database)):
        assert unended_driver(spec, tmp_path) is None
        with open_study(spec, family("composer"), tmp_path, "data") as study:
            driver = unended_driver(spec, tmp_path)
            assert driver is not None
            assert driver.process == os.getpid()
            study.check_held()
        assert unended_driver(spec, tmp_path) is None
        shutil.rmtree(folder(tmp_path, spec.name))


def test_a_driver_that_died_on_this_machine_is_not_reported(tmp_path: Path) -> None:
    script = f"""
import os, sys
from pathlib import Path
from search.study.folder_lock import driver_lock
place = Path({str(folder(tmp_path, "composer"))!r})
place.mkdir(parents=True)
with driver_lock(place, "composer"):
    os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[2], check=True)
    assert (folder(tmp_path, "composer") / "driver.json").exists()
    assert unended_driver(search(), tmp_path) is None


def test_a_write_to_mlflow_is_undone(tmp_path: Path) -> None:
    client = connect(default_uri(tmp_path))
    client.create_experiment("mine", tags={"kept": "yes"})
    before = [(each.name, each.tags, each.lifecycle_stage) for each in experiments(client)]
    assert "is writable" in try_tracking(search(), tmp_path)
    assert [(each.name, each.tags, each.lifecycle_stage) for each in experiments(client)] == before


def test_a_store_that_is_not_a_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_text("no database at all, and long enough to be none " * 100)
    with pytest.raises(BadInputError, match=r"the tracking store must be writable.*not a database"):
        try_tracking(search(), tmp_path)


def test_servers_returns_host_and_port() -> None:
    assert servers(search()) == {}
    spec = search(tracking_uri="https://mlflow.example", study_url="postgresql+psycopg://me@db.example:5433/studies")
    assert servers(spec) == {"tracking": ("mlflow.example", 443), "study": ("db.example", 5433)}


@pytest.fixture(scope="module")
def postgres() -> Generator[PostgresServer]:
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    server = PostgresServer(programs)
    yield server
    server.close()


@pytest.mark.parametrize("in_use", [False, True])
def test_a_write_to_postgresql_is_rolled_back(tmp_path: Path, postgres: PostgresServer, in_use: bool) -> None:
    name = f"in_use_{in_use}".lower()
    spec = search(study_url=postgres.create(name))
    if in_use:
        postgres.execute("CREATE TABLE studies (study_id SERIAL PRIMARY KEY, study_name TEXT NOT NULL)", name)
    assert try_study(spec, tmp_path) == f"postgresql+psycopg://tunesmith@127.0.0.1:{postgres.port}/{name} is writable"
    tables = postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
    assert tables == ([("studies",)] if in_use else [])
    assert not in_use or postgres.execute("SELECT * FROM studies", name) == []


def test_a_database_user_without_permission_to_create_tables_is_refused(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    postgres.create("closed")
    postgres.execute("CREATE USER reader PASSWORD 'reads'")
    url = f"postgresql+psycopg://reader:reads@127.0.0.1:{postgres.port}/closed"
    with pytest.raises(BadInputError, match=r"//reader@.*permission denied.*permission to create tables") as caught:
        try_study(search(study_url=url), tmp_path)
    assert "reads" not in str(caught.value)


def test_a_wrong_password_is_refused_and_not_shown(tmp_path: Path, postgres: PostgresServer) -> None:
    with pytest.raises(BadInputError, match=r"password authentication failed.*PGPASSWORD") as caught:
        try_study(search(study_url=postgres.url("postgres", password=WRONG)), tmp_path)
    assert WRONG not in str(caught.value)
