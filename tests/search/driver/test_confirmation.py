"""When the best trials are repeated with other seeds, and which."""

from collections.abc import Generator
from pathlib import Path

import pytest

from models.family import EpochReport
from models.metrics import FoldValues
from search.driver.confirmation import Confirmations
from search.spec.confirmation_section import Confirmation
from search.spec.sampler_section import Points
from search.study.database import open_study
from search.study.writer import Study
from tests.search.driver.toy_searches import TOY, toy
from tests.search.toy_family import LOSS

BEST = 3
REPEATS = 2


@pytest.fixture
def study(tmp_path: Path) -> Generator[Study]:
    search = toy(budget__trials=40, budget__time="100s", confirmation__best=BEST, confirmation__repeats=REPEATS)
    with open_study(search, TOY, tmp_path, "data") as opened:
        yield opened


def finish(study: Study, loss: float, seconds: float = 5.0) -> int:
    """Train the next trial to the end."""
    trial = study.optuna.ask()
    study.search.space(trial)
    study.add_epoch(trial.number, EpochReport(9, {"loss": FoldValues((loss, loss + 1.0))}, seconds))
    study.finish(trial.number, "COMPLETE")
    return trial.number


def confirmed(study: Study) -> list[int]:
    """Return the number of the trial that each repeat confirms."""
    return [
        trial.user_attrs["confirms"]
        for trial in study.optuna.get_trials(deepcopy=False)
        if "confirms" in trial.user_attrs
    ]


def waiting(study: Study, *, seconds_left: float | None = None, capacity: int = 2) -> Confirmations:
    return Confirmations(study, LOSS, lambda: capacity, lambda: seconds_left)


def test_repeats_begin_when_only_their_trials_are_left(study: Study) -> None:
    for loss in (3.0, 1.0, 2.0, 4.0):
        finish(study, loss)
    confirmations = waiting(study)
    confirmations.queue(BEST * REPEATS + 1)
    assert confirmed(study) == []
    for left in range(BEST * REPEATS, 0, -1):
        confirmations.queue(left)
    assert confirmed(study) == [1, 2, 0, 1, 2, 0], "first one repeat of each, the best first"
    confirmations.queue(1)
    assert len(confirmed(study)) == BEST * REPEATS, "no more are needed"


def test_a_lucky_trial_makes_room_for_another(study: Study) -> None:
    for loss in (1.0, 2.0, 3.0, 4.0):
        finish(study, loss)
    confirmations = waiting(study)
    confirmations.queue(3)
    finish(study, 9.0)  # the repeat of the best trial
    for left in (2, 1):
        confirmations.queue(left)
    assert confirmed(study) == [0, 1, 2]
    confirmations.queue(1)
    assert confirmed(study) == [0, 1, 2, 3], "its mean is now the fourth"


@pytest.mark.parametrize(
    ("seconds_left", "capacity", "begins"),
    [
        (31.0, 1, False),  # more than a fifth of 100 s
        (19.0, 1, True),  # six repeats of 5 s would take longer
        (19.0, 3, False),  # they take 10 s
        (14.0, 3, True),
        (4.0, 1, False),  # not one would end
        (None, 1, False),
    ],
)
def test_repeats_begin_in_the_time_that_they_need(
    study: Study, seconds_left: float | None, capacity: int, begins: bool
) -> None:
    for loss in (1.0, 2.0, 3.0, 4.0):
        finish(study, loss)
    waiting(study, seconds_left=seconds_left, capacity=capacity).queue(30)
    assert bool(confirmed(study)) == begins


def test_nothing_is_repeated_without_a_complete_trial(study: Study) -> None:
    waiting(study).queue(1)
    assert confirmed(study) == []


@pytest.mark.parametrize("change", [{"confirmation": Confirmation(best=0)}, {"sampler": Points()}])
def test_it_can_be_switched_off_and_exact_points_are_not_repeated(tmp_path: Path, change: dict[str, object]) -> None:
    search = toy(confirmation__best=BEST, space__solver="gradient", space__columns=2).model_copy(update=change)
    with open_study(search, TOY, tmp_path, "data") as study:
        finish(study, 1.0)
        waiting(study).queue(1)
        assert confirmed(study) == []


@pytest.mark.parametrize(("seconds_left", "begins"), [(34.0, False), (33.0, True), (22.0, False)])
def test_where_a_fifth_of_the_time_is_too_short_for_one_trial_repeats_begin_in_the_last_third(
    study: Study, seconds_left: float, begins: bool
) -> None:
    finish(study, 1.0, seconds=23.0)
    waiting(study, seconds_left=seconds_left).queue(30)
    assert bool(confirmed(study)) == begins
