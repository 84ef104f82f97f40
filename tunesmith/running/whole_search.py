"""A whole run of a search, as a command or from Python: its data, its trials, and then the scores of its baselines."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.wording import counted
from models.families import family as find_family
from models.family import Baseline
from search.spec.file import AnyFamily, SearchSpec
from tunesmith.console import warn
from tunesmith.reports.search_display import SearchDisplay
from tunesmith.run_search import SearchData, run_search
from tunesmith.searching.baseline_scoring import Scoring
from tunesmith.searching.data import prepared_data
from tunesmith.searching.notify import failures_notified, notify
from tunesmith.searching.warm_start import points_taken

if TYPE_CHECKING:
    from search.driver.search_run import SearchResult

_OVERTIME = 0.05
"""Time to wait for baselines after the search's time limit, as a fraction of the limit."""


@dataclass(frozen=True)
class WholeRun:
    """What a run of a search ended with.

    Attributes:
        spec: The search, with the budget in the end.
        family: Its family.
        result: The result of its trials.
        baselines: The baselines, weakest first; None if they were not scored.
        without_baselines: Why they were not scored; empty if they were, or if the trials were interrupted.
        interrupted: Whether Ctrl-C ended the trials or the scoring.
    """

    spec: SearchSpec
    family: AnyFamily
    result: "SearchResult"
    baselines: Sequence[Baseline] | None
    without_baselines: str
    interrupted: bool


def search_data(spec: SearchSpec, home: Path, *, is_plan: bool) -> SearchData:
    """Prepare the data of a search, and warn of settings that have no effect on it.

    Args:
        spec: The search.
        home: The home folder.
        is_plan: Whether the search is only planned.

    Returns:
        The data.

    Raises:
        BadInputError: If the data cannot be prepared, or one of the other searches cannot be used.
    """
    taken = points_taken(spec, home, is_plan=is_plan)
    prepared = prepared_data(spec)
    for remark in find_family(spec.family).remarks(spec.space.domains, prepared.data):
        warn(remark)
    return SearchData(prepared, taken)


def whole_run(
    spec: SearchSpec,
    home: Path,
    address: str | None,
    data: SearchData,
    *,
    began: float,
    display: type[SearchDisplay] = SearchDisplay,
    ended: "Callable[[SearchSpec, SearchResult], None]",
) -> WholeRun:
    """Start or resume a search, and score its baselines meanwhile.

    Args:
        spec: The search.
        home: The home folder.
        address: A cluster's address; None for a local Ray.
        data: The result of :func:`search_data`.
        began: Start of the search's time limit, by ``time.monotonic``.
        display: The type of the display.
        ended: Called with the search and its result when the trials have ended, before the wait for baselines.

    Returns:
        The result.

    Raises:
        BadInputError: If the cluster cannot be used, or the search cannot start.
    """
    family = find_family(spec.family)
    with failures_notified(spec), Scoring(family.name, data.prepared) as scoring:
        result = run_search(
            spec, home, family, data, address, began=began, later=lambda: scoring.seconds_left, display=display
        )
        spec = spec.model_copy(update={"budget": result.budget})
        ended(spec, result)
        if result.reason == "interrupted":
            return WholeRun(spec, family, result, None, "", interrupted=True)
        baselines = scoring.wait(_end_of_time(spec, result))
    if result.ran:
        from tunesmith.reports.search_result import result_line  # imports Ray, which starts faster by itself

        notify(spec, "finished", result_line(spec, family, result))
    reason = "" if baselines is not None else scoring.reason
    return WholeRun(spec, family, result, baselines, reason, scoring.interrupted)


def _end_of_time(spec: SearchSpec, result: "SearchResult") -> float | None:
    """Return when to stop waiting for baselines, by ``time.monotonic``; None without a limit, or if nothing ran."""
    if spec.budget.time is None or not result.ran:
        return None
    return time.monotonic() + (1 + _OVERTIME) * spec.budget.time - result.seconds


def stopped_line(spec: SearchSpec, result: "SearchResult") -> str:
    """Return what is said about a search that was interrupted."""
    done = sum(trial.is_final for trial in result.trials)
    return f"stopped after {done} of {counted(spec.budget.trials, 'trial')}; nothing recorded is lost"
