"""For every test: one thread a process, a quiet Ray, examples that repeat; and a PostgreSQL, when first needed."""

import os
import uuid
from collections.abc import Generator

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; read when numpy and torch are first imported

import pytest
from hypothesis import settings

from cluster.session import quieten
from tests.postgres_server import PostgresServer, binaries

quieten()  # before a test file imports Ray

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def postgres() -> Generator[PostgresServer]:
    """A server that tests share; who stops it starts it again."""
    programs = binaries()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: no initdb beside a postgres in PATH, pg_config's or Debian's folder")
    server = PostgresServer(programs)
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    """The address of an empty database, its password included."""
    return postgres.create(f"test-{uuid.uuid4().hex[:12]}")
