"""Requests of a command to the process that runs a search: another budget, a trial to stop, a point to add."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import Action, BadInputError
from tunesmith.console import err, out, print_json
from tunesmith.program import command

if TYPE_CHECKING:
    from search.control.requests import Request
    from search.spec.file import SearchSpec
    from search.study.lease import Driver

_MAY_CHANGE = frozenset({"trials", "time", "stop", "name"})
"""Options of ``tunesmith search`` that a running search accepts; its name changes nothing."""


def change_budget(spec: "SearchSpec", home: Path, options: Mapping[str, object], *, as_json: bool) -> bool:
    """Change the budget of a search, if a process runs it and no other option was given.

    Args:
        spec: The search, changed by the options.
        home: The home folder.
        options: The options of ``tunesmith search``, None or empty if they were not given.
        as_json: Whether to print the result as JSON.

    Returns:
        Whether it was changed; False if the search has to be started or resumed instead.

    Raises:
        BadInputError: If the driver on this machine refuses, or does not answer.
    """
    given = {name: value for name, value in options.items() if value not in (None, [], {})}
    if not given.keys() <= _MAY_CHANGE or not given.keys() & {"trials", "time", "stop"}:
        return False
    from search.control.asking import NoAnswerError, driver_of_search
    from search.control.requests import ChangeBudget
    from search.spec.sections import write_duration
    from search.study.database import names
    from search.study.lease import Driver

    driver = driver_of_search(home, spec.name) if spec.name in names(home) else None
    if driver is None:
        return False
    trials = spec.budget.trials if "trials" in given else None
    time = write_duration(spec.budget.time) if "time" in given else None
    stop = spec.budget.stop if "stop" in given else None
    try:
        _ask(home, spec.name, ChangeBudget(trials=trials, time=time, stop=stop), driver, as_json=as_json)
    except NoAnswerError as error:
        if driver.machine and driver.machine == Driver.this().machine:
            raise
        err.print(f"{error.problem}; starting it here", markup=False, soft_wrap=True)  # the other machine may be off
        return False
    return True


def stop_trial(home: Path, name: str, number: int, *, as_json: bool) -> None:
    """Stop a trial of a running search.

    Args:
        home: The home folder.
        name: The search's name.
        number: The trial's number.
        as_json: Whether to print the result as JSON.

    Raises:
        BadInputError: If no process runs the search, or the trial is not training.
    """
    from search.control.requests import StopTrial
    from search.study.database import read_search
    from tunesmith.figures import state_word

    record = read_search(home, name)
    trial = record.trial(number)
    if trial.is_final:
        raise BadInputError(
            "only a trial that is training can be stopped",
            f"{name}/{number} is over: {state_word(trial.state)}",
            remedy="list them",
            action=Action("list trials", {"search": name}),
        )
    _ask(home, name, StopTrial(number=number), record.driver, as_json=as_json)


def add_point(home: Path, name: str, pairs: list[str], *, as_json: bool) -> None:
    """Queue a point of a running search.

    Args:
        home: The home folder.
        name: The search's name.
        pairs: Texts of the form ``name=value``, which may contain several separated by spaces.
        as_json: Whether to print the result as JSON.

    Raises:
        BadInputError: If no process runs the search, or the point is not in its space.
    """
    from search.control.checks import checked_point
    from search.control.requests import AddPoint
    from search.study.database import read_search
    from tunesmith.options import read_settings

    record = read_search(home, name)
    values = read_settings([pair for text in pairs for pair in text.split() or [text]])
    checked_point(record.spec, values)
    facts = _ask(home, name, AddPoint(values=values), record.driver, as_json=as_json)
    if not facts.get("room", True):
        err.print("all trials of the budget are started. To raise it:", soft_wrap=True)
        err.print(f"  {command('search', name, '--trials', str(record.spec.budget.trials + 1))}", markup=False)


def _ask(home: Path, name: str, request: "Request", driver: "Driver | None", *, as_json: bool) -> Mapping[str, Any]:
    """Ask the driver, print its answer, and return what it did as plain values."""
    from search.control.asking import ask, not_running

    if driver is None:
        raise not_running(name)
    with err.status(f"asking {driver} ..."):
        answer = ask(home, name, request, driver)
    if as_json:
        print_json({"search": name, "request": request.kind, **answer.facts})
    else:
        out.print(answer.text, markup=False, soft_wrap=True)
    return answer.facts
