"""The backend that a user asks for. Nothing here imports torch."""

import os
from typing import Final, Literal, TypeAlias

BackendName: TypeAlias = Literal["auto", "native", "triton", "reference"]
"""Names by which a user chooses a backend."""

VARIABLE: Final = "TUNESMITH_BACKEND"
"""Environment variable with the name of a backend."""

_used: list[BackendName] = ["reference"]
"""The name that ``use`` was last called with."""


def use(name: BackendName) -> None:
    """Use a backend in this process from now on, unless TUNESMITH_BACKEND names another."""
    _used[0] = name


def requested() -> tuple[str, str]:
    """Return the requested name, and where it was requested."""
    variable = os.environ.get(VARIABLE, "")
    return (variable, VARIABLE) if variable else (_used[0], "the search file")
