"""Failures that end a search, and their errors."""

import pytest

from data_prep.errors import Action, BadInputError
from data_prep.storage.object_store import UnusableStoreError
from search.driver.failures import Failures
from search.study.records import TrialRecord
from search.study.states import StateName


def record(number: int, state: StateName, reason: str = "") -> TrialRecord:
    return TrialRecord(number, state, {}, (), None, None, reason)


def test_the_first_error_is_stored_and_raised_later() -> None:
    failures = Failures(1)
    assert not failures.must_stop()
    for error in (ZeroDivisionError("first"), KeyError("second")):
        with failures.guard():
            raise error
    assert failures.must_stop()
    with pytest.raises(ZeroDivisionError, match="first"):
        failures.raise_error("jigs")


def test_a_full_disk_raises_a_user_error() -> None:
    failures = Failures(1)
    with failures.guard():
        raise OSError(28, "No space left on device", "/x")
    with pytest.raises(
        BadInputError, match=r"needs room to write: No space left on device \(/x\); make room"
    ) as caught:
        failures.raise_error("jigs")
    assert caught.value.action == Action("resume search", {"search": "jigs"})


def test_the_error_for_an_unusable_storage_says_how_to_resume() -> None:
    failures = Failures(1)
    failures.keep(UnusableStoreError("storage must be writable: /x is not"))
    with pytest.raises(UnusableStoreError, match="/x is not; resume the search, nothing recorded is lost") as caught:
        failures.raise_error("jigs")
    assert caught.value.action == Action("resume search", {"search": "jigs"})


@pytest.mark.parametrize(("slots", "num_failed", "stops"), [(1, 4, False), (1, 5, True), (8, 16, False), (8, 17, True)])
def test_a_search_stops_when_enough_first_trials_fail(slots: int, num_failed: int, stops: bool) -> None:
    failures = Failures(slots)
    for number in range(num_failed):
        failures.trial_ended("FAIL", f"reason {number}")
    assert failures.must_stop() is stops
    failures.trial_ended("PRUNED", "")
    assert failures.must_stop() is stops, "the verdict stays, and one success prevents it"
    failures.trial_ended("FAIL", "")
    assert failures.must_stop() is stops
    records = [record(number, "FAIL", f"reason {number}") for number in range(num_failed)]
    if stops:
        with pytest.raises(
            BadInputError, match=r"first trials of jigs all failed, .*first error: reason 0\); fix"
        ) as caught:
            failures.raise_if_all_failed("jigs", records, 50, is_over=False)
        assert f"raise budget.trials to {num_failed + 50}" in str(caught.value)


def test_a_finished_search_whose_trials_all_failed_raises_an_error() -> None:
    failures = Failures(8)
    records = [record(0, "FAIL", "it broke"), record(1, "FAIL", "again"), record(2, "WAITING")]
    failures.raise_if_all_failed("jigs", records, 3, is_over=False)
    failures.raise_if_all_failed("jigs", [*records, record(3, "PRUNED")], 3, is_over=True)
    failures.raise_if_all_failed("jigs", [record(0, "WAITING")], 3, is_over=True)
    with pytest.raises(
        BadInputError, match=r"2 trials of jigs failed and none succeeded \(the first error: it broke\)"
    ) as caught:
        failures.raise_if_all_failed("jigs", records, 3, is_over=True)
    assert caught.value.action == Action("repeat trial", {"search": "jigs", "trial": 0})
