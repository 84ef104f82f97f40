"""The command line, which composes data_prep, models, search and cluster; and ``load_model`` for Python."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunesmith.python_interface import load_model

__all__ = ["load_model"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only then: the command line starts without it."""
    if name != "load_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tunesmith.python_interface import load_model

    return load_model
