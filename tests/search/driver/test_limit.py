"""The time limit of a search includes the work after training."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from search.driver.convergence import Convergence
from search.driver.failures import Failures
from search.driver.limit import Limit, StopRequest
from search.spec.file import parse
from search.study.database import open_study, read_search
from search.study.observer import SilentObserver
from search.study.writer import Study

TOY = ToyFamily()
SEARCH = parse(TOY_SEARCH, "toy.toml", family=TOY, overrides={"budget.time": "1000m"})


def none_yet(study: Study) -> Convergence:
    """Return the convergence of a search without trials."""
    return Convergence(study, LOSS, lambda: 0, SilentObserver())


@contextmanager
def limited(home: Path, minutes: float, later: float = 0.0) -> Generator[tuple[Limit, Study]]:
    """Open a search of 1000 minutes that started ``minutes`` ago and needs ``later`` minutes after training."""
    with open_study(SEARCH, TOY, home, "toy-1", began=time.monotonic() - 60 * minutes) as study:
        yield Limit(study, Failures(1), StopRequest(), lambda: 60 * later, none_yet(study)), study


@pytest.mark.parametrize(
    ("minutes", "later", "is_up"),
    [(0, 0, False), (990, 0, False), (1001, 0, True), (900, 50, False), (900, 120, True), (700, 900, False)],
)
def test_trials_end_in_time_for_the_work_after_training(tmp_path: Path, minutes: int, later: int, is_up: bool) -> None:
    with limited(tmp_path, minutes, later) as (limit, _):
        assert limit.stop_all() is is_up
        assert limit.reason == ("time" if is_up else None)


def test_at_most_a_quarter_of_the_time_is_reserved_for_the_work_after_training(tmp_path: Path) -> None:
    with limited(tmp_path, 760, later=5000) as (limit, _):
        assert limit.reason == "time"


def test_time_stays_up_when_the_reserved_time_is_not_needed(tmp_path: Path) -> None:
    reserved = [60 * 120.0]
    with open_study(SEARCH, TOY, tmp_path, "toy-1", began=time.monotonic() - 60 * 900) as study:
        limit = Limit(study, Failures(1), StopRequest(), lambda: reserved[0], none_yet(study))
        assert limit.reason == "time"
        reserved[0] = 0.0
        assert limit.reason == "time"


def test_the_time_of_all_starts_counts(tmp_path: Path) -> None:
    with limited(tmp_path, 400) as (_, study):
        study.keep_seconds()
    assert 60 * 400 <= read_search(tmp_path, "toys", TOY).seconds < 60 * 500
    with limited(tmp_path, 500) as (limit, study):
        assert limit.seconds_left is not None
        assert limit.seconds_left < 60 * 101
        study.keep_seconds(60 * 1000)
    assert read_search(tmp_path, "toys", TOY).seconds >= 60 * 1000, "the rest was too short for trials"


def test_a_request_to_stop_and_a_failure_stop_all_trials(tmp_path: Path) -> None:
    stop, failures = StopRequest(), Failures(1)
    with open_study(SEARCH, TOY, tmp_path, "toy-1") as study:
        limit = Limit(study, failures, stop, float, none_yet(study))
        assert (limit.stop_all(), limit.reason) == (False, None)
        with failures.guard():
            raise OSError(28, "No space left on device", "study.journal")
        assert (limit.stop_all(), limit.reason) == (True, None)
        stop.made = True
        assert (limit.stop_all(), limit.reason) == (True, "interrupted")
