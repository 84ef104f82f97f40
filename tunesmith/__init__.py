"""The command line, which composes data_prep, models, search and cluster; for Python ``load_model`` and ``score``."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tunesmith.names.scores import score
    from tunesmith.python_interface import load_model

__all__ = ["load_model", "score"]


def __getattr__(name: str) -> Any:
    """Import what is asked for, and only then: the command line starts without it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tunesmith.names.scores import score
    from tunesmith.python_interface import load_model

    return {"load_model": load_model, "score": score}[name]
