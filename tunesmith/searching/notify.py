"""The command of a search file that is run when the search ends."""

import json
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from tunesmith.console import warn
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from search.spec.file import SearchSpec

_TIMEOUT_S = 30.0


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
    try:
        subprocess.run(
            words,
            input=json.dumps(values).encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except subprocess.CalledProcessError as error:
        printed = (error.stderr or b"").decode(errors="replace").split("\n")
        said = next((line.strip() for line in reversed(printed) if line.strip()), "it printed nothing")
        warn(f"[notify] {words[0]} failed with status {error.returncode}: {said[:200]}")
    except subprocess.TimeoutExpired:
        warn(f"[notify] {words[0]} did not end within {_TIMEOUT_S:g} s")
    except OSError as error:
        warn(f"[notify] {words[0]} could not be started: {error.strerror}")


@contextmanager
def failures_notified(spec: "SearchSpec") -> Generator[None]:
    """Run the command of ``[notify]`` for an error in the block. An interruption by the user is none."""
    try:
        yield
    except Exception as error:
        notify(spec, "failed", f"{spec.name} failed: {error_line(error)}")
        raise
