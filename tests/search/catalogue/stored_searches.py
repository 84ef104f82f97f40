"""Small searches in a home folder, with trials, files and runs in MLflow, made without Ray."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from toy_family import LOSS, TOY_SEARCH, ToyFamily, ToySpec

from models.family import EpochReport
from models.metrics import FoldValues
from search.spec.file import SearchSpec, parse
from search.study.database import open_study
from search.tracking.client import default_uri
from search.tracking.thread import Tracking
from search.trials.files import TrialFiles
from search.trials.storage import migrate_storage

TOY = ToyFamily()


def toy(name: str, **changes: object) -> SearchSpec:
    overrides = {key.replace("__", "."): value for key, value in changes.items()}
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"name": name, **overrides})


def make_search(home: Path, name: str, losses: Sequence[float] = (2.0, 1.0), **changes: object) -> str:
    """Make a search with a full trial for each loss and one that waits, and return its study's id."""
    search = toy(name, **changes)
    with open_study(search, TOY, home, "f") as study:
        files = migrate_storage(study, search, home).files
        tracking = Tracking(search, home, LOSS, {"study": study.id, "fingerprint": "f"}, [])
        for loss in (*losses, None):
            trial = study.optuna.ask()
            search.space(trial)  # pyright: ignore[reportArgumentType]
            study.add_epoch(trial.number, EpochReport(1, {"loss": FoldValues((loss or 9.0, loss or 9.0))}, 0.1))
            save(files, trial.number)
            if loss is not None:
                study.finish(trial.number, "COMPLETE")
            tracking.put(study.record(trial.number))
        study.sweep()
        best = min(
            study.records(), key=lambda each: (each.state != "COMPLETE", each.epochs[-1].report.metrics["loss"].mean)
        )
        assert tracking.close(best if best.state == "COMPLETE" else None, finished=True) == []
        return study.id


def save(files: TrialFiles, number: int) -> None:
    files.save_state(number, 1, {"number": number}, ToySpec(), {})
    files.save_model(number, {"number": number}, ToySpec(), {})


def mlflow(home: Path) -> Any:
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=default_uri(home), registry_uri=default_uri(home))


def runs(home: Path, study: str, stage: int = 1) -> dict[str, Any]:
    """Return the runs of a study by name; the stage is MLflow's ViewType, 1 for active and 2 for deleted runs."""
    client = mlflow(home)
    experiment = client.get_experiment_by_name("toy").experiment_id
    found = client.search_runs([experiment], f"tags.study = '{study}'", run_view_type=stage)
    return {run.info.run_name: run for run in found}


def register(home: Path, study: str, search: str, *, champion: bool) -> None:
    """Register a version of a trial of the study, with its promotion's run."""
    client = mlflow(home)
    experiment = client.get_experiment_by_name("toy").experiment_id
    tags = {"study": study, "search": search, "trial": "1"}
    run = client.create_run(experiment, tags={**tags, "kind": "promotion"}, run_name=f"{search}/1 promoted").info.run_id
    client.create_registered_model("tunesmith-toy")
    version = client.create_model_version("tunesmith-toy", str(home / "model"), run, tags=tags).version
    if champion:
        client.set_registered_model_alias("tunesmith-toy", "champion", version)
