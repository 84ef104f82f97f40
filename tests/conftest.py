"""For every test: one thread a process, a quiet Ray, examples that repeat; and a PostgreSQL, when first needed."""

import inspect
import os
import re
import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; read when numpy and torch are first imported

import pytest
from hypothesis import HealthCheck, settings

from cluster.session import quieten
from tests.postgres_server import PostgresServer, binaries

quieten()  # before a test file imports Ray

settings.register_profile(  # nothing depends on the speed of the machine
    "repeatable", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("repeatable")

STARTS = re.compile(
    r"\b(subprocess|Popen|Program|ray_session|ray_cluster|make_place|postgres|\w+Server)\b|\bplace\.run\b"
)
"""What a test, or a fixture that it uses, calls to start Ray, a server or another process."""


SLOW_FILES = (
    "data_prep/corpora/test_named_corpora.py",
    "data_prep/corpora/test_played_corpora.py",
    "data_prep/performances/test_preparation.py",
    "data_prep/prepared/test_corpus.py",
    "data_prep/readers/abc/test_repeats.py",
    "data_prep/tunes/test_prompts.py",
    "data_prep/writers/test_engraving.py",
    "models/composer/composing/test_composer_files.py",
    "models/composer/test_memorising.py",
    "models/composer/test_scoring.py",
    "models/stylenet/test_stylenet_training.py",
    "models/training/test_loop.py",
    "repository/test_wheel.py",
    "search/promotion/test_registry.py",
    "search/study/test_database.py",
    "search/tracking/test_store_file.py",
    "tunesmith/commands/music/test_compose.py",
    "tunesmith/commands/test_data.py",
    "tunesmith/commands/music/test_memorise.py",
    "tunesmith/commands/test_models.py",
    "tunesmith/commands/test_score.py",
    "tunesmith/listening/test_answers.py",
    "tunesmith/listening/test_making.py",
)
"""Files of tests that train networks, read whole collections, or create MLflow stores: about a second for each test."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark slow files, and what starts Ray, a server or another process, as slow: ``make quick`` leaves them out."""
    for item in items:
        slow = item.path.as_posix().endswith(SLOW_FILES)
        if slow or any(STARTS.search(inspect.getsource(function)) for function in functions_of(item)):
            item.add_marker(pytest.mark.slow)


def functions_of(item: Any) -> Iterator[Callable[..., Any]]:
    """Yield a test's function and those of its fixtures in tests/."""
    yield item.function
    for definitions in item._fixtureinfo.name2fixturedefs.values():
        yield from (definition.func for definition in definitions if "/tests/" in inspect.getfile(definition.func))


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
