"""Errors that end a search: an error on the driver, a full disk, or trials that all fail.

Ray's loop may swallow an exception or break on it, so the first error is stored and raised after the loop.
"""

from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager

from data_prep.errors import Action, BadInputError
from data_prep.storage.object_store import DISK_FULL, UnusableStoreError
from data_prep.wording import counted
from search.study.records import TrialRecord
from search.study.states import StateName


class Failures:
    """Collects the errors and finished trials of one start of a search.

    Attributes:
        error: The first error on the driver or in its storage, which ends the search; None if there was none.
        ended: Number of trials that this start finished, by state.
    """

    def __init__(self, slots: int) -> None:
        """Initialize without failures.

        Args:
            slots: Number of parallel trials; the failures after which a search stops scale with it.
        """
        self.error: Exception | None = None
        self.ended: Counter[StateName] = Counter()
        self._num_suspicious = max(5, 2 * slots + 1)
        self._all_fail = False
        self._first_reason = ""

    @contextmanager
    def guard(self) -> Generator[None]:
        """Store an error instead of raising it."""
        try:
            yield
        except Exception as error:  # noqa: BLE001  (it is raised again after Ray's loop)
            self.keep(error)

    def keep(self, error: Exception) -> None:
        """Store an error that ends the search, if it is the first."""
        self.error = self.error or error

    def trial_ended(self, state: StateName, reason: str) -> None:
        """Count a finished trial."""
        self.ended[state] += 1
        if state == "FAIL":
            self._first_reason = self._first_reason or reason

    def must_stop(self) -> bool:
        """Return whether there is an error, or the first trials all failed: then hyperparameters are not the cause."""
        if set(self.ended) == {"FAIL"} and self.ended["FAIL"] >= self._num_suspicious:
            self._all_fail = True
        return self._all_fail or self.error is not None

    def raise_error(self, name: str) -> None:
        """Raise the error that ended the search, if there is one.

        Args:
            name: The search's name.
        """
        error, resume = self.error, Action("resume search", {"search": name})
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise BadInputError(
                "a search needs room to write",
                str(error.strerror),
                error.filename or "its study",
                "make room and resume the search, nothing recorded is lost",
                resume,
            )
        if isinstance(error, UnusableStoreError):
            remedy = f"{error.remedy}; then " if error.remedy else ""
            remedy += "resume the search, nothing recorded is lost"
            raise UnusableStoreError(error.rule, error.value, error.where, remedy, resume)
        if error is not None:
            raise error

    def raise_if_all_failed(self, name: str, records: Sequence[TrialRecord], budget: int, *, is_over: bool) -> None:
        """Raise an error if the first trials of this start failed, or all trials of a search that is over.

        Args:
            name: The search's name.
            records: All its trials.
            budget: Its budget (trials).
            is_over: Whether nothing is left to train.

        Raises:
            BadInputError: If they failed, with the first reason.
        """
        final = [record for record in records if record.is_final]
        failed = [record for record in final if record.state == "FAIL"]
        if self._all_fail:
            value, reason = f"the first trials of {name} all failed, so it stopped", self._first_reason
        elif is_over and failed and len(failed) == len(final):
            value, reason = f"{counted(len(failed), 'trial')} of {name} failed and none succeeded", failed[0].reason
        else:
            return
        raise BadInputError(
            "a search needs trials that succeed",
            value,
            f"the first error: {reason}",
            f"fix the cause, then raise budget.trials to {len(final) + budget}, as failed trials count; to repeat one",
            Action("repeat trial", {"search": name, "trial": failed[0].number}),
        )
