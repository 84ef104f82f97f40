"""What all public functions do: they check the names of arguments, print nothing, and word errors in Python."""

import inspect
import warnings
from collections.abc import Callable, Iterable
from difflib import get_close_matches
from functools import wraps
from pathlib import Path
from typing import ParamSpec, TypeVar

from data_prep.errors import BadInputError
from tunesmith.console import muted
from tunesmith.proxies import bypass_proxies_locally
from tunesmith.python.remedies import in_python
from tunesmith.python.types import argument_types, check_types

P = ParamSpec("P")
R = TypeVar("R")


def public(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function for users of Python.

    Args:
        function: The function; BadInputErrors that it raises are for the command line.

    Returns:
        The function that raises TypeError for an argument with an unknown name or a wrong type, and BadInputErrors for
        Python.
    """
    signature = inspect.signature(function)
    parameters = signature.parameters
    names, takes_any = [*parameters], any(each.kind is each.VAR_KEYWORD for each in parameters.values())

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if not takes_any:
            check_arguments(function.__name__, kwargs, names)
        given = signature.bind(*args, **kwargs).arguments
        check_types(function.__name__, given, argument_types(function))
        bypass_proxies_locally()
        try:
            with muted(), warnings.catch_warnings():
                warnings.filterwarnings("ignore", "IProgress not found")  # of Optuna, in a notebook without ipywidgets
                return function(*args, **kwargs)
        except BadInputError as error:
            raise in_python(error) from None

    return call


def check_arguments(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Raise TypeError for an argument with an unknown name; it says which was most likely meant."""
    names = [name for name in known if name != "self"]
    for name in given:
        if name not in names:
            near = get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"its arguments are {', '.join(names)}"
            raise TypeError(f"{function}() has no argument {name!r}; {hint}")


def as_path(text: str | Path | None) -> Path | None:
    """Return a path that was given as text or as a path; None if there is none."""
    return None if text is None else Path(text)
