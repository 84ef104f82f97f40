"""A search on many GPUs on a virtual clock, with decisions by the real code, recorded curves and measured costs.

The driver is one thread: an event that arrives while it is busy waits. The time of tunesmith's code for each event
(ASHA, the sampler, the study's journal on the disk) is measured when it is called and added to the simulated clock;
Ray's time is measured before (costs.py). MLflow's thread writes for at most half of the time and then shares Python's
interpreter with the driver, so the driver's times are multiplied by 1.5.
"""

import heapq
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from optuna.samplers import BaseSampler
from overhead import EmptyFamily

from models.family import EpochReport
from models.spec import Value
from search.driver.failures import Failures
from search.driver.recorder import Recorder
from search.driver.scheduler import make_scheduler
from search.driver.searcher import StudySearcher
from search.driver.worker import write_report
from search.spec.file import AnyFamily, SearchSpec
from search.study.database import open_study
from search.study.observer import SilentObserver
from search.study.records import TrialRecord
from search.study.states import StateName
from simulated.costs import Costs

SHARED_INTERPRETER = 1.5
_Array = NDArray[np.float64]


class Curves(Protocol):
    """Where the learning curves of simulated trials come from."""

    def reports(self, values: Mapping[str, Value], number: int) -> list[EpochReport]:
        """Return the reports of all epochs of a trial, by its hyperparameters and its number."""
        ...


@dataclass(frozen=True)
class Trial:
    """The attributes of Ray's trials that our code reads."""

    trial_id: str
    config: Mapping[str, Any]


class NoTracking:
    """Discard records for MLflow; the cost of its thread is included in ``SHARED_INTERPRETER``."""

    def put(self, record: object) -> None:
        """Discard a record."""

    def messages(self) -> list[str]:
        """Return no messages."""
        return []


@dataclass
class _Running:
    trial: Trial
    reports: list[EpochReport]
    epoch: int = 0


@dataclass
class SimulatedSearch:
    """The result of a simulated search; times in seconds on its clock.

    Attributes:
        slots: Number of GPUs.
        busy: Start and end of each epoch.
        slot_of: GPU of each epoch.
        last_start: When the last trial was proposed.
        all_started: When the last GPU began its first epoch.
        end: When the last trial ended.
        driver_busy: How long the driver was busy until the last trial was proposed.
        gaps: Idle times of a GPU between two epochs of a trial.
        changes: Idle times of a GPU between a trial and the next.
        peers: For each decision at a rung, the number of trials that reached it before.
        ask_seconds: Time of each proposal.
        states: Number of trials by final state.
        winner: Objective and hyperparameters of the best full trial.
        finished: When each full trial ended, its objective and its hyperparameters.
        trials: When each trial ended, and its record in the study, in that order.
    """

    slots: int
    busy: list[tuple[float, float]] = field(default_factory=list[tuple[float, float]])
    slot_of: list[int] = field(default_factory=list[int])
    last_start: float = 0.0
    all_started: float = 0.0
    end: float = 0.0
    driver_busy: float = 0.0
    gaps: list[float] = field(default_factory=list[float])
    changes: list[float] = field(default_factory=list[float])
    peers: list[int] = field(default_factory=list[int])
    ask_seconds: list[float] = field(default_factory=list[float])
    states: dict[StateName, int] = field(default_factory=dict[StateName, int])
    winner: tuple[float, Mapping[str, Value]] = (float("inf"), {})
    finished: list[tuple[float, float, Mapping[str, Value]]] = field(
        default_factory=list[tuple[float, float, Mapping[str, Value]]]
    )
    trials: list[tuple[float, TrialRecord]] = field(default_factory=list[tuple[float, TrialRecord]])

    def utilisation(self, begin: float, end: float) -> float:
        """Return the share of GPU time in an interval that is spent in epochs."""
        edges = np.array([begin, end])
        return float(np.diff(self._busy_until(edges))[0] / ((end - begin) * self.slots))

    def curve(self, bins: int) -> tuple[_Array, _Array]:
        """Return the centres of that many intervals, and the share of busy GPUs in each."""
        edges = np.linspace(0.0, self.end, bins + 1)
        return (edges[1:] + edges[:-1]) / 2, np.diff(self._busy_until(edges)) / (np.diff(edges) * self.slots)

    def _busy_until(self, moments: _Array) -> _Array:
        begins, ends = np.array(self.busy).T
        return np.array([np.clip(np.minimum(ends, moment) - begins, 0.0, None).sum() for moment in moments])


class Simulation(SilentObserver):
    """A search to simulate."""

    def __init__(
        self,
        curves: Curves,
        search: SearchSpec,
        costs: Costs,
        *,
        slots: int,
        home: Path,
        start_up: float,
        family: AnyFamily | None = None,
        change: Callable[[BaseSampler], BaseSampler] = lambda sampler: sampler,
    ) -> None:
        """Prepare the simulation.

        Args:
            curves: Learning curves and epoch lengths of trials.
            search: The search.
            costs: Ray's costs.
            slots: Number of GPUs.
            home: A home folder for the study.
            start_up: Time from requesting a worker to its first epoch (seconds).
            family: The family; by default the composer's hyperparameters.
            change: Makes the sampler that is used from that of the search.
        """
        self._curves, self._costs, self._home, self._start_up = curves, costs, home, start_up
        self._search, self._family, self._change = search, family or EmptyFamily(), change
        self._left = search.budget.trials
        self._free_at = 0.0
        self._idle_since: dict[int, float] = {}
        self._running: dict[int, _Running] = {}
        self._ready: list[tuple[float, int]] = []
        self._ended: list[tuple[float, int]] = []
        self.outcome = SimulatedSearch(slots)

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Count the trial's state."""
        assert not reason, (number, reason)
        self._ended.append((self._free_at, number))
        self.outcome.states[state] = self.outcome.states.get(state, 0) + 1

    def run(self) -> SimulatedSearch:
        """Run the search to its end."""
        objective, tracking = self._family.metrics[0], cast("Any", NoTracking())
        with open_study(self._search, self._family, self._home, "none") as study:
            failures = Failures(self.outcome.slots)
            recorder = Recorder(study, tracking, self, objective, failures)
            self._searcher = StudySearcher(
                study, self._search, objective, recorder, capacity=lambda: self.outcome.slots
            )
            study.optuna.sampler = self._change(study.optuna.sampler)
            self._scheduler: Any = make_scheduler(self._search, objective, ())
            decisions = self._search.scheduler.checkpoint_epochs(self._search.budget.epochs)
            self._reached = dict.fromkeys(decisions, 0)
            for slot in range(min(self.outcome.slots, self._left)):  # Ray Tune proposes all before it starts any
                self._propose(slot)
            for slot in self._running:
                self._train(slot, self._free_at + self._costs.start + self._start_up)
            self.outcome.all_started = max(begin for begin, _ in self.outcome.busy)
            while self._ready:
                self._report(*heapq.heappop(self._ready))
            assert failures.error is None, failures.error
            records = {record.number: record for record in study.records()}
            self.outcome.trials = [(at, records[number]) for at, number in self._ended]
        return self.outcome

    def _charge(self, ray_seconds: float, call: Callable[..., Any], *arguments: Any) -> Any:
        """Call a function of the driver, and advance the clock by its time and Ray's."""
        began = time.thread_time()
        result = call(*arguments)
        taken = SHARED_INTERPRETER * (ray_seconds + time.thread_time() - began)
        self._free_at += taken
        self.outcome.driver_busy += taken if self._left else 0.0
        return result

    def _propose(self, slot: int) -> None:
        name = str(self._left)
        before = self._free_at
        config = self._charge(2 * self._costs.wait + self._costs.trial, self._searcher.suggest, name)
        self._left -= 1
        trial = Trial(name, config)
        self._charge(0.0, self._scheduler.on_trial_add, None, trial)
        self.outcome.ask_seconds.append(self._free_at - before)
        self.outcome.last_start = self._free_at
        number, values = config["number"], config["values"]
        self._running[slot] = _Running(trial, self._curves.reports(values, number))

    def _train(self, slot: int, begin: float) -> None:
        running = self._running[slot]
        end = begin + running.reports[running.epoch].seconds
        running.epoch += 1
        idle_since = self._idle_since.get(slot)
        if idle_since is not None:
            (self.outcome.gaps if running.epoch > 1 else self.outcome.changes).append(begin - idle_since)
        self.outcome.busy.append((begin, end))
        self.outcome.slot_of.append(slot)
        self._idle_since[slot] = end
        heapq.heappush(self._ready, (end + self._costs.way / 2, slot))

    def _report(self, at: float, slot: int) -> None:
        """Let the driver handle a report as soon as it is free."""
        self._free_at = max(self._free_at, at)
        running = self._running[slot]
        report = running.reports[running.epoch - 1]
        result = write_report(report)
        if running.epoch in self._reached:
            self.outcome.peers.append(self._reached[running.epoch])
            self._reached[running.epoch] += 1
        decision = self._charge(
            self._costs.wait + self._costs.epoch, self._scheduler.on_trial_result, None, running.trial, result
        )
        if decision == "CONTINUE":
            self._charge(0.0, self._searcher.on_trial_result, running.trial.trial_id, result)
            self._train(slot, self._free_at + self._costs.way / 2)
            return
        self._charge(0.0, self._scheduler.on_trial_complete, None, running.trial, result)
        self._charge(0.0, self._searcher.on_trial_complete, running.trial.trial_id, result)
        if running.epoch == self._search.budget.epochs:
            objective = self._family.metrics[0]
            candidate = (objective.cost(report.metrics[objective.name].mean), running.trial.config["values"])
            self.outcome.winner = min(self.outcome.winner, candidate, key=itemgetter(0))
            self.outcome.finished.append((self._free_at, *candidate))
        self.outcome.end = self._free_at
        if self._left:
            self._propose(slot)
            self._train(slot, self._free_at + self._costs.start)
