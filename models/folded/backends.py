"""The choice of a backend: the code that computes recurrences and products on a device.

    native      C++ kernels, compiled on first use (CPU)
    triton      Triton kernels (GPU)
    reference   torch's operators (any device)

Programs that train call ``use`` with the name in a search file; "auto" is the fastest that works on this machine. All
others use the reference, so that a model's results do not depend on the machine's compiler. The environment variable
TUNESMITH_BACKEND takes precedence.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

from data_prep.errors import BadInputError, unknown

if TYPE_CHECKING:
    from torch import Tensor

    from models.folded.reference.backend import Reference

BackendName: TypeAlias = Literal["auto", "native", "triton", "reference"]
"""Names by which a user chooses a backend."""

VARIABLE: Final = "TUNESMITH_BACKEND"
"""Environment variable with the name of a backend."""

_FASTEST: Final[Mapping[str, BackendName]] = {"cpu": "native", "cuda": "triton"}
"""The backend of each type of device that "auto" uses if it is available."""

_chosen: list[BackendName] = ["reference"]
"""The name that ``use`` was last called with."""


@dataclass(frozen=True)
class Choice:
    """A backend for a type of device.

    Attributes:
        name: The backend's name.
        reason: Why it is used: the user's choice, its version, or why a faster one is not available.
    """

    name: str
    reason: str

    def __str__(self) -> str:
        """Return name and reason in one line."""
        return f"{self.name} ({self.reason})"


def use(name: BackendName) -> None:
    """Use a backend in this process from now on, unless TUNESMITH_BACKEND names another."""
    _chosen[0] = name


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


def chosen(device: str) -> Choice:
    """Return the backend that is used on a device.

    Args:
        device: "cpu" or "cuda".

    Returns:
        The choice. The first call may compile the C++ kernels, which takes about ten seconds.

    Raises:
        BadInputError: If the name in TUNESMITH_BACKEND is unknown, or the forced backend is not available here.
    """
    reason, backend = _choose(device, *_requested())
    return Choice(backend.name, reason or backend.version)


def backend_of(tensor: "Tensor") -> "Reference":
    """Return the operations of the backend that is used on a tensor's device; raise as ``chosen``."""
    _, backend = _choose(tensor.device.type, *_requested())
    return backend


def _requested() -> tuple[str, str]:
    """Return the requested name, and where it was requested."""
    variable = os.environ.get(VARIABLE, "")
    return (variable, VARIABLE) if variable else (_chosen[0], "the search file")


@cache
def _choose(device: str, name: str, source: str) -> "tuple[str, Reference]":
    """Return a backend, and why it is used if that is not its speed."""
    if name not in get_args(BackendName):
        raise unknown("backend", name, get_args(BackendName), f"in {source}")
    automatic = name == "auto"
    backend = _load(_FASTEST.get(device, "reference") if automatic else name, device)
    if not isinstance(backend, str):
        return "" if automatic else f"chosen by {source}", backend
    if automatic:
        return backend, _reference()
    raise BadInputError(
        f"the backend that {source} names must be available",
        f"{name} is not: {backend}",
        remedy='make it available, or choose "auto"',
    )


def _load(name: str, device: str) -> "Reference | str":
    """Return a backend, or the reason why it is not available."""
    if name == "reference":
        return _reference()
    if device != {"native": "cpu", "triton": "cuda"}[name]:
        return f"it does not run on {device}"
    if name == "native":
        from models.folded.native.backend import load

        return load()
    from models.folded.triton.backend import load as load_triton

    return load_triton()


def _reference() -> "Reference":
    from models.folded.reference.backend import Reference

    return Reference()
