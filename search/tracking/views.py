"""Views of MLflow's page of runs: columns, order, filter and charts, stored as tags of the experiment.

MLflow's UI shows the view of the tag ``mlflow.sharedViewState.KEY`` if the address of the page has
``viewStateShareKey=KEY``, and lists it in its menu of saved views. The value is JSON: the name, the times in
milliseconds, and the state as JSON text (MLflow's own views compress it, which the UI does not require). This was read
in the JavaScript of MLflow 3.17.2 and is tested in a browser; a UI that does not know a view shows its default columns.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.metrics import Metric
from search.spec.file import SearchSpec

VIEW_TAG = "mlflow.sharedViewState."
"""Prefix of the tags of an experiment with views."""

FAMILY_VIEW = "tunesmith"
"""The key of the view of all searches of a family."""

_RUN_TAGS = ("state", "epochs")
_SECTION = "Model metrics"
"""MLflow's name of the section of the metrics without a slash in their names, which are not those of folds."""

_CHARTED = 8
"""Most settings in the chart of parallel coordinates."""

_WIDTH = 140
"""Width of the columns of the objective (pixels): their titles are long."""


def search_view(study: str) -> str:
    """Return the key of the view of a search; ``study`` is the unique id of its study."""
    return f"{FAMILY_VIEW}-{study}"


def page_of(experiment: str, view: str | None) -> str:
    """Return the path of the page with an experiment's runs, in a view if ``view``, its key, is not None.

    The experiment's default page is for chat models.
    """
    page = f"/#/experiments/{experiment}/runs?workflowType=machine_learning"
    return page if view is None else f"{page}&viewStateShareKey={view}"


@dataclass(frozen=True)
class View:
    """What the page of runs shows.

    Attributes:
        objective: The metric by which runs are sorted; it is the first column.
        settings: The hyperparameters with columns, in this order.
        charted: Those in the chart of parallel coordinates, which leaves out runs that lack one.
        search: The search whose runs are shown; None for all runs of the experiment.
    """

    objective: Metric
    settings: Sequence[str]
    charted: Sequence[str]
    search: str | None = None

    def to_tag(self, milliseconds: int) -> str:
        """Return the value of the tag with the view; ``milliseconds`` is when it was made, since 1970."""
        metrics = [_column("metrics", name) for name in (self.objective.name, f"{self.objective.name}_se")]
        others = [_column("tags", name) for name in _RUN_TAGS] + [_column("params", name) for name in self.settings]
        columns = [*metrics, *others, _column("attributes", "Dataset")]
        state = {
            "searchFilter": "" if self.search is None else _filter(self.search),
            "orderByKey": metrics[0],
            "orderByAsc": self.objective.direction == "minimise",
            "selectedColumns": columns,
            "columnOrder": columns,
            "columnWidths": dict.fromkeys(metrics, _WIDTH),
            "isAccordionReordered": True,  # else sections are sorted by name, which puts those of folds first
            "compareRunSections": [{"uuid": _SECTION, "name": _SECTION, "display": True, "isReordered": True}],
            "compareRunCharts": [_curves(self.objective), _coordinates(self.objective, self.charted)],
        }
        name = self.search or "all searches"
        return _tag({"name": name, "createdAt": milliseconds, "updatedAt": milliseconds}, state)


def views_of(search: SearchSpec, study: str, objective: Metric, tags: Mapping[str, str], at: int) -> dict[str, str]:
    """Return the tags of an experiment with the views of a search and of its family that have to be written.

    Args:
        search: The search.
        study: The unique id of its study.
        objective: The metric that is optimised.
        tags: The tags of the experiment. Hyperparameters with columns in the family's view keep them.
        at: The time (milliseconds since 1970).

    Returns:
        Values by key; none if the views are there.
    """
    family_key, own_key = VIEW_TAG + FAMILY_VIEW, VIEW_TAG + search_view(study)
    searched = search.space.searched
    before = _settings(tags.get(family_key))
    union = tuple(dict.fromkeys((*before, *searched)))
    settings = search.space.spec_type.settings()
    always = [name for name in union if name in settings and not settings[name].when][:_CHARTED]
    written: dict[str, str] = {}
    if before != union:
        written[family_key] = View(objective, union, always).to_tag(at)
    if _settings(tags.get(own_key)) != searched:
        charted = [name for name in searched if not settings[name].when][:_CHARTED]
        written[own_key] = View(objective, searched, charted, search.name).to_tag(at)
    return written


def renamed(tag: str, name: str) -> str:
    """Return the tag of a search's view after the search was renamed."""
    view = json.loads(tag)
    return _tag({**view, "name": name}, {**json.loads(view["state"]), "searchFilter": _filter(name)})


def _tag(view: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    return json.dumps({**view, "state": json.dumps(state)})


def _settings(tag: str | None) -> tuple[str, ...]:
    """Return the hyperparameters with columns in a view; none if it is not one of ours."""
    try:
        columns = json.loads(json.loads(tag or "")["state"])["selectedColumns"]
        prefix, end = _column("params", "|").split("|")
        return tuple(each[len(prefix) : -len(end)] for each in columns if each.startswith(prefix))
    except (ValueError, KeyError, TypeError):
        return ()


def _filter(search: str) -> str:
    return f"tags.search = '{search}'"


def _column(kind: str, name: str) -> str:
    return f"{kind}.`{name}`"


def _curves(objective: Metric) -> dict[str, Any]:
    """Return the chart of the objective against epochs."""
    return {
        **_chart("LINE"),
        "metricKey": objective.name,
        "lineSmoothness": 0,
        "scaleType": "linear",
        "xAxisScaleType": "linear",
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "range": {},
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _coordinates(objective: Metric, settings: Sequence[str]) -> dict[str, Any]:
    return {
        **_chart("PARALLEL"),
        "selectedParams": list(settings),
        "selectedMetrics": [objective.name],
        "showAllRuns": True,
    }


def _chart(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": f"tunesmith-{kind}",
        "metricSectionId": _SECTION,
        "runsCountToCompare": 10,
        "deleted": False,
        "isGenerated": False,
    }
