"""Whole searches on a real Ray, with the real Optuna and MLflow."""

import os
import resource
import signal
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily, toy_data

from data_prep.errors import Action, BadInputError
from models.spec import Value
from search.driver.search_run import SearchResult, SearchTask, Workers, run
from search.spec.file import SearchSpec, parse
from search.study.database import folder, open_study, read_search
from search.study.observer import SilentObserver
from search.study.report import best_trials
from search.study.states import StateName
from search.tracking.client import default_uri
from search.trials.training import train_trial
from tests.ray_cluster import wait_until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore"),  # Ray's and MLflow's own
]
TOY = ToyFamily()


@pytest.fixture
def home(tracked_home: Path) -> Path:
    return tracked_home


@dataclass
class Listener(SilentObserver):
    """Keeps what a search tells."""

    events: list[tuple[Any, ...]] = field(default_factory=list[tuple[Any, ...]])
    wake: Any = None

    def search_started(
        self, *, trials: int, epochs: int, seconds: float | None, finished: Mapping[StateName, int]
    ) -> None:
        self.events.append(("search", trials, epochs, seconds, dict(finished)))

    def best_before(self, number: int, mean: float, standard_error: float) -> None:
        self.events.append(("best before", number, mean, standard_error))

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        self.events.append(("started", number, dict(values)))

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        self.events.append(("epoch", number, epoch, mean, standard_error))
        if self.wake is not None:
            self.wake(number, epoch)

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        self.events.append(("ended", number, state, reason))

    def message(self, text: str) -> None:
        self.events.append(("message", text))

    def search_ended(self) -> None:
        self.events.append(("over",))


class Undrawable(ToyFamily):
    def pictures(self, trained: Path, data: Any) -> Iterable[Any]:
        raise ValueError(f"{trained} was drawn")


def toy(**changes: object) -> SearchSpec:
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={k.replace("__", "."): v for k, v in changes.items()})


def go(search: SearchSpec, home: Path, observer: SilentObserver | None = None, family: ToyFamily = TOY) -> SearchResult:
    task = SearchTask(search, family, toy_data(), "toy-1", home)
    return run(task, observer or SilentObserver(), Workers(slots=2))


def mlflow_runs(home: Path) -> dict[str, Any]:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=default_uri(home))
    experiment = client.get_experiment_by_name("toy")
    assert experiment is not None
    listed = client.search_runs([experiment.experiment_id])
    assert len({run.info.run_name for run in listed}) == len(listed), "a run is there twice"
    return {str(run.info.run_name): run for run in listed}


def test_a_search_from_beginning_to_end_and_on(home: Path) -> None:
    listener, search = Listener(), toy()
    outcome = go(search, home, listener)
    assert (outcome.reason, outcome.num_new, len(outcome.trials), outcome.messages) == ("trials", 12, 12, ())
    check_states(outcome)
    check_events(outcome, listener)
    check_mlflow(outcome, home)
    assert outcome.trials[0].values["lr"] == 0.1, "the known good point comes first"
    assert not list((folder(home, "toys") / "checkpoints").iterdir())
    assert not (folder(home, "toys") / "ray").exists()

    quiet = Listener()
    again = go(search, home, quiet, family=Undrawable())
    assert (again.reason, again.num_new, again.trials) == ("trials", 0, outcome.trials)
    assert again.messages == (), "the winner's pictures are drawn once"
    best = best_trials(outcome.trials, LOSS, 1)[0]
    score = best.last("loss")
    assert score is not None
    before = ("best before", best.number, score.mean, score.standard_error)
    assert quiet.events[1:] == [before, ("over",)]

    more = go(toy(budget__trials=15), home)
    assert (more.num_new, len(more.trials)) == (3, 15)
    assert more.trials[:12] == outcome.trials
    new, old = ([repr(t.values) for t in part] for part in (more.trials[12:], more.trials[:12]))
    assert not set(new) & set(old), "a resumed sampler must not draw the same again"
    check_mlflow(more, home)


def check_states(outcome: SearchResult) -> None:
    for trial in outcome.trials:
        steps = [epoch.report.epoch for epoch in trial.epochs]
        assert steps == list(range(1, len(steps) + 1))
        assert (trial.state == "COMPLETE") == (len(steps) == 9), trial
        assert trial.state in ("COMPLETE", "PRUNED")
        assert len(steps) in (1, 3, 9), "trials are stopped at rungs"
        assert ("momentum" in trial.values) == (trial.values["solver"] == "momentum")
    assert any(trial.state == "COMPLETE" for trial in outcome.trials)
    assert any(trial.state == "PRUNED" for trial in outcome.trials)


def check_events(outcome: SearchResult, listener: Listener) -> None:
    assert listener.events[0] == ("search", 12, 9, None, {})
    assert listener.events[-1] == ("over",)
    for trial in outcome.trials:
        own = [event for event in listener.events if event[0] != "search" and event[1:2] == (trial.number,)]
        assert own[0] == ("started", trial.number, dict(trial.values))
        assert own[-1] == ("ended", trial.number, trial.state, "")
        expected = [
            (e.report.epoch, e.report.metrics["loss"].mean, e.report.metrics["loss"].standard_error)
            for e in trial.epochs
        ]
        assert [event[2:] for event in own[1:-1]] == expected


def check_mlflow(outcome: SearchResult, home: Path) -> None:
    found = mlflow_runs(home)
    assert set(found) == {"toys", *(f"toys/{trial.number}" for trial in outcome.trials)}
    for trial in outcome.trials:
        one = found[f"toys/{trial.number}"]
        assert one.info.status == "FINISHED"
        assert one.data.tags["state"] == trial.state
        assert one.data.metrics["loss"] == pytest.approx(trial.epochs[-1].report.metrics["loss"].mean)
    winners = [name for name, one in found.items() if one.data.tags.get("winner") == "yes"]
    assert winners == [found["toys"].data.tags["winner"]]
    assert not [path for path in home.rglob("*") if path.suffix in (".pkl", ".pickle")]


def test_a_trial_alone_gives_the_same_numbers(home: Path) -> None:
    found: list[SearchResult] = []
    thread = threading.Thread(target=lambda: found.append(go(toy(budget__trials=4), home)))  # any thread will do
    thread.start()
    thread.join(60)
    for trial in found[0].trials:
        reports: list[Any] = []
        spec = TOY.spec_type.from_values(trial.values)
        train_trial(TOY, spec, toy_data(), reports.append, seed=0, number=trial.number, files=None, device="cpu")
        for epoch, alone in zip(trial.epochs, reports, strict=False):
            assert epoch.report.metrics == alone.metrics


def test_trials_that_diverge_or_break_fail_and_the_search_goes_on(
    home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "starts"
    trouble = ["none", "value", "death", "memory"]
    points = "".join(f'[[prior]]\ntrouble = "{one}"\nlr = 0.1\n' for one in trouble)
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
    found = mlflow_runs(home)
    assert [found[f"toys/{n}"].info.status for n in (1, 2, 3, 4)] == ["FAILED"] * 4
    assert found["toys/1"].data.tags["reason"] == "ValueError: this setting cannot work"


def test_a_search_whose_first_trials_all_fail_stops(home: Path) -> None:
    with pytest.raises(
        BadInputError, match=r"the first trials of toys all failed.*ValueError: this setting cannot work"
    ):
        go(toy(space__trouble="value", budget__trials=50, scheduler__first_rung=9), home)
    assert len(read_search(home, "toys", TOY).trials) < 10


def test_a_search_whose_trials_all_fail_says_why_and_what_to_do_however_few_they_are(home: Path) -> None:
    search = toy(space__trouble="value", budget__trials=2, scheduler__first_rung=9)
    told = (
        r"2 trials of toys failed and none succeeded \(the first error: ValueError: this setting cannot work\); .*"
        r"raise budget.trials to 4, .*; to repeat one$"
    )
    for _ in range(2):
        with pytest.raises(BadInputError, match=told) as caught:
            go(search, home)
        assert caught.value.action == Action("repeat trial", {"search": "toys", "trial": 0})


def test_failures_of_earlier_starts_neither_stop_a_search_nor_hide_that_all_of_this_one_failed(home: Path) -> None:
    broken = replace(TOY, broken="torch cannot be imported")
    for num_trials, num_failed in ((50, 5), (52, 10), (10, 10)):
        with pytest.raises(BadInputError, match=r"failed.*the first error: ValueError: torch cannot be imported"):
            go(toy(budget__trials=num_trials), home, family=broken)
        found = read_search(home, "toys", TOY).trials
        assert num_failed <= len(found) < num_failed + 4
    outcome = go(toy(budget__trials=len(found) + 4), home)
    assert outcome.reason == "trials"
    assert [trial.state in ("COMPLETE", "PRUNED") for trial in outcome.trials[len(found) :]] == [True] * 4


def test_a_trial_that_is_given_a_process_that_has_died_since_is_tried_again(home: Path, tmp_path: Path) -> None:
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


def test_a_damaged_checkpoint_is_told_of_and_its_trial_goes_on(home: Path, tmp_path: Path) -> None:
    """Its process dies beyond the second rung, whose file is damaged then; the first one's is whole."""
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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_cleanly_and_starting_again_goes_on(home: Path, number: signal.Signals) -> None:
    sent: list[float] = []

    def send(trial: int, epoch: int) -> None:
        if trial == 2 and epoch == 2 and not sent:
            sent.append(time.monotonic())
            os.kill(os.getpid(), number)

    search = toy(space__pause=0.3, scheduler__first_rung=3)
    before = signal.getsignal(number)
    outcome = go(search, home, Listener(wake=send))
    assert time.monotonic() - sent[0] < 5
    assert signal.getsignal(number) is before
    assert outcome.reason == "interrupted"
    states = [trial.state for trial in outcome.trials]
    assert "WAITING" in states
    assert "RUNNING" not in states
    assert {one.info.status for one in mlflow_runs(home).values()} <= {"FINISHED", "KILLED"}
    if number == signal.SIGTERM:
        return
    waiting = [trial for trial in outcome.trials if trial.state == "WAITING"]
    whole = go(search.model_copy(update={"budget": search.budget.model_copy(update={"trials": 5})}), home)
    assert [trial.number for trial in whole.trials] == list(range(5))
    assert all(trial.is_final for trial in whole.trials)
    for trial in waiting:
        now = whole.trials[trial.number]
        assert now.values == trial.values
        assert now.epochs[: len(trial.epochs)] == trial.epochs
    assert {one.info.status for one in mlflow_runs(home).values()} == {"FINISHED"}


def test_the_time_is_kept(home: Path) -> None:
    listener = Listener()
    search = toy(space__pause=0.5, budget__time="6s", budget__trials=1000)
    began = time.monotonic()
    outcome = go(search, home, listener)
    assert time.monotonic() - began < 12
    assert outcome.reason == "time"
    assert outcome.seconds == pytest.approx(6, abs=3)
    assert listener.events[0][3] == pytest.approx(6, abs=1)
    assert "RUNNING" not in {trial.state for trial in outcome.trials}
    again = go(search, home)
    assert (again.reason, again.num_new) == ("time", 0)
    assert read_search(home, "toys", TOY).seconds >= 6, "what was left is used up too"


def test_an_error_of_the_observer_is_raised_as_it_is_and_the_study_stays_whole(home: Path) -> None:
    def fail(number: int, epoch: int) -> None:
        raise ZeroDivisionError(f"{number} {epoch}")

    with pytest.raises(ZeroDivisionError):
        go(toy(), home, Listener(wake=fail))
    states = {trial.state for trial in read_search(home, "toys", TOY).trials}
    assert states <= {"PRUNED", "WAITING", "RUNNING"}
    with open_study(toy(), TOY, home, "toy-1") as study:
        assert "RUNNING" not in study.counts()


def test_a_full_disk_ends_it_with_a_clear_line_and_it_goes_on_when_there_is_room(home: Path) -> None:
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


def test_a_worker_that_cannot_save_ends_it_the_same_way(home: Path) -> None:
    with pytest.raises(BadInputError, match=r"a search needs room to write: No space left on device .checkpoints."):
        go(toy(space__trouble="disk"), home)
    assert {trial.state for trial in read_search(home, "toys", TOY).trials} <= {"WAITING", "RUNNING", "PRUNED"}


def test_a_tracking_server_that_is_not_there_is_refused_before_anything_is_stored(home: Path) -> None:
    with pytest.raises(BadInputError, match="the tracking server must answer"):
        go(toy(tracking__uri="http://127.0.0.1:9"), home)
    assert not (home / "searches").exists()


def test_without_a_scheduler_every_trial_has_its_full_budget_and_resumes_from_a_checkpoint(home: Path) -> None:
    search = parse(
        TOY_SEARCH.replace("first_rung = 1\nreduction = 3", 'kind = "none"').replace("[space]", "[space]\npause = 0.2"),
        "toy.toml",
        family=TOY,
        overrides={"budget.trials": 4},
    )

    def stop(trial: int, epoch: int) -> None:
        if (trial, epoch) == (1, 5):
            os.kill(os.getpid(), signal.SIGINT)

    assert go(search, home, Listener(wake=stop)).reason == "interrupted"
    listener = Listener()
    outcome = go(search, home, listener)
    assert [(trial.state, len(trial.epochs)) for trial in outcome.trials] == [("COMPLETE", 9)] * 4
    resumed = [event[2] for event in listener.events if event[:2] == ("epoch", 1)]
    assert resumed == [5, 6, 7, 8, 9], "it had saved after epoch 4, whose report it repeats"


def test_a_random_search_runs_as_any_other(home: Path) -> None:
    kind = '[sampler]\nkind = "random"'
    search = parse(TOY_SEARCH.replace("[sampler]\nstartup = 4", kind), "toy.toml", family=TOY)
    outcome = go(search, home)
    check_states(outcome)
    assert len({str(trial.values) for trial in outcome.trials}) == 12
    assert read_search(home, "toys", TOY).spec.sampler.kind == "random"


def test_a_grid_search_tries_each_point_once_over_all_starts(home: Path) -> None:
    text = TOY_SEARCH.replace("[sampler]\nstartup = 4", '[sampler]\nkind = "grid"')
    text = text.replace("momentum = { low = 0.1, high = 0.9 }", "momentum = [0.5, 0.9]")
    text = text.replace("lr = { low = 1e-3, high = 0.5, log = true }", "lr = [0.01, 0.1]")
    text = text.replace("columns = { low = 1, high = 8 }", "columns = { low = 2, high = 8, step = 6 }")
    go(parse(text, "toy.toml", family=TOY, overrides={"budget.trials": 5}), home)
    trials = go(parse(text, "toy.toml", family=TOY, overrides={"budget.trials": 12}), home).trials
    assert trials[0].values["lr"] == 0.1, "the known good point comes first"
    expected = {
        (solver, momentum, lr, columns)
        for solver, momentums in (("gradient", (None,)), ("momentum", (0.5, 0.9)))
        for momentum in momentums
        for lr in (0.01, 0.1)
        for columns in (2, 8)
    }
    tried = [tuple(trial.values.get(name) for name in ("solver", "momentum", "lr", "columns")) for trial in trials]
    assert len(tried) == 12
    assert set(tried) == expected
