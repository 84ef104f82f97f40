"""The MLflow adapter, and the home of every name that MLflow shows.

An experiment is a model family, a parent run a search, a child run a trial or a promotion (``promotion.registration``);
folds are metrics (``cv_loss/fold0``), never runs. Searches are written by a thread from records of the study, so a slow
or lost server holds nothing up, and what was not written when the driver died is written at the next start. Writing a
record twice changes nothing: runs are found again by their tags, and an epoch's metrics carry the time at which the
study recorded them.
"""

# MLflow is partly untyped:
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import json
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from models.metrics import Metric
from search.code_version import code_version
from search.passwords import without_password
from search.spec.file import SearchSpec
from search.spec.sections import write_duration
from search.study.records import EpochRecord, TrialRecord
from search.study.states import StateName
from search.tracking.store_file import make_ready

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from mlflow import MlflowClient
    from mlflow.entities import Metric as Point

_STATUS: Mapping[StateName, str] = {
    "WAITING": "KILLED",
    "RUNNING": "RUNNING",
    "COMPLETE": "FINISHED",
    "PRUNED": "FINISHED",
    "FAIL": "FAILED",
}
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "MLFLOW_LOGGING_LEVEL": "CRITICAL",  # as an error it logs the traceback of what it raises
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
}
PARENT = "mlflow.parentRunId"
"""The tag by which a run stands below another."""

NOTE = "mlflow.note.content"
"""The tag with a run's description."""

SEARCH_RUN, PROMOTION_RUN = "search", "promotion"
"""What the tag ``kind`` says of a run that is no trial's."""

_EXPERIMENT_TAGS = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow shows pages made for chats
_BATCH = 1000


def default_uri(home: Path) -> str:
    """Give the URI of the store in a home folder."""
    return f"sqlite:///{home / 'mlflow.db'}"


def tracking_uri(search: SearchSpec, home: Path) -> str:
    """Give the URI that a search's runs go to."""
    return search.tracking.uri or default_uri(home)


def quieten() -> None:
    """Set MLflow's defaults for this program; before anything imports it, Ray included."""
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    for name in ("alembic", "urllib3.connectionpool"):
        logging.getLogger(name).setLevel(logging.ERROR)


def check_tracking(uri: str) -> None:
    """Refuse a store that cannot be used.

    Args:
        uri: Its URI.

    Raises:
        BadInputError: If it is a kind that MLflow has no more, or a server that does not answer.
    """
    shown = without_password(uri)
    if uri.startswith(("http://", "https://")):
        try:
            with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=5):  # noqa: S310  (http or https)
                return
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise BadInputError(
                f"the tracking server must answer: {shown} does not ({reason}); "
                "start it, or leave tracking.uri empty for a store in the home folder"
            ) from None
    if not uri.startswith(("sqlite:///", "postgresql", "mysql")):
        raise BadInputError(
            f"tracking.uri is a database's or a server's URI (sqlite:///..., http://...): got {shown!r}"
        )


@dataclass
class _Run:
    """What is written of a trial."""

    run_id: str
    epochs: int = 0
    state: StateName | None = None


class Mirror:
    """One search in MLflow; lives on the tracking thread, and raises what MLflow raises."""

    def __init__(self, search: SearchSpec, home: Path, uri: str, objective: Metric, tags: Mapping[str, str]) -> None:
        """Find or make the experiment and the parent run, and find the child runs."""
        self._search, self._objective = search, objective
        self._client = connect(uri)
        self._tags = {
            "search": search.name,
            "family": search.family,
            "corpus": search.data.corpus,
            "repeats": search.data.repeats,
            **tags,
            "space_hash": search.space.hash,
            "code_version": code_version(),
        }
        self._experiment = find_experiment(self._client, search.family, home, uri)
        self._parent = self._find_parent()
        self._runs = self._find_runs()

    def write(self, record: TrialRecord) -> None:
        """Write what MLflow lacks of a trial."""
        run = self._runs.get(record.number)
        is_new = run is None
        if run is None:
            run = self._runs[record.number] = self._create(record)
        new_epochs = [epoch for epoch in record.epochs if epoch.report.epoch > run.epochs]
        if new_epochs or run.state != record.state:
            self._log(run, record, new_epochs, with_params=is_new or run.state is None)

    def _create(self, record: TrialRecord) -> _Run:
        started = record.epochs[0].at if record.epochs else _milliseconds(record.started)
        tags = {
            **self._tags,
            "trial": str(record.number),
            PARENT: self._parent,
        }
        name = f"{self._search.name}/{record.number}"
        run = self._client.create_run(self._experiment, start_time=started, tags=tags, run_name=name)
        return _Run(run.info.run_id)

    def _log(self, run: _Run, record: TrialRecord, epochs: Sequence[EpochRecord], *, with_params: bool) -> None:
        from mlflow.entities import Param, RunTag  # noqa: PLC0415  (on the thread, beside Ray's start)

        points = [point for epoch in epochs for point in _points(epoch)]
        params = [Param(name, str(value)) for name, value in record.values.items()] if with_params else []
        tags = [RunTag("state", record.state), RunTag("epochs", str(len(record.epochs)))]
        if record.reason:
            tags.append(RunTag("reason", record.reason[:5000]))
        while len(points) > _BATCH - len(params):
            self._client.log_batch(run.run_id, points[:_BATCH])
            points = points[_BATCH:]
        self._client.log_batch(run.run_id, points, params, tags)
        run.epochs = record.epochs[-1].report.epoch if record.epochs else 0
        if _STATUS[record.state] != (_STATUS[run.state] if run.state else "RUNNING"):
            self._set_status(run.run_id, _STATUS[record.state], _milliseconds(record.ended))
        run.state = record.state

    def _set_status(self, run_id: str, status: str, ended: int | None) -> None:
        if status == "RUNNING":
            self._client.update_run(run_id, status=status)
        else:
            self._client.set_terminated(run_id, status, ended)

    def end(self, winner: TrialRecord | None, *, finished: bool, pictures: Sequence[tuple[str, "Figure"]] = ()) -> None:
        """Mark the winner, give it its picture and settings, and end the parent run."""
        self._client.log_text(self._parent, self._search.to_toml(), "search.toml")
        if winner is not None:
            self._crown(winner)
            for name, figure in pictures:
                self._client.log_figure(self._runs[winner.number].run_id, figure, f"{name}.png")
        self._client.set_terminated(self._parent, "FINISHED" if finished else "KILLED")

    def _crown(self, winner: TrialRecord) -> None:
        from search.tracking.curve import learning_curve  # noqa: PLC0415  (matplotlib is slow to import)

        name = f"{self._search.name}/{winner.number}"
        run_id = self._runs[winner.number].run_id
        for crowned in list(self._search_runs("tags.winner = 'yes'")):  # more than one if a crowning was cut short
            if crowned.info.run_id != run_id:
                self._client.delete_tag(crowned.info.run_id, "winner")
        objective = self._objective
        score = winner.last(objective.name)
        assert score is not None
        self._client.set_tag(run_id, "winner", "yes")
        spec = self._search.space.spec_type.from_values(winner.values)
        self._client.log_text(run_id, json.dumps(spec.model_dump(), indent=2) + "\n", "spec.json")
        self._client.log_figure(run_id, learning_curve(winner, objective), "learning_curve.png")
        self._client.set_tag(self._parent, "winner", name)
        self._client.set_tag(
            self._parent,
            NOTE,
            f"Best trial: **{name}**, {objective.name} {score.mean:.3f} ± {score.standard_error:.3f} {objective.unit}.",
        )
        self._client.log_metric(self._parent, f"best_{objective.name}", score.mean, winner.epochs[-1].at, winner.number)
        self._client.log_metric(
            self._parent, f"best_{objective.name}_se", score.standard_error, winner.epochs[-1].at, winner.number
        )

    def _find_parent(self) -> str:
        from mlflow.entities import Param, RunTag  # noqa: PLC0415  (on the thread, beside Ray's start)

        found = [run.info.run_id for run in self._search_runs(f"tags.kind = '{SEARCH_RUN}'")]
        if found:
            run_id = found[0]
            self._client.update_run(run_id, status="RUNNING")
        else:
            kind = {**self._tags, "kind": SEARCH_RUN}
            run_id = self._client.create_run(self._experiment, tags=kind, run_name=self._search.name).info.run_id
        budget = self._search.budget
        params = [Param("epochs", str(budget.epochs)), Param("folds", str(self._search.data.folds))]
        may_be_raised = [RunTag("trials", str(budget.trials)), RunTag("time", write_duration(budget.time))]
        self._client.log_batch(run_id, params=params, tags=may_be_raised)
        return run_id

    def _find_runs(self) -> dict[int, _Run]:
        found: dict[int, _Run] = {}
        for run in self._search_runs(f"tags.`{PARENT}` = '{self._parent}'"):
            tags = run.data.tags
            if tags.get("kind") == PROMOTION_RUN:
                continue
            state: Any = tags.get("state")
            settled = state is not None and _STATUS[state] == run.info.status
            found[int(tags["trial"])] = _Run(run.info.run_id, int(tags.get("epochs", 0)), state if settled else None)
        return found

    def _search_runs(self, condition: str) -> Iterator[Any]:
        query = f"{condition} and tags.study = '{self._tags['study']}'"
        token: str | None = None
        while True:
            page: Any = self._client.search_runs([self._experiment], query, max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def connect(uri: str) -> "MlflowClient":
    """Give a client of a store, for its runs and its registered models; a store in a file is made first if need be."""
    make_ready(uri)
    from mlflow import MlflowClient  # noqa: PLC0415  (on the thread, beside Ray's start)

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def find_experiment(client: "MlflowClient", family: str, home: Path, uri: str) -> str:
    """Give the id of a family's experiment, which is made if it is not there.

    Args:
        client: Of the store.
        family: The family's name, which is the experiment's.
        home: The home folder, where files go unless a server takes them.
        uri: Of the store.

    Returns:
        The id.
    """
    found = client.get_experiment_by_name(family)
    if found is not None:
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return found.experiment_id
    location = None if uri.startswith("http") else (home / "mlartifacts" / family).as_uri()
    return client.create_experiment(family, artifact_location=location, tags=_EXPERIMENT_TAGS)


def runs_pages(uri: str) -> dict[str, str]:
    """Return the pages of MLflow's UI that show the runs of each experiment that has any.

    Args:
        uri: Of the store.

    Returns:
        Paths behind the server's address by experiment name, the newest first. MLflow's own page of an experiment
        shows chats.
    """
    client = connect(uri)
    experiments = [one for one in client.search_experiments() if client.search_runs([one.experiment_id], max_results=1)]
    return {one.name: f"/#/experiments/{one.experiment_id}/runs?workflowType=machine_learning" for one in experiments}


def _points(epoch: EpochRecord) -> Iterator["Point"]:
    from mlflow.entities import Metric as Point  # noqa: PLC0415

    step = epoch.report.epoch
    yield Point("epoch_seconds", epoch.report.seconds, epoch.at, step)
    for name, folds in epoch.report.metrics.items():
        yield Point(name, folds.mean, epoch.at, step)
        if len(folds.values) > 1:
            yield Point(f"{name}_se", folds.standard_error, epoch.at, step)
        for fold, value in enumerate(folds.values):
            yield Point(f"{name}/fold{fold}", value, epoch.at, step)


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
