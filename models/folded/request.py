"""The backend that a user asks for, and what it needs. Nothing here imports torch."""

import os
from collections.abc import Callable
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


def prepare(name: BackendName, say: Callable[[str], None]) -> str:
    """Compile the C++ kernels if training on this machine's processors would use them, without importing torch.

    Args:
        name: The requested backend.
        say: Called with a message before something is compiled.

    Returns:
        Why they are not available, in one line; empty if they are, or are not needed.
    """
    if (os.environ.get(VARIABLE) or name) not in {"auto", "native"}:
        return ""
    from models.folded.native import build

    try:
        target = build.find_target()
        if not build.is_built(target):
            say("compiling the C++ kernels for this machine, once: about 10 s")
        build.built_library(target)
    except build.BuildError as error:
        return str(error)
    return ""
