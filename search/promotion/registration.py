"""Registering a model in MLflow: one run with all that speaks for it, the model, and a version that leads to both.

The version is made last, so whatever fails before leaves none; the run is then marked as failed and its model removed.
Lineage goes both ways: the version's tags name search, trial and run; the trial's run names the version.
"""

# MLflow is partly untyped:
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.promotion.package import package
from search.promotion.versions import registered_name
from search.tracking.client import NOTE, PARENT, PROMOTION_RUN, SEARCH_RUN

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient

CARD, EVIDENCE = "model_card.md", "evidence.json"
"""The files of the run."""

REGISTERED = "registered"
"""The tag by which a trial's run names the version that was made of it."""

_LONGEST_TEXT = 5000
"""Most characters of a description or tag in MLflow."""


@dataclass(frozen=True)
class Registration:
    """What is registered.

    Attributes:
        family: The family's name.
        model: The trained model's file.
        card: Its card, Markdown.
        evidence: What speaks for it, as JSON can hold it.
        tags: Where it came from and how good it is; "study" and "trial" find its runs.
        figures: Pictures by name.
    """

    family: str
    model: Path
    card: str
    evidence: Mapping[str, Any]
    tags: Mapping[str, str]
    figures: "Mapping[str, Figure]" = field(default_factory=dict[str, "Figure"])


def register(client: "MlflowClient", experiment: str, what: Registration) -> int:
    """Register a model.

    Args:
        client: Of the store.
        experiment: The id of the family's experiment.
        what: The model.

    Returns:
        The number of its version, which has no alias.
    """
    from search.promotion.serving import sha256  # noqa: PLC0415  (it imports MLflow)

    name = registered_name(what.family)
    source = f"{what.tags['search']}/{what.tags['trial']}"
    tags = {**what.tags, "sha256": sha256(what.model), "size_bytes": str(what.model.stat().st_size)}
    search_run, trial_run = _source_runs(client, experiment, what.tags)
    with ExitStack() as undo:
        above = {} if search_run is None else {PARENT: search_run}
        run_tags = {**what.tags, **above, "kind": PROMOTION_RUN, NOTE: what.card[:_LONGEST_TEXT]}
        run = client.create_run(experiment, tags=run_tags, run_name=f"{source} promoted").info.run_id
        undo.callback(client.set_terminated, run, "FAILED")
        client.log_text(run, what.card, CARD)
        client.log_text(run, json.dumps(what.evidence, indent=2) + "\n", EVIDENCE)
        for figure_name, figure in what.figures.items():
            client.log_figure(run, figure, f"{figure_name}.png")
        model = _log_model(client, experiment, what, tags, run, undo)
        if _is_new(client, name):
            client.create_registered_model(name, description=f"Models of the family {what.family}, by tunesmith.")
            undo.callback(client.delete_registered_model, name)
        made = client.create_model_version(
            name,
            model.artifact_location,
            run_id=run,
            tags={**tags, **({} if trial_run is None else {"trial_run": trial_run})},
            description=what.card[:_LONGEST_TEXT],
            model_id=model.model_id,
        )
        undo.callback(client.delete_model_version, name, made.version)
        for one in [run, *([] if trial_run is None else [trial_run])]:
            client.set_tag(one, REGISTERED, f"{name}/{made.version}")
        client.set_terminated(run, "FINISHED")
        undo.pop_all()
    return int(made.version)


def _log_model(
    client: "MlflowClient",
    experiment: str,
    what: Registration,
    tags: Mapping[str, str],
    run: str,
    undo: ExitStack,
) -> Any:
    """Package the model and log it beside its run; undone, it is gone."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        package(what.family, what.model, folder, sha256=tags["sha256"], card=what.card, evidence=what.evidence)
        model = client.create_logged_model(experiment, what.family, source_run_id=run, tags=dict(tags))
        undo.callback(client.delete_logged_model, model.model_id)
        client.log_model_artifacts(model.model_id, str(folder))
    return client.finalize_logged_model(model.model_id, "READY")


def _source_runs(client: "MlflowClient", experiment: str, tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Find the runs of the search and of the trial; None for one that is not there."""
    if "study" not in tags or "trial" not in tags:
        return None, None
    study = f"tags.study = '{tags['study']}'"
    searches = client.search_runs([experiment], f"{study} and tags.kind = '{SEARCH_RUN}'")
    trials = client.search_runs([experiment], f"{study} and tags.trial = '{tags['trial']}'")
    promoted = [run for run in trials if run.data.tags.get("kind") == PROMOTION_RUN]
    for run in promoted:
        if run.info.status == "RUNNING":  # of a promotion that was killed
            client.set_terminated(run.info.run_id, "FAILED")
    own = [run for run in trials if run not in promoted]
    return (searches[0].info.run_id if searches else None), (own[0].info.run_id if own else None)


def _is_new(client: "MlflowClient", name: str) -> bool:
    return not client.search_registered_models(f"name = '{name}'")
