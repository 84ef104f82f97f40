"""MLflow's store in a file is complete or does not exist; an incomplete store is repaired."""

import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from sqlalchemy import Engine, create_engine, event
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.promotion.registry import Registry
from search.spec.file import parse
from search.study.database import open_study, read_search
from search.tracking.client import connect, default_uri
from search.tracking.store_file import make_ready
from tests.search.programs import environment

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow
EARLIER = "0584bdc529eb"
"""A version of MLflow's schema that is not the newest."""

RUN = (
    "INSERT INTO experiments (experiment_id, name, lifecycle_stage) VALUES (7, 'mine', 'active')",
    "INSERT INTO runs (run_uuid, experiment_id, user_id) VALUES ('r', 7, 'me')",
    "UPDATE runs SET status = 'FINISHED', lifecycle_stage = 'active', artifact_uri = 'file:///r', start_time = 1",
)


@contextmanager
def watched(target: Any, name: str, listener: Callable[..., None]) -> Generator[None]:
    event.listen(target, name, listener)
    try:
        yield
    finally:
        event.remove(target, name, listener)


@pytest.fixture(scope="module")
def half_made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Stores left by processes that were killed while MLflow created the tables."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    folder = tmp_path_factory.mktemp("half-made")
    seen: list[Path] = []

    def copy(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement.lstrip().startswith(("CREATE", "ALTER", "DROP", "INSERT", "UPDATE")):
            seen.append(shutil.copytree(folder / "runs", folder / f"{len(seen)}"))

    (folder / "runs").mkdir()
    with watched(Engine, "before_cursor_execute", copy):
        SqlAlchemyStore(default_uri(folder / "runs"), str(folder)).engine.dispose()
    assert len(seen) > 100
    return [seen[len(seen) * part // 8] for part in range(1, 8)]


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  (our own)


def change(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        for statement in statements:
            database.execute(statement)


def use(home: Path) -> None:
    """Check that a run can be written to a store, and that a registry can read the store."""
    client = connect(default_uri(home))
    client.create_run(client.create_experiment("new"))
    assert Registry(default_uri(home), home).versions() == []


def test_a_new_store_leaves_only_its_file_and_its_lock(tmp_path: Path) -> None:
    use(tmp_path / "runs")
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["mlflow.db", "mlflow.db.lock"]


@pytest.mark.parametrize("stage", range(7))
def test_an_incomplete_store_is_created_again(half_made: list[Path], stage: int, tmp_path: Path) -> None:
    home = shutil.copytree(half_made[stage], tmp_path / "runs")
    assert (home / "mlflow.db").exists()
    (home / ".mlflow.db.1234.part").write_bytes(b"left by a process that was killed")
    use(home)
    assert sorted(path.name for path in home.iterdir()) == ["mlflow.db", "mlflow.db.lock"]


def test_an_incomplete_store_with_runs_is_moved_aside_and_reported(half_made: list[Path], tmp_path: Path) -> None:
    home = shutil.copytree(half_made[5], tmp_path / "runs")
    change(home / "mlflow.db", *RUN)
    with pytest.raises(BadInputError, match=r"mlflow.db did not and was moved to mlflow.db.damaged-\w+ \(") as caught:
        make_ready(default_uri(home))
    assert "\n" not in str(caught.value)
    use(home)
    [aside] = home.glob("mlflow.db.damaged-*")
    assert rows(aside, "runs") == 1


@pytest.fixture
def older(tmp_path: Path) -> Path:
    """A home with the store of an older MLflow, which contains a run."""
    from mlflow.store.db.utils import (
        _get_alembic_config,  # pyright: ignore[reportPrivateUsage, reportUnknownVariableType]
    )
    from mlflow.store.tracking.dbmodels.initial_models import Base

    home = tmp_path / "runs"
    home.mkdir()
    engine = create_engine(default_uri(home))
    Base.metadata.create_all(engine)
    config = _get_alembic_config(default_uri(home))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, EARLIER)
    engine.dispose()
    change(home / "mlflow.db", *RUN)
    return home


def test_an_older_store_is_upgraded(older: Path) -> None:
    client = connect(default_uri(older))
    assert client.get_run("r").info.status == "FINISHED"
    assert [path.name for path in older.glob("mlflow.db.damaged*")] == []


def test_a_full_disk_leaves_no_incomplete_store(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
    try:
        with pytest.raises(BadInputError, match=r"must be a file .*mlflow.db is not \(.*free some space"):
            connect(default_uri(tmp_path))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["mlflow.db.lock"]
    use(tmp_path)


@pytest.mark.parametrize(
    ("statements", "message"),
    [
        (["CREATE TABLE studies (a INTEGER)"], r"must be a database of its own: .* has other tables \(studies\)"),
        (["UPDATE alembic_version SET version_num = 'ffffffffffff'", *RUN], "use the version of MLflow that wrote it"),
    ],
)
def test_files_of_other_programs_are_not_changed(
    home: Path, tracked_home: Path, statements: list[str], message: str
) -> None:
    path = tracked_home / "mlflow.db"
    if "studies" in message:
        path.unlink()
    change(path, *statements)
    before = path.read_bytes()
    with pytest.raises(BadInputError, match=message) as caught:
        connect(default_uri(home))
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == before


def test_the_error_for_a_damaged_file_has_its_name_and_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "mlflow.db").write_bytes(b"this is no database" * 100)
    for act in (Registry(default_uri(tmp_path), tmp_path).versions, lambda: make_ready(default_uri(tmp_path))):
        with pytest.raises(BadInputError, match=r"mlflow.db is damaged \(file is not a database\); restore") as caught:
            act()
        assert "\n" not in str(caught.value)


def test_several_processes_create_one_store(tmp_path: Path) -> None:
    script = Path(__file__).parent.with_name("store_makers.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert rows(tmp_path / "mlflow.db", "experiments") == 1 + 3


@pytest.mark.slow
@pytest.mark.parametrize("begins", ["without a store", "with one"])
def test_after_a_first_search_is_killed_at_any_step_the_next_start_writes_everything_to_mlflow(
    begins: str, tracked_home: Path, tmp_path: Path
) -> None:
    from tests.search.dying_search import begin

    script, folder = Path(__file__).parent.with_name("dying_search.py"), tmp_path / "homes"
    folder.mkdir()
    command = [sys.executable, str(script), str(folder)]
    command += [str(tracked_home / "mlflow.db")] if begins == "with one" else []
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    homes = list(folder.iterdir())
    assert len(homes) > 15
    bare = [home for home in homes if not list(home.glob("*mlflow*"))]
    for home in {*homes, *bare[:1]} - {*bare[1:]}:  # one home without a store stands for all of them
        begin(home)
        check_all_is_in_mlflow(home)
    for home in bare[1:]:
        check_the_study_can_be_opened(home)


def check_all_is_in_mlflow(home: Path) -> None:
    from tests.search.dying_search import TRIAL

    client = connect(default_uri(home))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    assert set(runs) == {"toys", "toys/0"}, home
    assert {run.info.status for run in runs.values()} == {"FINISHED"}, home
    points = client.get_metric_history(runs["toys/0"].info.run_id, "loss")
    expected = [(epoch.report.epoch, epoch.report.metrics["loss"].mean) for epoch in TRIAL.epochs]
    assert [(point.step, point.value) for point in points] == expected


def check_the_study_can_be_opened(home: Path) -> None:
    with open_study(parse(TOY_SEARCH, "toy.toml", family=ToyFamily()), ToyFamily(), home, "f") as study:
        assert study.records() == []
    assert read_search(home, "toys", ToyFamily()).trials == ()
