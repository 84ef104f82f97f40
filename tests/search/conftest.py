"""Fixtures: one Ray per test process, started when first needed, and a home folder per test."""

import importlib.util
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.mlflow_tables import lay_tables

# Ray's workers cannot import test files, which are not a package: the toy family is pickled by value.
_SPEC = importlib.util.spec_from_file_location("toy_family", Path(__file__).with_name("toy_family.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
toy_family = importlib.util.module_from_spec(_SPEC)
sys.modules["toy_family"] = toy_family
_SPEC.loader.exec_module(toy_family)


@pytest.fixture(scope="session")
def ray_session() -> Generator[None]:
    from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

    from cluster.session import connect

    cloudpickle.register_pickle_by_value(toy_family)  # pyright: ignore[reportUnknownMemberType]
    with connect(num_cpus=2, num_gpus=0):
        yield


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def tracked_home(home: Path) -> Path:
    lay_tables(home)
    return home
