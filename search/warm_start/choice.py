"""Choose the points with which a new search begins, from the studies of the searches that its file names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.errors import Action, BadInputError
from data_prep.wording import counted
from models.families import FAMILIES
from models.metrics import Metric
from models.spec import Value
from search.spec.file import AnyFamily
from search.spec.space import Space
from search.spec.whole_search import SearchSpec, check_name
from search.study.database import is_started, names, read_search, study_attributes
from search.study.records import WARM_START_KEY, SearchRecord, TakenPoint, TakenPoints
from search.study.report import best_trials
from search.study.states import DatabaseGoneError
from search.warm_start.coverage import cover
from search.warm_start.mapping import Misfit, mapped

_WHERE = "[warm_start]"
"""The place of errors."""

_BEST = 10
"""Number of trials of each search among which points are chosen."""


@dataclass(frozen=True)
class Choice:
    """The points with which a new search begins.

    Attributes:
        taken: The points.
        lines: What was taken and what did not fit, for the user.
    """

    taken: TakenPoints
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Candidate:
    trial: str
    point: Mapping[str, Value]
    misfits: Sequence[Misfit]


def choose(search: SearchSpec, home: Path, family: AnyFamily | None = None, *, is_plan: bool = False) -> Choice | None:
    """Choose the points with which a search begins, if it has a warm start and was not started before.

    Args:
        search: The search.
        home: The home folder.
        family: Its family, if it is not registered.
        is_plan: Whether nothing may be stored; a study that is new in this home folder is not looked for.

    Returns:
        The choice; None without a warm start, or if the study of the search already has the points.

    Raises:
        BadInputError: If a search of the warm start cannot be used, or the search was started with another one.
    """
    sources = search.warm_start.sources
    if not sources or _has_begun(search, home, is_plan=is_plan):
        return None
    records = [_read(search, name, home, family) for name in sources]
    objective = (family or FAMILIES[search.family]).metrics[0]
    candidates = [_candidates(record, objective, search.space) for record in records]
    points = [[candidate.point for candidate in each] for each in candidates]
    places = cover(points, search.prior, search.warm_start.points, search.space)
    chosen = [candidates[index][rank] for index, rank in places]
    taken = TakenPoints(sources, tuple(TakenPoint(candidate.trial, candidate.point) for candidate in chosen))
    return Choice(taken, (_summary(taken, records, search.warm_start.points), *_misfit_lines(chosen, search.space)))


def _has_begun(search: SearchSpec, home: Path, *, is_plan: bool) -> bool:
    """Return whether the study of a search has its points; raise BadInputError if it was started with others."""
    if is_plan and search.name not in names(home):
        return False
    attributes = study_attributes(search, home)
    if not is_started(attributes) and WARM_START_KEY not in attributes:
        return False
    before = TakenPoints.of_study(attributes).searches
    if {*before} != {*search.warm_start.sources}:
        raise BadInputError(
            "a warm start takes points at the first start of a search",
            f"{search.name} was started {f'with those of {_listed(before)}' if before else 'without one'}",
            _WHERE,
            "leave it out to resume, or give the new search another name",
            Action("rename search"),
        )
    return True


def _read(search: SearchSpec, name: str, home: Path, family: AnyFamily | None) -> SearchRecord:
    """Read a search of the warm start, and check that it can be used."""
    check_name(name, _WHERE)
    if name == search.name:
        raise BadInputError(
            "a search takes the points of other searches", f"{name} is its own name", _WHERE, "leave it out"
        )
    try:
        record = read_search(home, name, family)
    except DatabaseGoneError as error:
        raise BadInputError(
            f"the study of {name} must be reachable for a warm start",
            error.value,
            error.reason,
            "try again later, or leave it out",
        ) from None
    if record.spec.family != search.family:
        raise BadInputError(
            "a search takes the points of searches of its own family",
            f"{name} is one of {record.spec.family}, and {search.name} of {search.family}",
            _WHERE,
            "leave it out",
        )
    return record


def _candidates(record: SearchRecord, objective: Metric, space: Space) -> list[_Candidate]:
    """Return the best trials of a search as points of another space, the best first."""
    name, best = record.spec.name, best_trials(record.trials, objective, _BEST)
    if not best:
        raise BadInputError(
            "a warm start takes trials with the full budget",
            f"{name} has none yet",
            _WHERE,
            "leave it out, or let it run until it has one",
            Action("resume search", {"search": name}),
        )
    return [_Candidate(f"{name}/{trial.number}", *mapped(trial.values, space)) for trial in best]


def _summary(taken: TakenPoints, records: Sequence[SearchRecord], wanted: int) -> str:
    """Return how many points were taken from where, and which of the searches are unfinished."""
    used = {point.trial.rpartition("/")[0] for point in taken.points}
    sources = _listed([name for name in taken.searches if name in used] or taken.searches)
    unfinished = [record.spec.name for record in records if not _is_finished(record)]
    remarks = [
        *(["all that differ"] if 0 < len(taken.points) < wanted else []),
        *(["each is one of [[prior]], or has none of the searched settings"] if not taken.points else []),
        *([f"{_listed(unfinished)} {'is' if len(unfinished) == 1 else 'are'} unfinished"] if unfinished else []),
    ]
    ending = f" ({'; '.join(remarks)})" if remarks else ""
    return f"warm start: {counted(len(taken.points), 'point')} of {sources}{ending}"


def _is_finished(record: SearchRecord) -> bool:
    num_finished = sum(trial.is_final for trial in record.trials)
    return record.spec.budget.used(num_finished, record.seconds) is not None


def _misfit_lines(chosen: Sequence[_Candidate], space: Space) -> list[str]:
    """Return one line for each setting with a value that did not fit."""
    first: dict[str, str] = {}
    more: dict[str, int] = {}
    for candidate in chosen:
        for misfit in candidate.misfits:
            if misfit.setting in first:
                more[misfit.setting] = more.get(misfit.setting, 0) + 1
            else:
                first[misfit.setting] = misfit.in_words(candidate.trial, space)
    return [
        f"  {line}; likewise in {counted(more[name], 'other point')}" if name in more else f"  {line}"
        for name, line in first.items()
    ]


def _listed(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
