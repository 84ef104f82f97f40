"""Register a model in MLflow: a run with its evidence, the model, and a version that refers to both.

The version is created last, so an earlier failure leaves no version: the run is marked as failed and its model deleted.
Lineage is stored in both directions: in the version's tags (search, trial and run) and in a tag of the trial's run.
"""

import json
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search.promotion.package import package
from search.promotion.versions import registered_name
from search.tracking.client import NOTE, PARENT, PROMOTION_RUN, SEARCH_RUN

if TYPE_CHECKING:
    from mlflow import MlflowClient

CARD, EVIDENCE = "model_card.md", "evidence.json"
"""Files of the run."""

REGISTERED = "registered"
"""The tag of a trial's run with the version made from it."""

_MAX_TEXT = 5000
"""Maximum length of a description or tag in MLflow (characters)."""


@dataclass(frozen=True)
class Registration:
    """A model to register.

    Attributes:
        family: The family's name.
        model: The trained model's file.
        card: The model card, Markdown.
        evidence: The evidence of its promotion, as JSON values.
        tags: The tags from ``Evidence.tags``; "study" and "trial" are used to find its runs.
    """

    family: str
    model: Path
    card: str
    evidence: Mapping[str, Any]
    tags: Mapping[str, str]


def register(client: "MlflowClient", experiment: str, registration: Registration) -> int:
    """Register a model.

    Args:
        client: The store's client.
        experiment: The id of the family's experiment.
        registration: The model.

    Returns:
        The number of its version, which has no alias.
    """
    from search.promotion.serving import sha256

    name, model = registered_name(registration.family), registration.model
    tags = {**registration.tags, "sha256": sha256(model), "size_bytes": str(model.stat().st_size)}
    search_run, trial_run = _source_runs(client, experiment, registration.tags)
    with ExitStack() as undo:
        run = _create_run(client, experiment, registration, search_run, undo)
        logged = _log_model(client, experiment, registration, tags, run, undo)
        if not client.search_registered_models(f"name = '{name}'"):
            client.create_registered_model(name, description=f"Models of the {registration.family} family.")
            undo.callback(client.delete_registered_model, name)
        version = client.create_model_version(
            name,
            logged.artifact_location,
            run_id=run,
            tags={**tags, **({} if trial_run is None else {"trial_run": trial_run})},
            description=registration.card[:_MAX_TEXT],
            model_id=logged.model_id,
        ).version
        undo.callback(client.delete_model_version, name, version)
        for source in (run, trial_run):
            if source is not None:
                client.set_tag(source, REGISTERED, f"{name}/{version}")
        client.set_terminated(run, "FINISHED")
        undo.pop_all()
    return int(version)


def _create_run(
    client: "MlflowClient", experiment: str, registration: Registration, search_run: str | None, undo: ExitStack
) -> str:
    """Create the promotion's run with the card and the evidence; ``undo`` marks it as failed."""
    source = f"{registration.tags['search']}/{registration.tags['trial']}"
    parent = {} if search_run is None else {PARENT: search_run}
    tags = {**registration.tags, **parent, "kind": PROMOTION_RUN, NOTE: registration.card[:_MAX_TEXT]}
    run = client.create_run(experiment, tags=tags, run_name=f"{source} promoted").info.run_id
    undo.callback(client.set_terminated, run, "FAILED")
    client.log_text(run, registration.card, CARD)
    client.log_text(run, json.dumps(registration.evidence, indent=2) + "\n", EVIDENCE)
    return run


def _log_model(
    client: "MlflowClient",
    experiment: str,
    registration: Registration,
    tags: Mapping[str, str],
    run: str,
    undo: ExitStack,
) -> Any:
    """Package the model and log it with its run; ``undo`` deletes it."""
    family, card, evidence = registration.family, registration.card, registration.evidence
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "model"
        package(family, registration.model, folder, sha256=tags["sha256"], card=card, evidence=evidence)
        model = client.create_logged_model(experiment, family, source_run_id=run, tags=dict(tags))
        undo.callback(client.delete_logged_model, model.model_id)
        client.log_model_artifacts(model.model_id, str(folder))
    return client.finalize_logged_model(model.model_id, "READY")


def _source_runs(client: "MlflowClient", experiment: str, tags: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return the runs of the search and of the trial, each None if it does not exist."""
    if "study" not in tags or "trial" not in tags:
        return None, None
    study = f"tags.study = '{tags['study']}'"
    searches = client.search_runs([experiment], f"{study} and tags.kind = '{SEARCH_RUN}'")
    trials = client.search_runs([experiment], f"{study} and tags.trial = '{tags['trial']}'")
    promotions = [run for run in trials if run.data.tags.get("kind") == PROMOTION_RUN]
    for run in promotions:
        if run.info.status == "RUNNING":  # a promotion that was killed
            client.set_terminated(run.info.run_id, "FAILED")
    own = [run for run in trials if run not in promotions]
    return (searches[0].info.run_id if searches else None), (own[0].info.run_id if own else None)
