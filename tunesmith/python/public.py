"""What all public functions do: they check names and types of arguments, print nothing, and word errors in Python."""

import builtins
import inspect
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from difflib import get_close_matches
from functools import cache, wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ParamSpec, TypeVar, get_type_hints

from data_prep.errors import BadInputError
from tunesmith.console import muted
from tunesmith.proxies import bypass_proxies_locally
from tunesmith.python.remedies import in_python

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


class _Names(dict[str, Any]):
    """The names in annotations; those that are imported for type checkers only stand for any type."""

    def __init__(self, defined: Mapping[str, Any]) -> None:
        self._defined = defined

    def __missing__(self, name: str) -> Any:
        return self._defined[name] if name in self._defined else getattr(builtins, name, Any)


@cache
def argument_types(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's or a dataclass's arguments, as far as they are known at run time."""
    defined = vars(inspect.getmodule(function)) if inspect.isclass(function) else function.__globals__
    return dict(_evaluated(inspect.get_annotations(function), defined))


def _evaluated(annotations: Mapping[str, Any], defined: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, annotation in annotations.items():
        holder = SimpleNamespace(__annotations__={name: annotation})
        with suppress(AttributeError, NameError, TypeError):  # such as pandas.DataFrame, whose module is not imported
            yield from get_type_hints(holder, globalns={}, localns=_Names(defined)).items()


def check_types(function: str, given: Mapping[str, Any], types: Mapping[str, Any]) -> None:
    """Check the types of arguments.

    Args:
        function: The name of the function, for errors.
        given: The arguments by name.
        types: The types by name; others are not checked.

    Raises:
        TypeError: If an argument has another type.
    """
    from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError

    config = ConfigDict(arbitrary_types_allowed=True, strict=True)
    for name, value in given.items():
        if name not in types:
            continue
        scalar = value.item() if getattr(value, "ndim", None) == 0 else value  # a number of numpy
        try:
            TypeAdapter(types[name], config=config).validate_python(scalar)
        except PydanticUserError:
            continue
        except ValidationError:
            wanted = inspect.formatannotation(types[name]).replace("collections.abc.", "").replace("typing.", "")
            raise TypeError(f"{function}() takes {name} as {wanted}: got {value!r}"[:500]) from None
