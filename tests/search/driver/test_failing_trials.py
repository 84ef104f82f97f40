"""Trials that fail, processes that die, disks that are full: the search continues, or ends with a clear error."""

import os
import resource
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from toy_family import TOY_SEARCH

from data_prep.errors import Action, BadInputError
from search.spec.file import parse
from search.study.database import folder, open_study, read_search
from search.study.states import StateName
from tests.ray_cluster import wait_until
from tests.search.driver.toy_searches import TOY, Listener, check_states, go, mlflow_runs, toy

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore"),  # Ray's and MLflow's own
]


@pytest.fixture
def home(tracked_home: Path) -> Path:
    return tracked_home


def test_trials_that_diverge_or_break_fail_and_the_search_continues(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "starts"
    trouble = ["none", "value", "death", "memory"]
    points = "".join(f'[[prior]]\ntrouble = "{kind}"\nlr = 0.1\n' for kind in trouble)
    points += '[[prior]]\ntrouble = "none"\nlr = 100.0\n'
    text = TOY_SEARCH.replace("high = 0.5", "high = 100.0").split("[[prior]]")[0] + points
    text = text.replace("[space]", f"[space]\ntrouble = {trouble}")
    everything = {"budget.trials": 5, "budget.epochs": 400, "scheduler.first_rung": 400}
    search = parse(text, "toy.toml", family=TOY, overrides=everything)
    outcome = go(search, home, family=replace(TOY, log=log))
    assert capfd.readouterr() == ("", "")
    states = {trial.number: (trial.state, trial.reason) for trial in outcome.trials}
    assert states[1] == ("FAIL", "ValueError: this setting cannot work")
    assert states[2][0] == "FAIL"
    assert states[2][1].startswith("given up after 3 attempts: its process was killed each time")
    assert states[3][0] == "FAIL"
    assert states[3][1].startswith("too large for the memory of its machine: ")
    assert states[4][0] == "FAIL"
    assert "is not finite at epoch" in states[4][1]
    starts = [line.split()[0] for line in log.read_text().splitlines()]
    assert {number: starts.count(number) for number in "1234"} == {"1": 1, "2": 3, "3": 1, "4": 1}
    runs = mlflow_runs(home)
    assert [runs[f"toys/{n}"].info.status for n in (1, 2, 3, 4)] == ["FAILED"] * 4
    assert runs["toys/1"].data.tags["reason"] == "ValueError: this setting cannot work"


def test_a_search_whose_first_trials_all_fail_stops(home: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"the first trials of toys all failed.*ValueError: this setting cannot work"
    ):
        go(toy(space__trouble="value", budget__trials=50, scheduler__first_rung=9), home)
    assert len(read_search(home, "toys", TOY).trials) < 10


def test_the_error_of_a_search_whose_few_trials_all_fail_gives_the_reason_and_a_remedy(home: Path) -> None:
    search = toy(space__trouble="value", budget__trials=2, scheduler__first_rung=9)
    message = (
        r"2 trials of toys failed and none succeeded \(the first error: ValueError: this setting cannot work\); .*"
        r"raise budget.trials to 4, .*; to repeat one$"
    )
    for _ in range(2):
        with pytest.raises(BadInputError, match=message) as caught:
            go(search, home)
        assert caught.value.action == Action("repeat trial", {"search": "toys", "trial": 0})


def test_failures_of_earlier_starts_are_counted_apart_from_those_of_this_start(home: Path) -> None:
    broken = replace(TOY, broken="torch cannot be imported")
    for num_trials, num_failed in ((50, 5), (52, 10), (10, 10)):
        with pytest.raises(BadInputError, match=r"failed.*the first error: ValueError: torch cannot be imported"):
            go(toy(budget__trials=num_trials), home, family=broken)
        trials = read_search(home, "toys", TOY).trials
        assert num_failed <= len(trials) < num_failed + 4
    outcome = go(toy(budget__trials=len(trials) + 4), home)
    assert outcome.reason == "trials"
    assert [trial.state in ("COMPLETE", "PRUNED") for trial in outcome.trials[len(trials) :]] == [True] * 4


def test_a_trial_is_retried_if_its_idle_worker_process_has_died(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "starts"

    @dataclass
    class Killer(Listener):
        def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
            super().trial_ended(number, state, reason)
            starts = [line.split() for line in log.read_text().splitlines()]
            process = next(int(process) for trial, process, _ in starts if int(trial) == number)
            if number < 2:
                os.kill(process, signal.SIGKILL)
                wait_until(lambda: not Path(f"/proc/{process}/exe").exists(), "it to be dead")

    listener = Killer()
    outcome = go(toy(budget__trials=6), home, listener, family=replace(TOY, log=log))
    assert [trial.state for trial in outcome.trials if trial.state == "FAIL"] == [], outcome.trials
    check_states(outcome)
    assert len([event for event in listener.events if event[0] == "ended"]) == 6


def test_a_damaged_checkpoint_is_reported_and_the_trial_resumes_from_the_one_before(home: Path, tmp_path: Path) -> None:
    """The process dies after the second rung, whose checkpoint is then damaged; that of the first rung is intact."""
    log, struck = tmp_path / "starts", list[str]()

    def strike(number: int, epoch: int) -> None:
        if (number, epoch) == (0, 4) and not struck:
            (newest, *_) = sorted((folder(home, "toys") / "checkpoints").iterdir(), reverse=True)
            newest.write_bytes(newest.read_bytes()[:1000])
            struck.append(str(newest))
            os.kill(int(log.read_text().split()[1]), signal.SIGKILL)

    listener = Listener(wake=strike)
    search = toy(budget__trials=1, space__pause=0.3)
    outcome = go(search, home, listener, family=replace(TOY, log=log))
    note = f"{struck[0]} cannot be read: damaged or cut short; trial 0 resumes from its checkpoint of epoch 1"
    assert [event[1] for event in listener.events if event[0] == "message"] == [note]
    assert [event[2] for event in listener.events if event[0] == "epoch"] == [1, 2, 3, 4, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [(trial.state, len(trial.epochs)) for trial in outcome.trials] == [("COMPLETE", 9)]


def test_an_error_of_the_observer_is_raised_unchanged_and_the_study_can_be_resumed(home: Path) -> None:
    def fail(number: int, epoch: int) -> None:
        raise ZeroDivisionError(f"{number} {epoch}")

    with pytest.raises(ZeroDivisionError):
        go(toy(), home, Listener(wake=fail))
    states = {trial.state for trial in read_search(home, "toys", TOY).trials}
    assert states <= {"PRUNED", "WAITING", "RUNNING"}
    with open_study(toy(), TOY, home, "toy-1") as study:
        assert "RUNNING" not in study.counts()


def test_a_full_disk_ends_the_search_with_a_clear_error_and_it_resumes_when_there_is_room(home: Path) -> None:
    """The driver's journal may grow no further; workers and MLflow have limits of their own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    journal = folder(home, "toys") / "study.journal"

    def fill(number: int, epoch: int) -> None:
        if (number, epoch) == (3, 1):
            resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 10, hard))

    try:
        with pytest.raises(BadInputError, match=r"a search needs room to write: File too large .*make room and resume"):
            go(toy(budget__trials=5), home, Listener(wake=fill))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    outcome = go(toy(budget__trials=5), home)
    assert [trial.is_final for trial in outcome.trials] == [True] * 5


def test_a_full_disk_of_a_worker_ends_the_search_with_the_same_error(home: Path) -> None:
    with pytest.raises(BadInputError, match=r"a search needs room to write: No space left on device .checkpoints."):
        go(toy(space__trouble="disk"), home)
    assert {trial.state for trial in read_search(home, "toys", TOY).trials} <= {"WAITING", "RUNNING", "PRUNED"}


def test_an_unreachable_tracking_server_is_refused_before_anything_is_stored(home: Path) -> None:
    with pytest.raises(BadInputError, match="the tracking server must answer"):
        go(toy(tracking__uri="http://127.0.0.1:9"), home)
    assert not (home / "searches").exists()
