"""The views of MLflow's page of runs, as tags of an experiment; ``tests/tunesmith`` opens one in a browser."""

import json
from pathlib import Path
from typing import Any

import pytest

from search.tracking.client import default_uri, runs_pages
from search.tracking.past_runs import delete_runs, rename_runs
from search.tracking.views import FAMILY_VIEW, VIEW_TAG, search_view
from tests.search.tracking.tracked import SEARCH, client, record, track

pytestmark = pytest.mark.filterwarnings("ignore")  # warnings of MLflow
OWN = VIEW_TAG + search_view("id-1")


def tags(home: Path) -> dict[str, str]:
    return client(home).get_experiment_by_name("toy").tags


def state(home: Path, key: str = VIEW_TAG + FAMILY_VIEW) -> dict[str, Any]:
    return json.loads(json.loads(tags(home)[key])["state"])


def test_the_views_show_the_searched_settings_and_sort_by_the_objective(store: Path) -> None:
    track(store, [record(0, "COMPLETE", [3.0])]).close(None, finished=True)
    params = [f"params.`{name}`" for name in SEARCH.space.searched]
    first = ["metrics.`loss`", "metrics.`loss_se`", "tags.`state`", "tags.`epochs`"]
    for key, condition in ((VIEW_TAG + FAMILY_VIEW, ""), (OWN, "tags.search = 'toys'")):
        view = state(store, key)
        assert view["selectedColumns"] == [*first, *params, "attributes.`Dataset`"]
        assert (view["orderByKey"], view["orderByAsc"], view["searchFilter"]) == ("metrics.`loss`", True, condition)
    root = f"/#/experiments/{client(store).get_experiment_by_name('toy').experiment_id}/runs?workflowType"
    pages = {"toy": f"{root}=machine_learning&viewStateShareKey=tunesmith"}
    assert runs_pages(default_uri(store)) == pages
    assert runs_pages(default_uri(store), "toy", "id-1") == {"toy": f"{pages['toy']}-id-1"}
    assert runs_pages(default_uri(store), "toy", "other") == {"toy": f"{root}=machine_learning"}


def test_the_view_of_the_family_keeps_the_settings_of_earlier_searches(store: Path) -> None:
    track(store, []).close(None, finished=True)
    mlflow = client(store)
    experiment, key = mlflow.get_experiment_by_name("toy").experiment_id, VIEW_TAG + FAMILY_VIEW
    earlier = tags(store)[key].replace(SEARCH.space.searched[0], "earlier")
    mlflow.set_experiment_tag(experiment, key, earlier)
    track(store, []).close(None, finished=True)
    columns = [column for column in state(store)["selectedColumns"] if column.startswith("params")]
    searched = SEARCH.space.searched
    assert columns == [f"params.`{name}`" for name in ("earlier", *searched[1:], searched[0])]
    mlflow.set_experiment_tag(experiment, key, "no JSON")
    track(store, []).close(None, finished=True)
    assert state(store)["orderByKey"] == "metrics.`loss`"


def test_views_are_written_once_and_follow_the_name_and_the_end_of_the_search(store: Path) -> None:
    track(store, []).close(None, finished=True)
    before = tags(store)
    track(store, []).close(None, finished=True)
    assert tags(store) == before
    rename_runs(default_uri(store), "toy", "id-1", "toys", "bricks")
    assert state(store, OWN)["searchFilter"] == "tags.search = 'bricks'"
    assert json.loads(tags(store)[OWN])["name"] == "bricks"
    delete_runs(default_uri(store), "toy", "id-1")
    assert OWN not in tags(store)
