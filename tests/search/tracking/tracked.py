"""Records of trials that tests let a search track, and what MLflow then has."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from toy_family import LOSS, TOY_SEARCH, ToyFamily

from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.spec.file import parse
from search.study.records import EpochRecord, TrialRecord
from search.study.states import StateName
from search.tracking.client import default_uri
from search.tracking.thread import Tracking

SEARCH = parse(TOY_SEARCH, "toy", family=ToyFamily())
VALUES: dict[str, Value] = {"solver": "gradient", "lr": 0.1, "columns": 3, "pause": 0.0, "trouble": "none", "epochs": 9}
COUNTS = {"num_pieces": 900, "num_notes": 90000}
STARTED = datetime(2026, 1, 2, 3, 4, 5)  # noqa: DTZ001  (Optuna's are naive)


def record(number: int, state: StateName, losses: Sequence[float] = (), reason: str = "") -> TrialRecord:
    epochs = tuple(
        EpochRecord(EpochReport(epoch, {"loss": FoldValues((loss, loss + 1))}, 0.5), 1_700_000_000_000 + 1000 * epoch)
        for epoch, loss in enumerate(losses, start=1)
    )
    ended = STARTED if state in ("COMPLETE", "PRUNED", "FAIL") else None
    return TrialRecord(number, state, VALUES, epochs, STARTED, ended, reason)


def track(home: Path, records: Sequence[TrialRecord], study: str = "id-1", uri: str = "") -> Tracking:
    search = SEARCH.model_copy(update={"tracking": SEARCH.tracking.model_copy(update={"uri": uri})})
    return Tracking(search, home, LOSS, {"study": study, "fingerprint": "f-1"}, records, COUNTS)


def client(home: Path, uri: str = "") -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri or default_uri(home))


def runs(home: Path, uri: str = "") -> dict[str, Any]:
    mlflow = client(home, uri)
    experiment = mlflow.get_experiment_by_name("toy")
    listed = mlflow.search_runs([experiment.experiment_id])
    named = {run.info.run_name: run for run in listed}
    assert len(named) == len(listed), "duplicate runs"
    return named


def history(home: Path, run: Any, metric: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in client(home).get_metric_history(run.info.run_id, metric)]


def wait_for(condition: Callable[[], bool], seconds: float = 40.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if condition():
                return
        except Exception:  # noqa: BLE001, S110  (not ready yet)
            pass
        time.sleep(0.2)
    raise AssertionError("the condition was not met in time")
