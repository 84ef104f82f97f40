"""The command of a search file that is run when the search ends."""

import json
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from data_prep.errors import one_line
from tunesmith.console import warn
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from search.spec.file import SearchSpec

_TIMEOUT_S = 30.0
_LONGEST = 200
"""Letters of what a command printed that a warning shows."""


def notify(spec: "SearchSpec", event: Literal["finished", "failed"], text: str) -> None:
    """Run the command of ``[notify]``; if it fails, print a warning, because the search itself has ended.

    Args:
        spec: The search.
        event: Whether it finished.
        text: What happened, in one line.
    """
    values = {"search": spec.name, "event": event, "text": text}
    words = spec.notify.words(values)
    if not words:
        return
    with tempfile.TemporaryFile() as printed:  # a pipe would be open as long as a process in the background
        try:
            status = subprocess.run(
                words,
                input=json.dumps(values).encode(),
                stdout=subprocess.DEVNULL,
                stderr=printed,
                timeout=_TIMEOUT_S,
                check=False,
            ).returncode
        except subprocess.TimeoutExpired:
            warn(f"[notify] {words[0]} did not end within {_TIMEOUT_S:g} s")
            return
        except (OSError, ValueError) as error:  # ValueError: a word contains a null character
            warn(f"[notify] {words[0]!r} could not be started: {one_line(error)}")
            return
        if status:
            printed.seek(0)
            warn(f"[notify] {words[0]} failed with status {status}: {_last_line(printed.read())}")


def _last_line(printed: bytes) -> str:
    lines = printed.decode(errors="replace").split("\n")
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
    return "".join(letter for letter in last if letter.isprintable())[:_LONGEST]


@contextmanager
def failures_notified(spec: "SearchSpec") -> Generator[None]:
    """Run the command of ``[notify]`` for an error in the block. An interruption by the user is none."""
    try:
        yield
    except Exception as error:
        notify(spec, "failed", f"{spec.name} failed: {error_line(error)}")
        raise
