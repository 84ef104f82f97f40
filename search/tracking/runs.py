"""The runs of a search in MLflow.

An experiment is a model family, a parent run a search, a child run a trial or a promotion (``promotion.registration``);
folds are metrics (``cv_loss/fold0``), not runs. A thread writes the runs from the records of the study, so a slow or
unreachable server does not delay the search, and the next start writes what is missing after the driver died. Writing a
record twice changes nothing: runs are found by their tags, and an epoch's metrics have the time at which the study
recorded the epoch. A server may create a run and die before it answers: ``find_runs`` after an error finds that run.

Import this module after ``client.quieten``: it imports MLflow.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlflow.entities import Metric as MetricPoint
from mlflow.entities import Param, RunTag
from mlflow.exceptions import MlflowException

from models.metrics import Metric
from search.code_version import code_version
from search.spec.file import SearchSpec
from search.spec.sections import write_duration
from search.study.records import EpochRecord, TrialRecord
from search.study.states import StateName
from search.tracking.client import (
    NOTE,
    PARENT,
    PROMOTION_RUN,
    SEARCH_RUN,
    all_pages,
    connect,
    find_experiment,
    log_figure,
)
from search.tracking.dataset import dataset_of
from search.tracking.notes import trial_note, winner_note
from search.tracking.views import views_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_STATUS: Mapping[StateName, str] = {
    "WAITING": "KILLED",
    "RUNNING": "RUNNING",
    "COMPLETE": "FINISHED",
    "PRUNED": "FINISHED",
    "FAIL": "FAILED",
}
_BATCH = 1000
"""Metrics, params and tags that MLflow accepts in one call."""


@dataclass
class _Run:
    """The run of a trial, and the epochs and state that MLflow has."""

    run_id: str
    epochs: int = 0
    state: StateName | None = None


class RunWriter:
    """Writes the runs of one search, on the tracking thread; raises MLflow's exceptions."""

    def __init__(
        self,
        search: SearchSpec,
        home: Path,
        uri: str,
        objective: Metric,
        tags: Mapping[str, str],
        counts: Mapping[str, int],
    ) -> None:
        """Find or create the experiment and the parent run, and find the child runs."""
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
        self._dataset = dataset_of(search.data, tags["fingerprint"], counts)
        self._parent = self._find_parent()
        self._runs: dict[int, _Run] = {}
        self.find_runs()
        self._write_views()

    def _write_views(self) -> None:
        """Write the views in which MLflow's UI lists the runs; a store that refuses them lacks only the views."""
        tags = self._client.get_experiment(self._experiment).tags
        views = views_of(self._search, self._tags["study"], self._objective, tags, int(time.time() * 1000))
        with suppress(MlflowException):
            for key, value in views.items():
                self._client.set_experiment_tag(self._experiment, key, value)

    def find_runs(self) -> None:
        """Find the runs of the trials, and the epochs and states that MLflow has."""
        self._runs = {}
        for run in self._trial_runs():
            tags = run.data.tags
            state: Any = tags.get("state")
            is_whole = state is not None and _STATUS[state] == run.info.status
            run_id, epochs = run.info.run_id, int(tags.get("epochs", 0))
            self._runs[int(tags["trial"])] = _Run(run_id, epochs, state if is_whole else None)

    def change(self, search: SearchSpec) -> None:
        """Write another budget of the search, if it has changed."""
        if search.budget != self._search.budget:
            self._client.log_batch(self._parent, tags=_budget_tags(search))
            self._search = search

    def write(self, record: TrialRecord) -> None:
        """Write the epochs and the state of a trial that MLflow does not have yet."""
        run = self._runs.get(record.number)
        if run is None:
            run = self._runs[record.number] = self._create(record)
        new_epochs = [epoch for epoch in record.epochs if epoch.report.epoch > run.epochs]
        if new_epochs or run.state != record.state:
            self._log(run, record, new_epochs)

    def _create(self, record: TrialRecord) -> _Run:
        started = record.epochs[0].at if record.epochs else _milliseconds(record.started)
        tags = {**self._tags, "trial": str(record.number), PARENT: self._parent}
        if record.confirms is not None:
            tags["confirms"] = str(record.confirms)
        name = f"{self._search.name}/{record.number}"
        run_id = self._client.create_run(self._experiment, start_time=started, tags=tags, run_name=name).info.run_id
        self._client.log_inputs(run_id, [self._dataset])
        return _Run(run_id)

    def _log(self, run: _Run, record: TrialRecord, epochs: Sequence[EpochRecord]) -> None:
        points = [point for epoch in epochs for point in points_of(epoch)]
        params = [Param(name, str(value)) for name, value in record.values.items()] if run.state is None else []
        tags = [RunTag("state", record.state), RunTag("epochs", str(len(record.epochs)))]
        if record.epochs and record.epochs[-1].report.backend:
            tags.append(RunTag("backend", record.epochs[-1].report.backend))
        if record.reason:
            tags.append(RunTag("reason", record.reason[:5000]))
        if record.is_final:
            tags.append(RunTag(NOTE, trial_note(record, self._objective, self._search.space)))
        while len(points) > _BATCH - len(params):
            self._client.log_batch(run.run_id, points[:_BATCH])
            points = points[_BATCH:]
        self._client.log_batch(run.run_id, points, params, tags)
        run.epochs = record.epochs[-1].report.epoch if record.epochs else 0
        status = _STATUS[record.state]
        if status != _STATUS[run.state or "RUNNING"]:
            if status == "RUNNING":
                self._client.update_run(run.run_id, status=status)
            else:
                self._client.set_terminated(run.run_id, status, _milliseconds(record.ended))
        run.state = record.state

    def end(
        self,
        winner: TrialRecord | None,
        *,
        finished: bool,
        pictures: Sequence[tuple[str, "Figure"]] = (),
        front: Sequence[tuple[str, "Figure"]] = (),
    ) -> None:
        """Mark the winner, log its pictures and hyperparameters, and end the parent run with its own pictures."""
        self._delete_duplicates()
        self._client.log_text(self._parent, self._search.to_toml(without="notify"), "search.toml")
        if winner is not None:
            self._mark_winner(winner)
            for name, figure in pictures:
                log_figure(self._client, self._runs[winner.number].run_id, figure, name)
        for name, figure in front:
            log_figure(self._client, self._parent, figure, name)
        self._client.set_terminated(self._parent, "FINISHED" if finished else "KILLED")

    def _delete_duplicates(self) -> None:
        """Delete the runs that a slow server created after the request had timed out and was sent again."""
        kept = {self._parent, *(run.run_id for run in self._runs.values())}
        for run in [*self._search_runs(f"tags.kind = '{SEARCH_RUN}'"), *self._trial_runs()]:
            if run.info.run_id not in kept:
                self._client.delete_run(run.info.run_id)

    def _mark_winner(self, winner: TrialRecord) -> None:
        from search.tracking.learning_curve import learning_curve  # matplotlib is slow to import

        name = f"{self._search.name}/{winner.number}"
        run_id = self._runs[winner.number].run_id
        for earlier in list(self._search_runs("tags.winner = 'yes'")):  # several if a driver died between the writes
            if earlier.info.run_id != run_id:
                self._client.delete_tag(earlier.info.run_id, "winner")
        objective, at = self._objective, winner.epochs[-1].at
        score = winner.last(objective.name)
        assert score is not None
        self._client.set_tag(run_id, "winner", "yes")
        spec = self._search.space.spec_type.from_values(winner.values)
        self._client.log_text(run_id, json.dumps(spec.model_dump(), indent=2) + "\n", "spec.json")
        log_figure(self._client, run_id, learning_curve(winner, objective), "learning_curve")
        self._client.set_tag(self._parent, "winner", name)
        note = winner_note(name, score, objective)
        if not self._client.get_run(self._parent).data.tags.get(NOTE, "").startswith(note):  # the whole result
            self._client.set_tag(self._parent, NOTE, note)
        metric = f"best_{objective.name}"
        self._client.log_metric(self._parent, metric, score.mean, at, winner.number)
        if len(score.values) > 1:
            self._client.log_metric(self._parent, f"{metric}_se", score.standard_error, at, winner.number)

    def _find_parent(self) -> str:
        existing = next(self._search_runs(f"tags.kind = '{SEARCH_RUN}'"), None)
        if existing is not None:
            run_id = existing.info.run_id
            self._client.update_run(run_id, status="RUNNING")
        else:
            tags = {**self._tags, "kind": SEARCH_RUN}
            run_id = self._client.create_run(self._experiment, tags=tags, run_name=self._search.name).info.run_id
        params = [Param("epochs", str(self._search.budget.epochs)), Param("folds", str(self._search.data.folds))]
        self._client.log_batch(run_id, params=params, tags=_budget_tags(self._search))
        self._client.log_inputs(run_id, [self._dataset])
        return run_id

    def _trial_runs(self) -> Iterator[Any]:
        children = self._search_runs(f"tags.`{PARENT}` = '{self._parent}'")
        return (run for run in children if run.data.tags.get("kind") != PROMOTION_RUN)

    def _search_runs(self, condition: str) -> Iterator[Any]:
        query = f"{condition} and tags.study = '{self._tags['study']}'"
        return all_pages(self._client.search_runs, [self._experiment], query)


def points_of(epoch: EpochRecord) -> Iterator[MetricPoint]:
    """Yield the metrics of an epoch: means, standard errors and folds."""
    step = epoch.report.epoch
    yield MetricPoint("epoch_seconds", epoch.report.seconds, epoch.at, step)
    for name, folds in epoch.report.metrics.items():
        yield MetricPoint(name, folds.mean, epoch.at, step)
        if len(folds.values) > 1:
            yield MetricPoint(f"{name}_se", folds.standard_error, epoch.at, step)
        for fold, value in enumerate(folds.values):
            yield MetricPoint(f"{name}/fold{fold}", value, epoch.at, step)


def _budget_tags(search: SearchSpec) -> list[RunTag]:
    """Return the tags with the budget; unlike params, they can change."""
    budget = search.budget
    tags = {"trials": str(budget.trials), "time": write_duration(budget.time), "stop": budget.stop}
    return [RunTag(key, value) for key, value in tags.items()]


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() * 1000)
