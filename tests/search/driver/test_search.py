"""Whole searches on a real Ray, with the real Optuna and MLflow."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily, toy_data

from data_prep.randomness import stream
from search.driver.search_run import SearchResult, SearchTask, Workers, run
from search.spec.file import parse
from search.study.database import folder, read_search
from search.study.report import best_trials, configurations, initial_trials
from search.trials.training import train_trial
from search.warm_start.choice import choose
from tests.search.driver.toy_searches import TOY, Gains, Listener, check_mlflow, check_states, go, mlflow_runs, toy
from tests.search.warm_start.sources import make_source

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("ray_session"),
    pytest.mark.filterwarnings("ignore"),  # Ray's and MLflow's own
]


@pytest.fixture
def home(tracked_home: Path) -> Path:
    return tracked_home


def undrawable() -> ToyFamily:
    class Undrawable(ToyFamily):  # in a function, so that workers need not import it
        def pictures(self, trained: Path, data: Any) -> Iterable[Any]:
            raise ValueError(f"{trained} was drawn")

    return Undrawable()


def test_pictures_that_cannot_be_drawn_are_drawn_at_the_next_start(home: Path) -> None:
    search = toy(budget__trials=2)
    (message,) = go(search, home, family=undrawable()).messages
    assert message.startswith("the winner's pictures could not be drawn (")
    assert go(search, home).messages == ()
    assert list((home / "mlartifacts" / "toy").rglob("weights.png"))
    assert go(search, home, family=undrawable()).messages == ()


def test_the_front_of_a_family_without_pictures_is_drawn_once(home: Path) -> None:
    class Plain(ToyFamily):  # in a function, as above
        def pictures(self, trained: Path, data: Any) -> Iterable[Any]:
            return ()

    search = toy(budget__trials=2)
    go(search, home, family=Plain())
    (front,) = (home / "mlartifacts" / "toy").rglob("front_seconds.png")
    before = front.stat().st_mtime_ns
    go(search, home, family=Plain())
    assert front.stat().st_mtime_ns == before


def test_a_search_ends_and_is_resumed_with_more_trials(home: Path) -> None:
    listener, search = Listener(), toy()
    outcome = go(search, home, listener)
    assert (outcome.reason, outcome.num_new, len(outcome.trials), outcome.messages) == ("trials", 12, 12, ())
    check_states(outcome)
    check_events(outcome, listener)
    check_mlflow(outcome, home)
    assert list((home / "mlartifacts" / "toy").rglob("front_seconds.png")), "the search's run has the front"
    assert outcome.trials[0].values["lr"] == 0.1, "the known good point comes first"
    assert not list((folder(home, "toys") / "checkpoints").iterdir())
    assert not (folder(home, "toys") / "ray").exists()

    quiet = Listener()
    again = go(search, home, quiet, family=undrawable())
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
    assert not set(new) & set(old), "a resumed sampler must not draw the same points"
    check_mlflow(more, home)


def test_the_best_trials_are_repeated_with_other_seeds_at_the_end(home: Path) -> None:
    search = toy(budget__trials=30, confirmation__best=2, confirmation__repeats=2)
    outcome = go(search, home)
    assert len(outcome.trials) == 30
    repeats = [trial for trial in outcome.trials if trial.confirms is not None]
    assert [trial.number for trial in repeats] == [26, 27, 28, 29], "they are the last trials"
    assert max(Counter(trial.confirms for trial in repeats).values()) <= 2
    for trial in repeats:
        first = outcome.trials[trial.confirms or 0]
        assert (trial.state, len(trial.epochs), trial.values) == ("COMPLETE", 9, first.values)
        assert trial.epochs[0].report.metrics != first.epochs[0].report.metrics, "it has another seed"
    best = configurations(outcome.trials, LOSS)
    assert sum(each.num_seeds - 1 for each in best) == len(repeats)
    tags = {name: run.data.tags for name, run in mlflow_runs(home).items()}
    assert {name: tag["confirms"] for name, tag in tags.items() if "confirms" in tag} == {
        f"toys/{trial.number}": str(trial.confirms) for trial in repeats
    }
    assert tags["toys"]["winner"] == f"toys/{best[0].trial.number}"


def test_a_search_with_a_warm_start_tries_the_points_of_the_file_then_those_of_another_search(home: Path) -> None:
    points = [{"solver": "gradient", "lr": lr, "columns": 8} for lr in (0.2, 0.3)]
    make_source(home, "before", *points)
    search = toy(warm_start__searches=["before"], budget__trials=4)
    choice = choose(search, home, TOY)
    assert choice is not None
    outcome = run(SearchTask(search, TOY, toy_data(), "toy-1", home, choice.taken), Listener(), Workers(slots=1))
    assert outcome.warm_points == tuple(points)
    assert initial_trials(outcome.trials, outcome.warm_points) == list(outcome.trials[1:3])
    assert search.prior[0].items() <= outcome.trials[0].values.items()
    resumed = go(search.model_copy(update={"budget": search.budget.model_copy(update={"trials": 5})}), home)
    assert resumed.warm_points == outcome.warm_points
    assert initial_trials(resumed.trials, points) == list(outcome.trials[1:3])


def test_a_search_ends_when_it_has_converged(home: Path) -> None:
    data = toy_data()
    data.targets[1::2] += stream(0, "noise of the second fold").normal(size=32)  # the folds differ much

    def start(observer: Gains) -> SearchResult:
        changes = {"budget__trials": 100, "budget__stop": "converged", "space__columns": 8}
        search = toy(**changes, space__solver="gradient")
        return run(SearchTask(search, TOY, data, "toy-1", home), observer, Workers(slots=2))

    gains = Gains()
    outcome = start(gains)
    assert outcome.reason == "converged"
    assert 25 <= len(outcome.trials) < 100
    assert all(trial.is_final for trial in outcome.trials), "trials that train continue to their end"
    gain = outcome.expected_gain
    assert gain is not None
    assert gains.seen[-1] == (gain.gain, gain.standard_error)
    again = start(Gains())
    assert (again.reason, again.ran, again.num_new, again.expected_gain) == ("converged", False, 0, gain)


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


def test_a_single_trial_reproduces_the_metrics_of_the_search(home: Path) -> None:
    results: list[SearchResult] = []
    thread = threading.Thread(target=lambda: results.append(go(toy(budget__trials=4), home)))  # any thread will do
    thread.start()
    thread.join(60)
    for trial in results[0].trials:
        reports: list[Any] = []
        spec = TOY.spec_type.from_values(trial.values)
        train_trial(TOY, spec, toy_data(), reports.append, seed=0, number=trial.number, files=None, device="cpu")
        for epoch, alone in zip(trial.epochs, reports, strict=False):
            assert epoch.report.metrics == alone.metrics


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_search_cleanly_and_it_can_be_resumed(home: Path, number: signal.Signals) -> None:
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
    assert {tracked.info.status for tracked in mlflow_runs(home).values()} <= {"FINISHED", "KILLED"}
    if number == signal.SIGTERM:
        return
    waiting = [trial for trial in outcome.trials if trial.state == "WAITING"]
    resumed = go(search.model_copy(update={"budget": search.budget.model_copy(update={"trials": 5})}), home)
    assert [trial.number for trial in resumed.trials] == list(range(5))
    assert all(trial.is_final for trial in resumed.trials)
    for trial in waiting:
        now = resumed.trials[trial.number]
        assert now.values == trial.values
        assert now.epochs[: len(trial.epochs)] == trial.epochs
    assert {tracked.info.status for tracked in mlflow_runs(home).values()} == {"FINISHED"}


def test_the_time_budget_is_kept_over_all_starts(home: Path) -> None:
    listener = Listener()
    search = toy(space__pause=0.5, budget__time="6s", budget__trials=1000)
    outcome = go(search, home, listener)
    assert outcome.reason == "time"
    assert len(outcome.trials) <= 2 * 6 / 0.5 + 2, "more than two slots can start in six seconds"
    assert listener.events[0][3] == pytest.approx(6, abs=1)
    assert "RUNNING" not in {trial.state for trial in outcome.trials}
    again = go(search, home)
    assert (again.reason, again.num_new) == ("time", 0)
    assert read_search(home, "toys", TOY).seconds >= 6, "a remainder too short for a trial counts as spent"


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


def test_a_random_search(home: Path) -> None:
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
