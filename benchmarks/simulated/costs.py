"""The driver's costs of a search by kind of event, measured in a real search on Ray.

Ray Tune's controller handles one event per step. It receives a report and decides: the trial continues, or it ends, and
the next trial is proposed and sent to the free worker. The cost is CPU time of the driver's thread, so that other
programs do not count. Trials with epochs of known lengths show how long a message from a worker takes.
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
    """Times of a real search in seconds, medians or means.

    Attributes:
        wait: The driver's time to find the worker that has answered; part of every event.
        epoch: The driver's time for a report after which the trial continues, without ``own_epoch``.
        trial: The driver's time to end a trial and start the next, likewise.
        own_epoch: The time of our scheduler and study for a report.
        mlflow: The time of MLflow's thread for a report.
        way: The time of a report from a worker to the driver, and of the decision back.
        start: The time from the driver's request to a trial's start on a worker.
        first_start: The same for a worker's first trial, including the start of its process and imports.
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
    """Measure every step of Ray Tune's controller, and record when trials report.

    Attributes:
        steps: The steps.
        reported: Times of each trial's reports, by trial number.
        started: Start time of each trial.
        num_epochs: Number of all reports.
        others: CPU time of the driver's other threads.
        seconds: Time from the first start to the last end.
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
    _had_event: bool = False

    def trial_started(self, number: int, values: Mapping[str, Value], confirms: int | None = None) -> None:
        """Record a start."""
        del values, confirms
        self._kinds.add("started")
        self.started[number] = time.perf_counter()

    def epoch(self, number: int, epoch: int, mean: float, standard_error: float) -> None:
        """Record a report."""
        del epoch, mean, standard_error
        self._kinds.add("epoch")
        self.num_epochs += 1
        self.reported.setdefault(number, []).append(time.perf_counter())

    def trial_ended(self, number: int, state: StateName, reason: str = "") -> None:
        """Record an end."""
        assert state in ("COMPLETE", "PRUNED"), (number, state, reason)
        self._kinds.add("ended")
        self.seconds = time.perf_counter() - min(self.started.values())

    @contextmanager
    def measuring(self) -> Generator[None]:
        """Time the methods of Ray and of this project that make up a step."""
        from ray.air.execution._internal.actor_manager import RayActorManager
        from ray.tune.execution.tune_controller import TuneController

        from search.driver.scheduler import ResumableASHA
        from search.driver.searcher import StudySearcher

        step, next_event = TuneController.step, RayActorManager.next

        def recorded_next(*arguments: Any, **named: Any) -> bool:
            self._had_event = next_event(*arguments, **named) or self._had_event
            return self._had_event

        def timed_step(controller: Any) -> None:
            self._own, self._had_event = 0.0, False
            self._kinds.clear()
            began = time.thread_time()
            step(controller)
            busy, idle = time.thread_time() - began, not self._had_event and not self._own
            self.steps.append(_Step(busy, self._own, frozenset(self._kinds), idle))

        with ExitStack() as stack:
            stack.enter_context(patch.object(TuneController, "step", timed_step))
            stack.enter_context(patch.object(RayActorManager, "next", recorded_next))
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
                if not self._depth:  # a timed method may call another
                    self._own += time.thread_time() - began

        return timed


def run_real(recording: Recording, search: SearchSpec, slots: int, home: Path) -> tuple[Meter, Costs]:
    """Run a real search on Ray whose trials sleep as long as the recorded ones trained.

    Args:
        recording: Learning curves and epoch lengths of trials.
        search: The search.
        slots: Number of trials at once; it can exceed the number of CPUs, since the trials sleep.
        home: A home folder.

    Returns:
        The measurements, and the costs computed from them.
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
    """Measure how long Ray takes to look for an answer among pending ones.

    Args:
        slots: Numbers of workers; the driver waits for two answers of each, a report and its end.

    Returns:
        Seconds by number of workers.
    """
    import ray as library

    ray: Any = library  # partly untyped

    @ray.remote(num_cpus=0)
    class Slow:
        def answer(self, seconds: float) -> None:
            time.sleep(seconds)

    actor: Any = Slow.remote()
    ray.get(actor.answer.remote(0.0))
    pending = [actor.answer.remote(1e6) for _ in range(2 * max(slots))]
    waits: dict[int, float] = {}
    for num in slots:
        taken: list[float] = []
        for _ in range(_TURNS):
            began = time.thread_time()
            answers = pending[: 2 * num]
            random.shuffle(answers)  # as Ray Tune does
            ray.wait(answers, num_returns=1, timeout=0)
            taken.append(time.thread_time() - began)
        waits[num] = statistics.median(taken)
    ray.kill(actor)
    return waits


def _costs(
    meter: Meter, recording: Recording, waiting: tuple[int, float], values: Mapping[int, Mapping[str, Value]]
) -> Costs:
    """Return the costs, from the steps after all workers have a trial until the last trial starts."""
    slots, wait = waiting
    starting = [index for index, step in enumerate(meter.steps) if "started" in step.kinds]
    steps = [step for step in meter.steps[starting[slots - 1] + 1 : starting[-1] + 1] if not step.idle]
    reports = [step for step in steps if step.kinds == frozenset({"epoch"})]
    others = [step for step in steps if step.kinds != frozenset({"epoch"})]
    own = statistics.median(step.own for step in reports)
    epoch = statistics.median(step.busy - step.own for step in reports)
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
        trial=sum(step.busy - step.own for step in others) / (len(starting) - slots) - 2 * wait,
        own_epoch=own,
        mlflow=meter.others / meter.num_epochs,
        way=max(0.0, statistics.mean(ways)),
        start=max(0.0, statistics.mean(starts)),
        first_start=statistics.mean(first_starts),
    )
