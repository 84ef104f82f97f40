"""Checks of the types of arguments, so that a wrong one is an error of the call and not of what it calls."""

import builtins
import inspect
from collections.abc import Callable, Mapping
from typing import Any, get_type_hints


class _Names(dict[str, Any]):
    """The names in annotations; those that are imported for type checkers only stand for any type."""

    def __init__(self, defined: Mapping[str, Any]) -> None:
        self._defined = defined

    def __missing__(self, name: str) -> Any:
        return self._defined[name] if name in self._defined else getattr(builtins, name, Any)


def argument_types(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types of a function's or a dataclass's arguments, as far as they are known at run time."""
    defined = vars(inspect.getmodule(function)) if inspect.isclass(function) else function.__globals__
    return get_type_hints(function, localns=_Names(defined))


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
