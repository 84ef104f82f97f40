"""What a long step tells of its progress, for whoever shows it."""

from typing import Protocol


class Progress(Protocol):
    """A progress display: one step at a time."""

    def start(self, total: int, what: str) -> None:
        """A step begins that will advance `total` times."""
        ...

    def advance(self, n: int) -> None:
        """So many more are done."""
        ...

    def finish(self) -> None:
        """The step is over."""
        ...


class Silent:
    """Shows nothing."""

    def start(self, total: int, what: str) -> None:
        """Ignore it."""

    def advance(self, n: int) -> None:
        """Ignore it."""

    def finish(self) -> None:
        """Ignore it."""
