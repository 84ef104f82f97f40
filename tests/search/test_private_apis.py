"""The private names in search/private_apis.py exist and work as expected; these tests fail first if they change."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import optuna
import pytest
import ray
from optuna.storages import RDBStorage
from ray import tune
from ray.tune.experiment import Trial
from ray.tune.schedulers import ASHAScheduler, FIFOScheduler
from sqlalchemy import select

from search import private_apis


def test_optuna_has_a_study_id_a_table_of_attributes_and_a_cache(tmp_path: Path) -> None:
    database = RDBStorage(f"sqlite:///{tmp_path / 'study.db'}")
    study = optuna.create_study(study_name="one", storage=private_apis.cached(database))
    number = private_apis.study_id(study)
    assert database.get_study_name_from_id(number) == "one"
    study.set_user_attr("a", 1)
    attributes = private_apis.study_attribute_table()
    with database.engine.connect() as connection:
        rows = connection.execute(select(attributes.study_id, attributes.key, attributes.value_json)).all()
    assert [tuple(row) for row in rows] == [(number, "a", "1")]
    database.remove_session()
    database.engine.dispose()


def test_asha_has_rungs_by_epoch_and_a_decision_function() -> None:
    scheduler = ASHAScheduler(time_attr="epoch", metric="loss", mode="min", max_t=9, grace_period=1, reduction_factor=3)
    verdict = private_apis.asha_verdict(scheduler)
    assert [verdict("a", 1, 2.0), verdict("b", 1, 1.0), verdict("b", 1, 1.0)] == ["CONTINUE", "STOP", "CONTINUE"]
    assert private_apis.asha_rungs(scheduler) == {1: {"a": 2.0, "b": 1.0}, 3: {}, 9: {}}


class _Watcher(tune.Callback):
    """Calls each function on the trials of a running controller; an exception in a callback would end the run."""

    def __init__(self) -> None:
        self.nodes: list[str] = []
        self.actors: list[str] = []
        self.errors: list[tuple[str | None, str | None]] = []
        self.kept: list[dict[str, Any]] = []

    def on_trial_start(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        actor = private_apis.actor_of(trial)
        self.actors.append(private_apis.actor_id(actor))
        self.nodes.append(private_apis.node_of(actor))

    def on_trial_error(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        self.errors.append(private_apis.error_files(trial))

    def on_trial_complete(self, iteration: int, trials: list[Any], trial: Any, **info: Any) -> None:
        private_apis.forget_results(trial)
        self.kept.append({**trial.metric_analysis, **trial.metric_n_steps, **trial.run_metadata.last_result})


class _Scheduler(FIFOScheduler):
    def choose_trial_to_run(self, tune_controller: Any) -> Trial | None:
        return next(iter(private_apis.pending_trials(tune_controller)), None)


@pytest.mark.slow
@pytest.mark.usefixtures("ray_session")
@pytest.mark.filterwarnings("ignore")  # warnings of Ray
def test_ray_trials_have_an_actor_a_node_error_files_and_results(tmp_path: Path) -> None:
    def train(config: dict[str, Any]) -> None:
        (tmp_path / f"environment-{config['x']}").write_text(os.environ.get("PL_DISABLE_FORK", "none"))
        tune.report({"loss": config["x"]})
        if config["x"]:
            raise ValueError("broken")

    watcher, counting = _Watcher(), import_module("ray.tune.tune").air_usage
    with private_apis.callbacks_not_counted(), private_apis.trials_in_plain_workers():
        assert counting.tag_callbacks.__module__ == private_apis.__name__
        tune.run(
            train,
            config={"x": tune.grid_search([0, 1])},
            scheduler=_Scheduler(),
            callbacks=[watcher],
            storage_path=str(tmp_path),
            raise_on_failed_trial=False,
            verbose=0,
        )
    assert counting.tag_callbacks.__module__ == counting.__name__
    assert [path.read_text() for path in tmp_path.glob("environment-?")] == [
        "none",
        "none",
    ]  # Ray Tune's has a variable
    nodes: list[dict[str, Any]] = ray.nodes()
    assert set(watcher.nodes) <= {node["NodeID"] for node in nodes}
    assert watcher.kept == [{}]
    assert len(watcher.actors) == 2
    assert all(int(actor, 16) for actor in watcher.actors)
    ((pickled, text),) = watcher.errors
    assert pickled is not None
    assert text is not None
    assert Path(pickled).exists()
    assert "broken" in Path(text).read_text()
