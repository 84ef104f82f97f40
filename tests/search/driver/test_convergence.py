"""What further trials are expected to gain, and the end of a search that has converged."""

import math
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from models.family import EpochReport
from models.metrics import FoldValues
from models.spec import Value
from search.control.checks import changed_budget
from search.control.requests import ChangeBudget
from search.driver.convergence import Convergence
from search.driver.expected_gain import GainEstimator
from search.driver.failures import Failures
from search.driver.limit import Limit, StopRequest
from search.driver.recorder import Recorder
from search.driver.sampler import make_sampler
from search.driver.searcher import StudySearcher
from search.spec.file import SearchSpec, parse
from search.study.database import open_study, read_search
from search.study.records import ExpectedGain, TrialRecord
from search.study.report import best_trials
from search.study.writer import Study
from tests.search.driver.toy_searches import Gains

TOY = ToyFamily()
FOLDS = (-0.1, 0.1)
"""How much easier and harder the folds are: a standard error of .1."""


def toy(**changes: object) -> SearchSpec:
    values = {"budget.trials": 60, "budget.stop": "converged", **{k.replace("__", "."): v for k, v in changes.items()}}
    return parse(TOY_SEARCH, "toy.toml", family=TOY, overrides=values)


def loss(values: dict[str, Value], epoch: int) -> float:
    """Return a loss that depends on the settings and falls to its final value in nine epochs."""
    lr, columns = values["lr"], values["columns"]
    assert not isinstance(lr, str)
    assert not isinstance(columns, str)
    return 1 + 0.3 * math.log10(lr / 0.1) ** 2 + 0.002 * (columns - 6) ** 2 + 0.5 / epoch - 0.5 / 9


def train(study: Study, count: int) -> None:
    """Train that many trials; every fourth to its end, the others to the first rung."""
    study.optuna.sampler = make_sampler(study.search, study.num_finished)
    for _ in range(count):
        trial = study.optuna.ask()
        values = study.search.space(trial)
        full = trial.number % 4 == 0
        for epoch in range(1, 10 if full else 2):
            at = loss(values, epoch)
            study.add_epoch(trial.number, EpochReport(epoch, {"loss": FoldValues(tuple(at + f for f in FOLDS))}, 1.0))
        study.finish(trial.number, "COMPLETE" if full else "PRUNED")


@contextmanager
def opened(home: Path, search: SearchSpec) -> Generator[tuple[Study, Convergence, Gains]]:
    gains = Gains()
    with open_study(search, TOY, home, "toy-1") as study:
        convergence = Convergence(study, LOSS, lambda: study.num_finished, gains)
        yield study, convergence, gains
        convergence.close()


def estimate(convergence: Convergence, gains: Gains) -> None:
    """Let an estimate that is due be made in its thread, and record it."""
    before, until = len(gains.seen), time.monotonic() + 60
    while len(gains.seen) == before:
        convergence.poll()
        assert time.monotonic() < until
        time.sleep(0.005)


def reason(study: Study, convergence: Convergence) -> str | None:
    return Limit(study, Failures(1), StopRequest(), float, convergence).reason


@pytest.fixture(scope="module")
def converged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """Return a home with a search that has converged, and the number of its trials."""
    home = tmp_path_factory.mktemp("converged")
    with opened(home, toy()) as (study, convergence, gains):
        train(study, 19)
        convergence.poll()
        assert convergence.is_idle, "too few trials"
        while not convergence.converged:
            train(study, 5 if gains.seen else 1)
            estimate(convergence, gains)
            assert study.num_finished <= 50
        gain = study.expected_gain
        assert gain is not None
        assert [g < e for g, e in gains.seen[-3:]] == [True, True, True], "one or two estimates may be chance"
        assert gains.seen[-1] == (gain.gain, gain.standard_error)
        assert gain.standard_error == pytest.approx(0.1)
        assert gain.finished == study.num_finished
        assert reason(study, convergence) == "converged"
        return home, study.num_finished


def test_a_search_that_has_converged_proposes_nothing(converged: tuple[Path, int]) -> None:
    home, _ = converged
    with opened(home, toy()) as (study, convergence, gains):
        recorder = Recorder(study, Any, gains, LOSS, Failures(1))  # pyright: ignore[reportArgumentType]
        searcher = StudySearcher(
            study, study.search, LOSS, recorder, lambda: 2, converged=lambda: convergence.converged
        )
        assert searcher.suggest("a") == StudySearcher.FINISHED
        other = StudySearcher(study, study.search, LOSS, recorder, lambda: 2)
        study.finish(other.suggest("a")["number"], "FAIL", "it is not trained")


def test_the_best_trials_of_a_search_that_has_converged_are_repeated(converged: tuple[Path, int]) -> None:
    home, _ = converged
    with opened(home, toy(confirmation__best=1, confirmation__repeats=1)) as (study, convergence, gains):
        recorder = Recorder(study, Any, gains, LOSS, Failures(1))  # pyright: ignore[reportArgumentType]
        searcher = StudySearcher(
            study, study.search, LOSS, recorder, lambda: 2, converged=lambda: convergence.converged
        )
        best = best_trials(study.records(), LOSS, 1)[0]
        asked = searcher.suggest("a")
        assert (asked["confirms"], asked["values"]) == (best.number, best.values)
        assert searcher.suggest("b") is None, "it waits for the repeat"
        study.wait(asked["number"])
        assert reason(study, convergence) is None
        assert not read_search(home, "toys", TOY).is_over(study.search.budget), "the next start resumes the repeat"
        study.finish(asked["number"], "FAIL", "it is not trained")
        assert reason(study, convergence) == "converged"


def test_the_next_start_reads_that_it_has_converged(converged: tuple[Path, int]) -> None:
    home, _ = converged
    record = read_search(home, "toys", TOY)
    assert record.is_over(record.spec.budget)
    with opened(home, toy()) as (study, convergence, _):
        assert reason(study, convergence) == "converged"
        convergence.poll()
        assert convergence.is_idle, "no fresh estimate is needed"


@pytest.mark.parametrize("changes", [{"budget__trials": 80}, {"budget__stop": "budget"}])
def test_another_budget_continues_it(converged: tuple[Path, int], changes: dict[str, object]) -> None:
    home, _ = converged
    assert not read_search(home, "toys", TOY).is_over(toy(**changes).budget)
    with opened(home, toy(**changes)) as (study, convergence, _):
        assert reason(study, convergence) is None
    with opened(home, toy()) as (study, convergence, _):
        assert reason(study, convergence) == "converged"


def test_after_a_larger_budget_it_has_to_converge_again(tmp_path: Path) -> None:
    with opened(tmp_path, toy(budget__trials=80)) as (study, convergence, _):
        train(study, 40)
        study.keep_gain(ExpectedGain(0.01, 0.1, 30, trials=60, below=3))
    with opened(tmp_path, toy(budget__trials=80)) as (study, convergence, gains):
        estimate(convergence, gains)
        gain = study.expected_gain
        assert gain is not None
        assert (gain.finished, gain.trials, gain.below) == (40, 80, 1)
        assert not convergence.converged


def records(home: Path, count: int) -> Sequence[TrialRecord]:
    with open_study(toy(), TOY, home, "toy-1") as study:
        train(study, count)
        return study.records()


def test_the_gain_is_that_over_the_best_full_trial(tmp_path: Path) -> None:
    trials = records(tmp_path, 40)
    of = GainEstimator(toy().space, LOSS)
    found = of(trials)
    assert found is not None
    assert found == GainEstimator(toy().space, LOSS)(trials), "it has no chance"
    full = sorted((t for t in trials if t.state == "COMPLETE"), key=lambda t: t.epochs[-1].report.metrics["loss"].mean)
    without_the_best = of([t for t in trials if t not in full[:-3]])
    assert without_the_best is not None
    lost = full[-3].epochs[-1].report.metrics["loss"].mean - full[0].epochs[-1].report.metrics["loss"].mean
    assert without_the_best[0] > found[0] + 0.5 * lost, "stopped trials show that more is to be gained"


def test_a_metric_that_is_maximised_is_treated_as_its_negative(tmp_path: Path) -> None:
    trials = records(tmp_path, 24)

    def negative(trial: TrialRecord) -> TrialRecord:
        epochs = (
            replace(each, report=replace(each.report, metrics={"loss": FoldValues(tuple(-v for v in values.values))}))
            for each in trial.epochs
            for values in each.report.metrics.values()
        )
        return replace(trial, epochs=tuple(epochs))

    minimised = GainEstimator(toy().space, LOSS)(trials)
    maximised = GainEstimator(toy().space, replace(LOSS, direction="maximise"))([negative(t) for t in trials])
    assert minimised is not None
    assert maximised == pytest.approx(minimised)


def test_with_few_full_trials_or_one_point_nothing_is_estimated(tmp_path: Path) -> None:
    trials = records(tmp_path, 24)
    full = [trial for trial in trials if trial.state == "COMPLETE"]
    assert GainEstimator(toy().space, LOSS)([trial for trial in trials if trial not in full[2:]]) is None
    fixed = toy(space__lr=0.1, space__solver="gradient", space__columns=4)
    assert GainEstimator(fixed.space, LOSS)(trials) is None


def test_equal_results_are_no_error(tmp_path: Path) -> None:
    trials = records(tmp_path, 24)
    curve = next(trial.epochs for trial in trials if trial.state == "COMPLETE")
    found = GainEstimator(toy().space, LOSS)([replace(t, epochs=curve[: len(t.epochs)]) for t in trials])
    assert found is not None
    assert found[0] == pytest.approx(0.0, abs=1e-6)


def test_a_running_search_keeps_enough_trials_to_converge() -> None:
    from data_prep.errors import BadInputError

    assert changed_budget(toy(budget__stop="budget"), ChangeBudget(stop="converged")).stop == "converged"
    with pytest.raises(BadInputError, match=r"at least 20 trials: budget.trials = 12 \(the running search toys\)"):
        changed_budget(toy(), ChangeBudget(trials=12))
