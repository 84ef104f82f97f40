# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest
from ray.tune.schedulers import ASHAScheduler
from toy_family import LOSS, TOY_SEARCH, ToyFamily

from data_prep.randomness import stream
from models.family import EpochReport
from models.metrics import FoldValues, Metric
from models.spec import Value
from search.driver.scheduler import ResumableASHA, UnstoppedTrials, make_scheduler
from search.driver.worker import FAILURE
from search.private_apis import asha_rungs
from search.spec.file import parse
from search.spec.whole_search import SearchSpec
from search.study.records import EpochRecord, TrialRecord

SEARCH = parse(TOY_SEARCH, "toy", family=ToyFamily(), overrides={"budget.epochs": 27})


def asha(search: SearchSpec, objective: Metric, past: Sequence[TrialRecord]) -> Any:
    scheduler = make_scheduler(search, objective, past)
    assert isinstance(scheduler, ResumableASHA)
    return scheduler


@dataclass(frozen=True)
class FakeTrial:
    number: int
    attempt: int = 0
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])

    @property
    def trial_id(self) -> str:
        return f"{self.number}-{self.attempt}"

    @property
    def config(self) -> dict[str, Any]:
        return {"number": self.number, "values": self.values, "confirms": None}


def record(number: int, losses: list[float]) -> TrialRecord:
    epochs = tuple(
        EpochRecord(EpochReport(epoch, {"loss": FoldValues((loss,))}, 1.0), 0)
        for epoch, loss in enumerate(losses, start=1)
    )
    return TrialRecord(number, "PRUNED", {}, epochs, datetime(2026, 1, 1), None, "")  # noqa: DTZ001  (Optuna's are naive)


def train(scheduler: Any, trial: FakeTrial, losses: Any) -> list[float]:
    """Report epochs until the scheduler stops the trial; return the reported losses."""
    scheduler.on_trial_add(None, trial)
    reported: list[float] = []
    result: dict[str, float] = {}
    for epoch, loss in enumerate(losses, start=1):
        reported.append(float(loss))
        result = {"epoch": epoch, "loss": float(loss)}
        if scheduler.on_trial_result(None, trial, result) == "STOP":
            break
    scheduler.on_trial_complete(None, trial, result)
    return reported


@pytest.mark.parametrize("seed", range(3))
def test_asha_decides_as_rays_own_even_if_it_is_rebuilt_between_trials(seed: int) -> None:
    curves = stream(seed, "curves").random((30, 27))
    stock = ASHAScheduler(time_attr="epoch", metric="loss", mode="min", max_t=27, grace_period=1, reduction_factor=3)
    past: list[TrialRecord] = []
    for number, curve in enumerate(curves):
        expected = train(stock, FakeTrial(number), curve)
        assert train(asha(SEARCH, LOSS, past), FakeTrial(number), curve) == expected
        past.append(record(number, expected))


def test_a_trial_trained_again_from_a_checkpoint_is_judged_once() -> None:
    curves = stream(0, "curves").random((10, 27))
    curves[4] = 0.0
    past = [record(number, list(curve[:9])) for number, curve in enumerate(curves)]
    worse = curves[4] + 5.0
    again = asha(SEARCH, LOSS, past)
    again.on_trial_add(None, FakeTrial(4, attempt=1))
    for epoch in range(4, 10):
        assert again.on_trial_result(None, FakeTrial(4, 1), {"epoch": epoch, "loss": worse[epoch - 1]}) == "CONTINUE"
    assert {epoch: len(values) for epoch, values in asha_rungs(again).items()} == {27: 0, 9: 10, 3: 10, 1: 10}


def test_a_failed_trial_is_stopped_and_not_recorded() -> None:
    scheduler = asha(SEARCH, LOSS, [])
    trial = FakeTrial(0)
    scheduler.on_trial_add(None, trial)
    assert scheduler.on_trial_result(None, trial, {"epoch": 1, "loss": float("nan"), FAILURE: "x"}) == "STOP"
    scheduler.on_trial_error(None, trial)
    assert not any(asha_rungs(scheduler).values())


def test_more_is_better_for_a_metric_to_maximise() -> None:
    metric = replace(LOSS, direction="maximise")
    past = [record(number, [float(number)]) for number in range(9)]
    scheduler = asha(SEARCH, metric, past)
    for number, expected in ((20, "CONTINUE"), (3, "STOP")):
        scheduler.on_trial_add(None, FakeTrial(100 + number))
        decision = scheduler.on_trial_result(None, FakeTrial(100 + number), {"epoch": 1, "loss": float(number)})
        assert decision == expected


def test_a_stop_that_was_not_recorded_is_decided_again() -> None:
    """Train trials in lockstep; if the driver dies before it records a stop, the trial must be overdue afterwards."""
    curves = stream(0, "curves").random((12, 27))
    scheduler: Any = asha(SEARCH, LOSS, [])
    epochs: dict[int, list[EpochRecord]] = {number: [] for number in range(len(curves))}
    stopped: list[int] = []
    for at in range(27):
        for number in sorted(set(epochs) - set(stopped)):
            loss = float(curves[number, at])
            epochs[number].append(
                EpochRecord(EpochReport(at + 1, {"loss": FoldValues((loss,))}, 1.0), 100 * at + number)
            )
            verdict = scheduler.on_trial_result(None, _added(scheduler, number, at), {"epoch": at + 1, "loss": loss})
            past = [
                TrialRecord(other, "PRUNED" if other in stopped else "WAITING", {}, tuple(reported), None, None, "")
                for other, reported in epochs.items()
            ]
            stops = verdict == "STOP" and at + 1 < 27
            assert asha(SEARCH, LOSS, past).overdue == ((number,) if stops else ())
            stopped += [number] if stops else []
    assert 6 < len(stopped) < 12


def _added(scheduler: Any, number: int, at: int) -> FakeTrial:
    if at == 0:
        scheduler.on_trial_add(None, FakeTrial(number))
    return FakeTrial(number)


def test_without_a_scheduler_every_trial_trains_to_its_full_budget_or_fails() -> None:
    search = parse(TOY_SEARCH.replace("first_rung = 1\nreduction = 3", 'kind = "none"'), "toy", family=ToyFamily())
    scheduler: Any = make_scheduler(search, LOSS, [record(0, [1.0])])
    assert isinstance(scheduler, UnstoppedTrials)
    assert scheduler.overdue == ()
    for number, losses in enumerate(([1.0] * 20, [float(epoch) for epoch in range(20)])):
        assert train(scheduler, FakeTrial(number), losses) == losses[:9]
    assert scheduler.on_trial_result(None, FakeTrial(2), {"epoch": 0, "loss": float("nan"), FAILURE: "x"}) == "STOP"


def test_a_trial_that_starts_behind_is_not_judged_at_the_first_rung() -> None:
    text = TOY_SEARCH.replace("reduction = 3", 'reduction = 3\nlate = ["momentum", "columns"]')
    search = parse(text, "toy", family=ToyFamily(), overrides={"budget.epochs": 27})
    others = [record(number, [1.0] * 9) for number in range(9)]
    slow = {"columns": 8}
    curve = [5.0, 5.0, *[0.0] * 25]
    assert len(train(asha(search, LOSS, others), FakeTrial(9, values=slow), curve)) == 27
    assert len(train(asha(search, LOSS, others), FakeTrial(9, values={"columns": 4}), curve)) == 1
    past = [*others, replace(record(9, curve[:3]), values=slow)]
    again = asha(search, LOSS, past)
    assert {epoch: len(values) for epoch, values in asha_rungs(again).items()} == {27: 0, 9: 9, 3: 10, 1: 9}
    worse = [5.0, 5.0, 5.0, *[0.0] * 24]
    assert len(train(again, FakeTrial(10, values=slow), worse)) == 3, "it is judged at the second rung"


def test_without_rungs_a_trial_that_starts_behind_ends_with_its_budget() -> None:
    text = TOY_SEARCH.replace("reduction = 3", 'reduction = 3\nlate = ["columns"]')
    search = parse(text, "toy", family=ToyFamily(), overrides={"budget.epochs": 1})
    assert len(train(asha(search, LOSS, []), FakeTrial(0, values={"columns": 8}), [1.0] * 9)) == 1
