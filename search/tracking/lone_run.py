"""A trial without a search in MLflow: a run that a thread writes, so that the trial continues without MLflow."""

import queue
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from data_prep.wording import counted
from models.family import EpochReport
from models.metrics import Metric
from models.spec import Value
from search.code_version import code_version
from search.passwords import first_line
from search.spec.sections import Data
from search.study.records import EpochRecord
from search.study.states import StateName
from search.tracking.client import NOTE, check_tracking, connect, find_experiment, quieten
from search.tracking.notes import score_text

LONE_RUN: Final = "trial alone"
"""The value of the tag ``kind`` of these runs. They have no tag ``study``, by which the runs of searches are found."""

_PATIENCE_S = 30.0
_STATUS: Mapping[StateName, Literal["FINISHED", "FAILED", "KILLED"]] = {
    "COMPLETE": "FINISHED",
    "FAIL": "FAILED",
    "WAITING": "KILLED",
}


@dataclass(frozen=True)
class LoneTrial:
    """A trial without a search.

    Attributes:
        name: The run's name.
        family: The model family, whose experiment has the run.
        values: The hyperparameters.
        data: The corpus and the folds.
        fingerprint: The fingerprint of the prepared data.
        counts: The numbers of its pieces and notes, as far as they are known.
        like: The trial of a search that it repeats, such as "composer/7"; empty if it repeats none.
    """

    name: str
    family: str
    values: Mapping[str, Value]
    data: Data
    fingerprint: str
    counts: Mapping[str, int]
    like: str = ""


class LoneRun:
    """Writes a trial to MLflow. Nothing raises on the caller's thread."""

    def __init__(self, trial: LoneTrial, uri: str, home: Path) -> None:
        """Start the thread; ``uri`` is that of MLflow's store, and artifacts are in the home folder."""
        self._trial, self._uri, self._home = trial, uri, home
        self._queue: queue.SimpleQueue[EpochRecord | tuple[StateName, str]] = queue.SimpleQueue()
        self._problem: str | None = None
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)
        self._thread.start()

    def put(self, report: EpochReport) -> None:
        """Queue an epoch to be written soon."""
        self._queue.put(EpochRecord(report, int(time.time() * 1000)))
        self._begun.set()

    def problem(self) -> str | None:
        """Return, once, why nothing more is written; None if there is no reason."""
        problem, self._problem = self._problem, None
        return problem

    def close(self, state: StateName, note: str) -> None:
        """End the run; wait until everything is written, though not for a store that does not answer.

        Args:
            state: COMPLETE, FAIL, or WAITING for a trial that was interrupted.
            note: The description.
        """
        self._queue.put((state, note))
        self._begun.set()
        self._thread.join(_PATIENCE_S)
        if self._thread.is_alive():
            self._problem = f"MLflow did not answer within {_PATIENCE_S:g} s"

    def _work(self) -> None:
        self._begun.wait()  # importing MLflow and creating its tables would delay the first epoch
        try:
            quieten()
            check_tracking(self._uri)
            self._write()
        except Exception as error:  # noqa: BLE001  (the trial continues after any error of MLflow)
            self._problem = f"MLflow cannot be written ({first_line(error, self._uri)})"

    def _write(self) -> None:
        client: Any = connect(self._uri)
        from mlflow.entities import Param, RunTag

        from search.tracking.dataset import dataset_of
        from search.tracking.runs import points_of

        trial = self._trial
        experiment = find_experiment(client, trial.family, self._home, self._uri)
        run_id = client.create_run(experiment, tags=self._tags(), run_name=trial.name).info.run_id
        client.log_inputs(run_id, [dataset_of(trial.data, trial.fingerprint, trial.counts)])
        client.log_batch(run_id, params=[Param(name, str(value)) for name, value in trial.values.items()])
        while isinstance(entry := self._queue.get(), EpochRecord):
            client.log_batch(run_id, list(points_of(entry)), tags=[RunTag("epochs", str(entry.report.epoch))])
        state, note = entry
        client.log_batch(run_id, tags=[RunTag("state", state), RunTag(NOTE, note)])
        client.set_terminated(run_id, _STATUS[state])

    def _tags(self) -> dict[str, str]:
        data = self._trial.data
        return {
            "kind": LONE_RUN,
            "family": self._trial.family,
            "corpus": data.corpus,
            "repeats": data.repeats,
            "seed": str(data.seed),
            "fingerprint": self._trial.fingerprint,
            "code_version": code_version(),
            "state": "RUNNING",
            **({"like": self._trial.like} if self._trial.like else {}),
        }


def lone_note(objective: Metric, report: EpochReport | None, of: int) -> str:
    """Return the description of a trial without a search: its result after some of its epochs."""
    if report is None:
        return "no epoch finished"
    score = report.metrics[objective.name]
    return f"{score_text(score)} {objective.unit} after {report.epoch} of {counted(of, 'epoch')}"
