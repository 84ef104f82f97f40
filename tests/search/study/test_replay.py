# pyright: reportPrivateUsage=false

import json
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from data_prep.randomness import stream
from search.study.journal import Journal
from search.study.replay import folded


def view(storage: JournalStorage) -> list[Any]:
    """Give all that a storage knows, trials whole."""
    (study,) = storage.get_all_studies()
    trials = storage.get_all_trials(study._study_id)
    return [study.user_attrs, study.system_attrs, [repr(trial) for trial in trials]]


def read_by_optuna(path: Path) -> list[Any]:
    return view(JournalStorage(JournalFileBackend(str(path))))


def read(path: Path) -> list[Any]:
    return view(JournalStorage(Journal(path, writable=False)))


def live(path: Path, seed: int, events: int) -> None:
    """Do at random whatever a search does to its study, its driver dying now and then."""
    random = stream(seed, "events")

    def opened() -> optuna.Study:
        storage = JournalStorage(Journal(path, writable=True))
        return optuna.create_study(study_name="s", storage=storage, load_if_exists=True)

    study = opened()
    for _ in range(events):
        running = study.get_trials(states=(TrialState.RUNNING,))
        event = random.integers(8) if running else random.integers(3)
        if event == 0:
            study.enqueue_trial({"x": random.random()}, user_attrs={"known": True}, skip_if_exists=True)
        elif event in (1, 2):
            trial = study.ask()
            if trial.suggest_float("x", 0, 1) < 0.5:
                trial.suggest_categorical("cell", ["gru", "lstm", None])
            trial.suggest_int("size", 32, 128, log=True)
        elif event == 3:
            study = opened()
            study.set_user_attr("seconds", random.random())
        else:
            one = running[random.integers(len(running))]
            storage, number = study._storage, one._trial_id
            step = max(one.intermediate_values, default=0) + 1
            if event == 4:
                storage.set_trial_state_values(number, TrialState.WAITING)
            elif event == 5:
                storage.set_trial_user_attr(number, "reason", "it broke")
                storage.set_trial_state_values(number, TrialState.FAIL)
            elif event == 6 and one.intermediate_values:
                state = TrialState.PRUNED if random.random() < 0.5 else TrialState.COMPLETE
                storage.set_trial_state_values(number, state, [one.intermediate_values[step - 1]])
            else:
                storage.set_trial_user_attr(number, f"epoch:{step}", {"metrics": {"loss": [0.1, 0.2]}})
                storage.set_trial_intermediate_value(number, step, random.random())


@pytest.mark.parametrize("seed", range(5))
def test_a_folded_journal_leads_to_what_optuna_reads_record_by_record(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "j"
    live(path, seed, 150)
    assert read(path) == read_by_optuna(path)
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert len(folded(records)) < len(records)
    size = path.stat().st_size
    live(path, seed + 100, 20)  # a driver goes on from what it read
    assert path.stat().st_size > size
    assert read(path) == read_by_optuna(path)


def test_what_comes_to_a_finished_trial_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "j"
    live(path, 0, 60)
    finished = next(
        record for record in map(json.loads, path.read_bytes().splitlines()) if record.get("state") in (1, 2, 3)
    )
    late = {"op_code": 8, "worker_id": "w", "trial_id": finished["trial_id"], "user_attr": {"late": 1}}
    with path.open("a") as file:
        file.write(json.dumps(late) + "\n")
    assert "late" not in str(read(path))
    assert read(path) == read_by_optuna(path)


def test_a_journal_with_what_a_search_does_not_write_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "j"
    live(path, 0, 40)
    study = optuna.load_study(study_name="s", storage=JournalStorage(JournalFileBackend(str(path))))
    trial = study.ask()
    distribution = FloatDistribution(0, 1, log=False)
    record = {
        "op_code": 5,
        "worker_id": "w",
        "trial_id": trial._trial_id,
        "param_name": "size",
        "param_value_internal": 0.5,
        "distribution": optuna.distributions.distribution_to_json(distribution),
    }
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")
    records = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert folded(records) is records
    assert read(path) == read_by_optuna(path)
