"""The command line, and the Python functions ``load_model`` and ``score``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunesmith.names.scores import score
    from tunesmith.python_interface import load_model

__all__ = ["load_model", "score"]


def __getattr__(name: str) -> Any:
    """Import a function on first use, so that the command line starts faster."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tunesmith.names.scores import score
    from tunesmith.python_interface import load_model

    return {"load_model": load_model, "score": score}[name]
