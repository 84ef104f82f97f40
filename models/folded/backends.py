"""The choice of a backend: the code that computes recurrences and products on a device.

    native      C++ kernels, compiled on first use (CPU)
    triton      Triton kernels (GPU)
    reference   torch's operators (any device)

Programs that train call ``use`` with the name in a search file; "auto" is the fastest that works on this machine. All
others use the reference, so that a model's results do not depend on the machine's compiler. The environment variable
TUNESMITH_BACKEND takes precedence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Final, get_args

from torch import Tensor

from data_prep.errors import BadInputError, unknown
from models.folded.reference.backend import Reference
from models.folded.request import BackendName, requested

_FASTEST: Final[Mapping[str, BackendName]] = {"cpu": "native", "cuda": "triton"}
"""The backend of each type of device that "auto" uses if it is available."""


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


def chosen(device: str) -> Choice:
    """Return the backend that is used on a device.

    Args:
        device: "cpu" or "cuda".

    Returns:
        The choice. The first call may compile the C++ kernels, which takes about ten seconds.

    Raises:
        BadInputError: If the name in TUNESMITH_BACKEND is unknown, or the forced backend is not available here.
    """
    reason, backend = _choose(device, *requested())
    return Choice(backend.name, reason or backend.version)


def backend_of(tensor: Tensor) -> Reference:
    """Return the operations of the backend that is used on a tensor's device; raise as ``chosen``."""
    _, backend = _choose(tensor.device.type, *requested())
    return backend


@cache
def _choose(device: str, name: str, source: str) -> tuple[str, Reference]:
    """Return a backend, and why it is used if that is not its speed."""
    if name not in get_args(BackendName):
        raise unknown("backend", name, get_args(BackendName), f"in {source}")
    automatic = name == "auto"
    backend = _load(_FASTEST.get(device, "reference") if automatic else name, device)
    if not isinstance(backend, str):
        return "" if automatic else f"chosen by {source}", backend
    if automatic:
        return backend, Reference()
    raise BadInputError(
        f"the backend that {source} names must be available",
        f"{name} is not: {backend}",
        remedy='make it available, or choose "auto"',
    )


def _load(name: str, device: str) -> Reference | str:
    """Return a backend, or the reason why it is not available."""
    if name == "reference":
        return Reference()
    if device != {"native": "cpu", "triton": "cuda"}[name]:
        return f"it does not run on {device}"
    try:
        module = import_module(f"{__package__}.{name}.backend")
    except ModuleNotFoundError:  # the code of a registered model includes only the reference
        return "its code is not installed"
    return module.load()
