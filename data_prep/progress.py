"""The interface through which a long step reports its progress."""

from typing import Protocol


class Progress(Protocol):
    """A progress display of one step at a time."""

    def start(self, total: int, what: str) -> None:
        """Begin a step that will advance `total` times."""
        ...

    def advance(self, n: int) -> None:
        """Advance the step by `n`."""
        ...

    def finish(self) -> None:
        """End the step."""
        ...


class Silent:
    """A display that shows nothing."""

    def start(self, total: int, what: str) -> None:
        """Do nothing."""

    def advance(self, n: int) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""
