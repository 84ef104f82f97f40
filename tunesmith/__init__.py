"""Find the best small music model for a corpus, and make music with it: the command line, and functions for Python."""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from tunesmith.python.corpora import corpus
    from tunesmith.python.models import load_model
    from tunesmith.python.promotion import promote
    from tunesmith.python.scores import score
    from tunesmith.python.searches import load_search, search
    from tunesmith.python.trials import trial

_MODULES: Final = {
    "corpus": "corpora",
    "load_model": "models",
    "load_search": "searches",
    "promote": "promotion",
    "score": "scores",
    "search": "searches",
    "trial": "trials",
}
"""The module of each function, which is imported on first use, so that the command line starts faster."""

__all__ = ["corpus", "load_model", "load_search", "promote", "score", "search", "trial"]


def __getattr__(name: str) -> Any:
    """Import a function."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"tunesmith.python.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    """Return the names of the functions."""
    return sorted(__all__)
