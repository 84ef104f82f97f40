"""A cluster of three nodes and an MLflow server on PostgreSQL, shared by the tests of one process."""

import uuid
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.mlflow_server import MlflowServer
from tests.postgres_server import PASSWORD, PostgresServer
from tests.ray_cluster import RayCluster, ray_cluster


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this folder as slow, and ignore warnings of Ray and MLflow."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture(scope="session")
def cluster() -> Generator[RayCluster]:
    """A head node and two nodes with one processor each, which no test kills."""
    with ray_cluster(2) as running:
        yield running


@pytest.fixture(scope="session")
def mlflow(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Generator[MlflowServer]:
    """A server; a test that stops it must restart it."""
    store = postgres.create(f"mlflow-{uuid.uuid4().hex[:8]}")
    server = MlflowServer(store, tmp_path_factory.mktemp("mlflow"))
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder; stored database URLs have no password, which is in the environment."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
