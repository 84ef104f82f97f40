import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import optuna
import pytest
from optuna.trial import TrialState
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import Action, BadInputError
from models.family import EpochReport
from models.metrics import FoldValues
from search.plots.read_only import read_only_study
from search.private_apis import study_id
from search.spec.file import SearchSpec, load, parse
from search.study.database import folder, names, open_study, read_search
from search.study.writer import Study
from tests.postgres_server import PASSWORD

TOY = ToyFamily()
Toy: TypeAlias = Callable[..., SearchSpec]


def toy(**changes: object) -> SearchSpec:
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={k.replace("__", "."): v for k, v in changes.items()})


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def toy_in(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Return a function that makes the toy search, whose study is in each kind of storage in turn."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)  # a stored search has no password
    places: dict[str, Callable[[], str]] = {
        "journal": lambda: "",
        "sqlite": lambda: f"sqlite:///{tmp_path / 'study.db'}",
        "postgresql": lambda: request.getfixturevalue("database"),
    }
    return partial(toy, study__url=places[request.param]())


def begin(study: Study, search: SearchSpec) -> int:
    trial = study.optuna.ask()
    search.space(trial)  # pyright: ignore[reportArgumentType]
    return trial.number


def report(study: Study, number: int, epoch: int, loss: float = 1.0) -> bool:
    return study.add_epoch(number, EpochReport(epoch, {"loss": FoldValues((loss, loss + 1))}, 0.25))


def test_an_epoch_that_the_driver_writes_between_the_queries_of_a_reader_is_left_out(home: Path, toy_in: Toy) -> None:
    search = toy_in()
    with open_study(search, TOY, home, "f") as study:
        number = begin(study, search)
        report(study, number, 1)
        trial_id = study.storage.get_trial_id_from_study_id_trial_number(study_id(study.optuna), number)
        study.storage.set_trial_intermediate_value(trial_id, 2, 0.5)
        if search.study.url:
            [trial] = read_search(home, "toys", TOY).trials
            assert [epoch.report.epoch for epoch in trial.epochs] == [1]
        study.storage.set_trial_state_values(trial_id, TrialState.PRUNED, [0.5])
        with pytest.raises(BadInputError, match="damaged"):
            read_search(home, "toys", TOY)


def contents(study: optuna.Study) -> list[tuple[object, ...]]:
    return [
        (
            each.number,
            each.state,
            each.values,
            each.params,
            each.user_attrs,
            each.system_attrs,
            each.intermediate_values,
        )
        for each in study.get_trials()
    ]


def test_a_copy_of_the_study_can_only_be_read(home: Path, toy_in: Toy) -> None:
    search = toy_in()
    with open_study(search, TOY, home, "f") as study:
        full, running = begin(study, search), begin(study, search)
        report(study, full, 1)
        study.finish(full, "COMPLETE")
        copy = read_only_study(home, "toys", TOY)  # while it runs
        before = contents(study.optuna)
        changes: list[Callable[[], object]] = [
            copy.ask,
            lambda: copy.tell(running, 1.0),
            lambda: copy.tell(full, 1.0, skip_if_finished=True),
            lambda: copy.add_trial(copy.trials[0]),
            lambda: copy.enqueue_trial({"size": 1}),
            lambda: copy.set_user_attr("seconds", 1.0),
            lambda: copy.optimize(lambda _: 0.0, n_trials=1),
            lambda: optuna.delete_study(study_name="toys", storage=copy.storage),
        ]
        for change in changes:
            with pytest.raises(BadInputError, match="a copy that can only be read"):
                change()
        assert contents(copy) == before == contents(study.optuna)
        assert copy.user_attrs == study.optuna.user_attrs
        assert copy.best_value == 1.5
    assert read_search(home, "toys", TOY).trial(running).state == "WAITING", "it was not told"


def test_recorded_trials_are_read_from_the_study(home: Path, toy_in: Toy) -> None:
    search = toy_in()
    with open_study(search, TOY, home, "f") as study:
        full, stopped, failed, cut = (begin(study, search) for _ in range(4))
        for epoch in range(1, 10):
            report(study, full, epoch, 1 / epoch)
        study.finish(full, "COMPLETE")
        report(study, stopped, 1)
        study.finish(stopped, "PRUNED")
        study.finish(failed, "FAIL", "it broke")
        report(study, cut, 1)
        assert study.counts() == {"COMPLETE": 1, "PRUNED": 1, "FAIL": 1, "RUNNING": 1}
        assert study.sweep() == [cut]
    record = read_search(home, "toys", TOY)
    assert record.spec.to_toml() == search.to_toml()
    assert [trial.state for trial in record.trials] == ["COMPLETE", "PRUNED", "FAIL", "WAITING"]
    first = record.trial(full)
    assert first.values["lr"] == 0.1
    assert "momentum" not in first.values
    assert [epoch.report.epoch for epoch in first.epochs] == list(range(1, 10))
    assert first.last("loss") == FoldValues((1 / 9, 1 / 9 + 1))
    assert first.seconds == pytest.approx(9 * 0.25)
    assert record.trial(failed).reason == "it broke"
    assert record.trial(failed).last("loss") is None
    with pytest.raises(BadInputError, match="no trial of toys has the number 9: it has 4"):
        record.trial(9)


def test_the_value_of_a_pruned_trial_is_its_last_intermediate_value(home: Path) -> None:
    search = toy()
    with open_study(search, TOY, home, "f") as study:
        number = begin(study, search)
        report(study, number, 1, 2.0)
        report(study, number, 2, 1.0)
        study.finish(number, "PRUNED")
        trial = study.optuna.get_trials()[number]
    assert (trial.value, trial.intermediate_values) == (1.5, {1: 2.5, 2: 1.5})


def test_an_interrupted_trial_is_proposed_again_with_the_same_values(home: Path, toy_in: Toy) -> None:
    search = toy_in()
    with open_study(search, TOY, home, "f") as study:
        numbers = [begin(study, search), begin(study, search)]
        report(study, 1, 1)
        before = [study.record(number).values for number in numbers]
    with open_study(search, TOY, home, "f") as study:
        assert study.counts() == {"WAITING": 2}
        assert [begin(study, search), begin(study, search)] == numbers
        assert [study.record(number).values for number in numbers] == before
        assert not report(study, 1, 1)
        assert report(study, 1, 2)
        assert begin(study, search) == 2


def test_an_interrupted_trial_with_its_full_budget_becomes_complete(home: Path) -> None:
    search = toy()
    with open_study(search, TOY, home, "f") as study:
        number = begin(study, search)
        for epoch in range(1, 10):
            report(study, number, epoch)
    with open_study(search, TOY, home, "f") as study:
        assert study.counts() == {"COMPLETE": 1}
        assert study.num_finished == 1


def test_opening_twice_changes_nothing_and_a_larger_budget_is_accepted(home: Path, toy_in: Toy) -> None:
    with open_study(toy_in(), TOY, home, "f"):
        pass
    with open_study(toy_in(), TOY, home, "f") as study:
        queued = study.optuna.get_trials(states=(optuna.trial.TrialState.WAITING,))
        assert [trial.system_attrs["fixed_params"] for trial in queued] == [{"solver": "gradient", "lr": 0.1}]
        assert study.records() == []
    with open_study(toy_in(budget__trials=99), TOY, home, "f"):
        pass
    assert read_search(home, "toys", TOY).spec.budget.trials == 99
    assert names(home) == ["toys"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"space__lr": 0.2}, r"differs in space.lr \({ low = 0.001, high = 0.5, log = true }, now 0.2\)"),
        ({"budget__epochs": 27}, r"differs in budget.epochs \(9, now 27\)"),
        ({"data__seed": 1}, r"differs in data.seed \(0, now 1\)"),
        ({"data__repeats": "played"}, r"differs in data.repeats \(written, now played\)"),
        (
            {"data__folds": 5, "space__columns": 2},
            "differs in data.folds .*; space.columns .*; give the changed search another name",
        ),
    ],
)
def test_a_changed_search_is_refused_with_its_changes(home: Path, changes: dict[str, object], message: str) -> None:
    with open_study(toy(), TOY, home, "f"):
        pass
    with pytest.raises(BadInputError, match=message), open_study(toy(**changes), TOY, home, "f"):
        pass


def test_a_search_stored_before_a_setting_existed_resumes_without_it(home: Path) -> None:
    search = toy(space__columns=8)
    before = "\n".join(line for line in search.to_toml().splitlines() if not line.startswith("columns"))
    path = folder(home, "toys") / "search.toml"
    with open_study(search, TOY, home, "f") as study:
        begin(study, search)
        study.optuna.set_user_attr("search", before)
    path.write_text(before)
    assert read_search(home, "toys", TOY).trial(0).values["columns"] == 8
    with open_study(load(path, family=TOY, stored=True), TOY, home, "f") as study:
        assert study.record(begin(study, search)).values["columns"] == 8
    with (
        pytest.raises(BadInputError, match=r"differs in space.columns \(8, now 4\); give .* another name"),
        open_study(toy(space__columns=4), TOY, home, "f"),
    ):
        pass


def test_changed_data_is_refused(home: Path) -> None:
    with open_study(toy(), TOY, home, "f"):
        pass
    with (
        pytest.raises(BadInputError, match=r"differs in the data of oneills \(fingerprint f, now g\)"),
        open_study(toy(), TOY, home, "g"),
    ):
        pass


def test_a_study_of_a_newer_version_is_refused(home: Path) -> None:
    with open_study(toy(), TOY, home, "f") as study:
        study.optuna.set_user_attr("schema", 99)
    with (
        pytest.raises(BadInputError, match=r"studies up to format 1: got format 99"),
        open_study(toy(), TOY, home, "f"),
    ):
        pass
    with pytest.raises(BadInputError, match="upgrade tunesmith"):
        read_search(home, "toys", TOY)


def test_a_search_has_one_driver_at_a_time_and_a_dead_driver_holds_no_lock(home: Path, toy_in: Toy) -> None:
    with open_study(toy_in(), TOY, home, "f"):
        with (
            pytest.raises(BadInputError, match=f"toys is running already .process {os.getpid()}."),
            open_study(toy_in(), TOY, home, "f"),
        ):
            pass
        assert read_search(home, "toys", TOY).trials == ()
    lock = str(folder(home, "toys") / "driver.lock")
    code = f"import fcntl, os; fcntl.flock(os.open({lock!r}, 2), 2); os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], check=False)
    with open_study(toy_in(), TOY, home, "f"):
        pass


def test_the_error_for_an_unknown_search_suggests_a_name(home: Path) -> None:
    with open_study(toy(), TOY, home, "f"):
        pass
    with pytest.raises(BadInputError, match=r"no search is called 'toy' .*did you mean 'toys'"):
        read_search(home, "toy", TOY)


def test_the_time_of_a_search_is_the_sum_over_its_starts(home: Path) -> None:
    search = toy()
    spent = [0.0]
    for _ in range(2):
        with open_study(search, TOY, home, "f") as study:
            assert study.seconds > spent[-1]
            study.finish(begin(study, search), "FAIL")
        spent.append(read_search(home, "toys", TOY).seconds)
    assert spent == sorted(set(spent))


def test_a_missing_database_is_refused(home: Path) -> None:
    url = f"sqlite:///{home}/none/study.db"
    with (
        pytest.raises(BadInputError, match=r"the study's database must be reachable: sqlite:///.*unable to open"),
        open_study(toy(study__url=url), TOY, home, "f"),
    ):
        pass


def test_the_error_for_a_missing_study_names_its_database(home: Path, tmp_path: Path) -> None:
    place = tmp_path / "study.db"
    with open_study(toy(study__url=f"sqlite:///{place}"), TOY, home, "f"):
        pass
    place.unlink()
    with pytest.raises(BadInputError, match=r"there is none of toys in sqlite:.*; restore it") as caught:
        read_search(home, "toys", TOY)
    assert caught.value.action == Action("resume search", {"search": folder(home, "toys") / "search.toml"})


def test_the_error_for_a_missing_journal_names_its_file(home: Path) -> None:
    with open_study(toy(), TOY, home, "f"):
        pass
    (folder(home, "toys") / "study.journal").unlink()
    with pytest.raises(BadInputError, match=r"none of toys in .*study.journal; restore .*start the search from"):
        read_search(home, "toys", TOY)


def test_a_database_that_mlflow_uses_is_refused(home: Path) -> None:
    url = f"sqlite:///{home}/one.db"
    both = toy(study__url=url, tracking__uri=url)
    with pytest.raises(BadInputError, match=r"each need a database of their own"), open_study(both, TOY, home, "f"):
        pass
