"""What a search costs its driver, measured in a real one on Ray, by kind of event.

Ray Tune's controller handles one event a step: it receives a report, decides, and lets the trial continue, or ends
the trial, asks for another one and sends it to the free worker. Its cost is processor time of the driver's thread, so
that other programs do not count. Trials with epochs of known lengths show how long a worker's answer takes on its way.
"""

import random
import statistics
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

from overhead import EmptyFamily, make_tables

from cluster.session import connect
from models.spec import Value
from search.spec.file import SearchSpec
from search.study.database import read_search
from search.study.observer import SilentObserver
from search.study.states import StateName
from simulated.recording import Recording
from simulated.replayed import ReplayedFamily

_TURNS = 100


@dataclass(frozen=True)
class Costs:
    """Seconds, medians or means of a real search.

    Attributes:
        wait: The driver's time to find which of all workers' answers is there, part of every event.
        epoch: The driver's time for a report after which the trial continues, without this project's share.
        trial: The same for a trial's end and the next one's start in its place.
        own_epoch: This project's share of a report: scheduler and study.
        mlflow: Of other threads for a report; it is MLflow's that works.
        way: From a worker to the driver and back, for a report.
        start: From the driver to a worker, for a trial.
        first_start: The same for a worker's first trial: its process starts and imports.
    """

    wait: float
    epoch: float
    trial: float
    own_epoch: float
    mlflow: float
    way: float
    start: float
    first_start: float


@dataclass
class _Step:
    busy: float
    own: float
    kinds: frozenset[str]
    idle: bool


@dataclass
class Meter(SilentObserver):
    """Measures every step of Ray Tune's controller, and when trials report.

    Attributes:
        steps: The steps.
        reported: When each trial reported, by number.
        started: When each trial started.
        num_epochs: Number of all reports.
        others: Processor time of the driver's other threads.
        seconds: From the first start to the last end.
    """

    steps: list[_Step] = field(default_factory=list[_Step])
    reported: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    started: dict[int, float] = field(default_factory=dict[int, float])
    num_epochs: int = 0
    others: float = 0.0
    seconds: float = 0.0
    _own: float = 0.0
    _depth: int = 0
    _kinds: set[str] = field(default_factory=set[str])
    _heard: bool = False

    def trial_started(self, number: int, values: Mapping[str, Value]) -> None:
        """Note a start."""
        del values
        self._kinds.add("started")
        self.started[number] = time.perf_counter()

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Note a report."""
        del epoch, mean, standard_error
        self._kinds.add("epoch")
        self.num_epochs += 1
        self.reported.setdefault(number, []).append(time.perf_counter())

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Note an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self._kinds.add("ended")
        self.seconds = time.perf_counter() - min(self.started.values())

    @contextmanager
    def measuring(self) -> Generator[None]:
        """Time the methods of Ray and of this project that a step consists of."""
        from ray.air.execution._internal.actor_manager import RayActorManager
        from ray.tune.execution.tune_controller import TuneController

        from search.driver.scheduler import ResumableASHA
        from search.driver.searcher import StudySearcher

        step, hear = TuneController.step, RayActorManager.next

        def noted_hear(*arguments: Any, **named: Any) -> bool:
            self._heard = hear(*arguments, **named) or self._heard
            return self._heard

        def timed_step(controller: Any) -> None:
            self._own, self._heard = 0.0, False
            self._kinds.clear()
            began = time.thread_time()
            step(controller)
            busy, idle = time.thread_time() - began, not self._heard and not self._own
            self.steps.append(_Step(busy, self._own, frozenset(self._kinds), idle))

        with ExitStack() as stack:
            stack.enter_context(patch.object(TuneController, "step", timed_step))
            stack.enter_context(patch.object(RayActorManager, "next", noted_hear))
            for owner, names in (
                (StudySearcher, ("suggest", "on_trial_result", "on_trial_complete")),
                (ResumableASHA, ("on_trial_result",)),
            ):
                for name in names:
                    stack.enter_context(patch.object(owner, name, self._timed(getattr(owner, name))))
            process, thread = time.process_time(), time.thread_time()
            yield
            self.others = time.process_time() - process - (time.thread_time() - thread)

    def _timed(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.thread_time()
            self._depth += 1
            try:
                return method(*arguments, **named)
            finally:
                self._depth -= 1
                if not self._depth:  # one may call another
                    self._own += time.thread_time() - began

        return timed


def run_real(recording: Recording, search: SearchSpec, slots: int, home: Path) -> tuple[Meter, Costs]:
    """Run a real search on Ray whose trials sleep as the recorded ones trained.

    Args:
        recording: What trials do.
        search: The search.
        slots: Trials at once; processors are not really needed, for they sleep.
        home: A home folder.

    Returns:
        What was measured, and the costs read off it.
    """
    meter = Meter()
    with connect(num_cpus=slots):
        wait = wait_among([slots])[slots]
        from search.driver.search_run import SearchTask, Workers, run

        make_tables(home)
        with meter.measuring():
            run(SearchTask(search, ReplayedFamily(), recording, "none", home), meter, Workers(slots))
    trials = read_search(home, search.name, EmptyFamily()).trials
    assert len(trials) == search.budget.trials
    return meter, _costs(meter, recording, (slots, wait), {trial.number: trial.values for trial in trials})


def wait_among(slots: Sequence[int]) -> dict[int, float]:
    """Measure how long Ray takes to find one answer among those that many workers still owe.

    Args:
        slots: Numbers of workers; of each the driver awaits a report and its end.

    Returns:
        Seconds by number of workers.
    """
    import ray as library  # it is connected, so it is quiet

    ray: Any = library  # partly untyped

    @ray.remote(num_cpus=0)
    class Slow:
        def answer(self, seconds: float) -> None:
            time.sleep(seconds)

    actor: Any = Slow.remote()
    ray.get(actor.answer.remote(0.0))
    pending = [actor.answer.remote(1e6) for _ in range(2 * max(slots))]
    found: dict[int, float] = {}
    for num in slots:
        taken: list[float] = []
        for _ in range(_TURNS):
            began = time.thread_time()
            answers = list(pending[: 2 * num])
            random.shuffle(answers)  # as Ray Tune does
            ray.wait(answers, num_returns=1, timeout=0)
            taken.append(time.thread_time() - began)
        found[num] = statistics.median(taken)
    ray.kill(actor)
    return found


def _costs(
    meter: Meter, recording: Recording, waiting: tuple[int, float], values: Mapping[int, Mapping[str, Value]]
) -> Costs:
    """Read the costs off the steps between the start of as many trials as there are workers and the last one's."""
    slots, wait = waiting
    begun = [index for index, one in enumerate(meter.steps) if "started" in one.kinds]
    steps = [one for one in meter.steps[begun[slots - 1] + 1 : begun[-1] + 1] if not one.idle]
    reports = [one for one in steps if one.kinds == frozenset({"epoch"})]
    others = [one for one in steps if one.kinds != frozenset({"epoch"})]
    own = statistics.median(one.own for one in reports)
    epoch = statistics.median(one.busy - one.own for one in reports)
    cold = sorted(meter.started, key=lambda number: meter.started[number])[:slots]
    ways: list[float] = []
    starts: list[float] = []
    first_starts: list[float] = []
    for number, times in meter.reported.items():
        lengths = recording.seconds(values[number], number)
        pairs = zip(times, times[1:], lengths[1:], strict=False)
        ways += [after - before - length - epoch - own for before, after, length in pairs]
        (first_starts if number in cold else starts).append(times[0] - meter.started[number] - lengths[0])
    return Costs(
        wait=wait,
        epoch=epoch - wait,
        trial=sum(one.busy - one.own for one in others) / (len(begun) - slots) - 2 * wait,
        own_epoch=own,
        mlflow=meter.others / meter.num_epochs,
        way=max(0.0, statistics.mean(ways)),
        start=max(0.0, statistics.mean(starts)),
        first_start=statistics.mean(first_starts),
    )
