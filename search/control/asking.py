"""Ask the process that runs a search, from another process that shares its home folder."""

import platform
import time
from collections.abc import Callable
from pathlib import Path

from data_prep.errors import Action, BadInputError
from search.control.mailbox import Mailbox
from search.control.requests import Answer, Request
from search.study.database import folder, read_search
from search.study.lease import Driver

PATIENCE_S = 10.0
"""How long a driver may take to claim a request, which it does once a second unless it is starting or ending."""

_CLAIMED_S = 30.0
"""How much longer it may take to carry out the request."""

_LOOK_S = 0.1


class NoAnswerError(BadInputError):
    """The process that runs a search, according to its record, did not answer."""


def driver_of_search(home: Path, name: str) -> Driver | None:
    """Return the process that runs a search; None if there is none, or the search cannot be read."""
    try:
        return read_search(home, name).driver
    except BadInputError:
        return None


def ask(home: Path, name: str, request: Request, driver: Driver, patience_s: float = PATIENCE_S) -> Answer:
    """Send a request to the driver of a search and wait for its answer.

    Args:
        home: The home folder.
        name: The search's name.
        request: The request.
        driver: The process that runs the search.
        patience_s: How long the driver may take to claim the request (seconds).

    Returns:
        The answer.

    Raises:
        BadInputError: If the request was refused.
        NoAnswerError: If the driver did not answer.
    """
    box = Mailbox(folder(home, name))
    letter = box.post(request)
    try:
        answer = _wait(box, letter, patience_s, driver.is_gone)
    except BaseException:
        box.withdraw(letter)
        raise
    if answer is None:
        raise _no_answer(box, letter, name, driver)
    answer.raise_refusal()
    return answer


def not_running(name: str) -> BadInputError:
    """Return the error for a request to a search that no process runs."""
    return BadInputError(
        "a request is carried out by the process that runs the search",
        f"{name} is not running",
        remedy="start it, and ask again",
        action=Action("resume search", {"search": name}),
    )


def _wait(box: Mailbox, letter: str, patience_s: float, is_gone: Callable[[], bool]) -> Answer | None:
    """Wait for an answer; return None if the driver has ended or takes too long."""
    until = time.monotonic() + patience_s
    while True:
        answer = box.collect(letter)
        if answer is not None:
            return answer
        ended = is_gone()
        if ended or time.monotonic() >= until:
            break
        time.sleep(_LOOK_S)
    if box.withdraw(letter):
        return None
    until = time.monotonic() + (0.0 if ended else _CLAIMED_S)
    while (answer := box.collect(letter)) is None and time.monotonic() < until and not is_gone():
        time.sleep(_LOOK_S)
    return answer or box.collect(letter)


def _no_answer(box: Mailbox, letter: str, name: str, driver: Driver) -> NoAnswerError:
    rule = "the process that runs a search carries out requests within seconds"
    if box.is_claimed(letter):
        return NoAnswerError(
            rule,
            f"that of {name} has ended or is waiting, and has not answered",
            str(driver),
            "the request is carried out when the search continues or is next started",
        )
    if driver.is_gone():
        return NoAnswerError(rule, f"that of {name} has just ended, and nothing was changed", str(driver))
    elsewhere = f"; on {driver.host}, it must use the same home folder" if driver.host != platform.node() else ""
    return NoAnswerError(
        rule,
        f"that of {name} did not, and nothing was changed",
        str(driver),
        "try again: it may be starting or ending a search; a promotion or an earlier version of tunesmith does not "
        f"answer{elsewhere}",
    )
