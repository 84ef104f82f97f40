"""URIs of stores, those that are refused, experiments, and the pages of MLflow's UI."""

import time
from pathlib import Path

import pytest
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from search.spec.file import parse
from search.tracking.client import (
    all_pages,
    check_tracking,
    connect,
    default_uri,
    find_experiment,
    runs_pages,
    tracking_uri,
)
from tests.ray_cluster import free_port

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("http://127.0.0.1:{port}", r"the tracking server must answer: http://127.0.0.1:\d+ does not \(.*refused"),
        ("http://me:secret@127.0.0.1:{port}", r"must answer: http://me@127.0.0.1"),
        ("./mlruns", r"tracking.uri must be the URI of a database or a server .*: got './mlruns'"),
        ("file:///mlruns", "tracking.uri must be the URI of a database or a server"),
    ],
)
def test_an_unusable_store_is_refused_immediately(uri: str, message: str) -> None:
    began = time.monotonic()
    with pytest.raises(BadInputError, match=message):
        check_tracking(uri.format(port=free_port()))
    assert time.monotonic() - began < 2


def test_the_default_store_is_in_the_home_folder(home: Path) -> None:
    assert tracking_uri(parse(TOY_SEARCH, "toy", family=ToyFamily()), home) == f"sqlite:///{home}/mlflow.db"


def test_an_experiment_is_found_again_even_if_it_was_deleted(tracked_home: Path) -> None:
    uri = default_uri(tracked_home)
    client = connect(uri)
    created = find_experiment(client, "toy", tracked_home, uri)
    client.delete_experiment(created)
    assert find_experiment(client, "toy", tracked_home, uri) == created
    assert client.get_experiment(created).lifecycle_stage == "active"


def test_every_page_of_a_search_is_read_and_experiments_without_runs_have_no_page(tracked_home: Path) -> None:
    uri = default_uri(tracked_home)
    client = connect(uri)
    used, empty = (find_experiment(client, name, tracked_home, uri) for name in ("used", "empty"))
    created = {client.create_run(used).info.run_id for _ in range(5)}
    assert {run.info.run_id for run in all_pages(client.search_runs, [used], page_size=2)} == created
    assert list(all_pages(client.search_runs, [empty], page_size=2)) == []
    assert runs_pages(uri) == {"used": f"/#/experiments/{used}/runs?workflowType=machine_learning"}
