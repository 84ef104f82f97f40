"""Whether a search has converged: estimate the gain of further trials, in a thread, after every few trials."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from numpy.linalg import LinAlgError
from optuna.trial import FrozenTrial, TrialState

from models.metrics import Metric
from search.driver.expected_gain import GainEstimator
from search.spec.sections import NEXT_TRIALS
from search.study.observer import Observer
from search.study.records import ExpectedGain, make_record
from search.study.writer import Study

_EVERY = 5
"""Finished trials between two estimates."""

_SHARE = 0.05
"""The same as a share of all finished trials, if that is more: the time of an estimate grows with them."""


def is_due(finished: int, asked_at: int) -> bool:
    """Return whether to make an estimate, by the number of finished trials now and at the last one (0 for none)."""
    return finished >= max(NEXT_TRIALS, asked_at + max(_EVERY, int(_SHARE * finished)))


class Convergence:
    """The expected gain of a running search, and whether that ends it.

    Everything but the estimate itself runs on the driver's main thread.
    """

    def __init__(self, study: Study, objective: Metric, num_finished: Callable[[], int], observer: Observer) -> None:
        """Initialize from what earlier starts recorded.

        Args:
            study: The search's study, with the current budget.
            objective: The metric that is optimised.
            num_finished: Returns the number of finished trials.
            observer: Shows the estimates.
        """
        self._study, self._num_finished, self._observer = study, num_finished, observer
        self._estimate = GainEstimator(study.search.space, objective)
        self._thread = ThreadPoolExecutor(1, "expected gain")
        self._running: Future[tuple[float, float] | None] | None = None
        self._newest = study.expected_gain
        self._asked_at = self._newest.finished if self._newest else 0

    @property
    def converged(self) -> bool:
        """Whether the search ends because its further trials are expected to gain too little."""
        return self._newest is not None and self._newest.ends(self._study.search.budget)

    @property
    def is_idle(self) -> bool:
        """Whether no estimate is being made."""
        return self._running is None

    def poll(self) -> None:
        """Record an estimate that is done, and begin the next one when it is due."""
        if self._running is not None and self._running.done():
            self._take(self._running)
            self._running = None
        finished = self._num_finished()
        if self.is_idle and is_due(finished, self._asked_at) and not self.converged:
            self._asked_at = finished
            states = (TrialState.COMPLETE, TrialState.PRUNED)  # the thread reads only trials that no longer change
            trials = self._study.optuna.get_trials(deepcopy=False, states=states)
            self._running = self._thread.submit(self._work, trials)

    def close(self) -> None:
        """Begin no further estimate, and do not wait for one."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _work(self, trials: list[FrozenTrial]) -> tuple[float, float] | None:
        return self._estimate([make_record(trial, self._study.search.space) for trial in trials])

    def _take(self, done: Future[tuple[float, float] | None]) -> None:
        try:
            estimate = done.result()
        except LinAlgError:  # of values that no process fits; the next trials change them
            return
        if estimate is None:
            return
        gain, error = estimate
        trials = self._study.search.budget.trials
        self._newest = ExpectedGain.after(self._newest, gain, error, self._asked_at, trials)
        self._study.keep_gain(self._newest)
        self._observer.expected_gain(gain, error)
