"""At the end of a search, choose which of the best trials is trained again with another seed.

The best of many trials was partly lucky. A repeat was not chosen for its result, so that the mean with its repeats is
fairer. After each repeat, the best trials are those with the best means, so a trial that was only lucky makes room for
another. All state is in the study: a repeat is a trial that names the one that it confirms.
"""

import math
from collections import Counter
from collections.abc import Callable

from models.metrics import Metric
from search.study.records import CONFIRMS_KEY
from search.study.report import Configuration, configurations
from search.study.writer import Study

_SLACK = 1.5
"""Time that is left for repeats over the time that they take, because slots become free at any moment."""


class Confirmations:
    """The repeats of a search's best trials."""

    def __init__(
        self, study: Study, objective: Metric, capacity: Callable[[], int], seconds_left: Callable[[], float | None]
    ) -> None:
        """Connect what decides when repeats begin.

        Args:
            study: The search's study.
            objective: The metric that is optimised.
            capacity: Returns the current number of parallel trials.
            seconds_left: Returns the time that is left for training (seconds), None without a limit.
        """
        self._study, self._objective = study, objective
        self._capacity, self._seconds_left = capacity, seconds_left

    def queue(self, num_left: int, *, at_once: bool = False) -> None:
        """Queue a repeat of one of the best trials if it is time for that.

        Args:
            num_left: Number of trials that may still be started.
            at_once: Whether it is time in any case, because nothing else is tried.
        """
        search = self._study.search
        if not search.num_repeats:
            return
        left = self._seconds_left()
        is_time = at_once or num_left <= search.num_repeats
        if not is_time and not self._is_late(left, math.inf):
            return
        missing = self._missing()
        if not missing or not (is_time or self._is_late(left, *self._seconds(missing))):
            return
        fewest = min(num for _, num in missing)
        chosen = next(each for each, num in missing if num == fewest)
        if left is None or chosen.trial.seconds <= left:
            self._study.confirm(chosen.trial.number)

    def _is_late(self, left: float | None, one: float, all_of_them: float = math.inf) -> bool:
        """Return whether so little time is left that repeats begin, by how long one and all of them take (seconds)."""
        limit = self._study.search.budget.time
        if left is None or limit is None:
            return False
        return left <= min(all_of_them, self._study.search.confirmation.most_seconds(limit, one))

    def _missing(self) -> list[tuple[Configuration, int]]:
        """Return those of the best trials that need repeats, best first, and how many repeats each has or waits for."""
        settings = self._study.search.confirmation
        known = Counter(trial.user_attrs.get(CONFIRMS_KEY) for trial in self._study.optuna.get_trials(deepcopy=False))
        best = configurations(self._study.records(), self._objective)[: settings.best]
        counted = [(each, known[each.trial.number]) for each in best]
        return [(each, num) for each, num in counted if num < settings.repeats]

    def _seconds(self, missing: list[tuple[Configuration, int]]) -> tuple[float, float]:
        """Estimate how long before the end the first and all missing repeats are to begin (seconds)."""
        repeats, capacity = self._study.search.confirmation.repeats, max(self._capacity(), 1)
        lengths = [each.trial.seconds for each, num in missing for _ in range(repeats - num)]
        return _SLACK * lengths[0], _SLACK * max(lengths) * math.ceil(len(lengths) / capacity)
