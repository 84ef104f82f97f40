"""The reference of the Python interface, written from signatures and docstrings."""

import inspect
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from textwrap import fill, indent
from typing import Any, get_args

from tables import row

import tunesmith

PYTHON = """\
# Python reference

<!-- Written by docs/generate.py from the code: change it there, then `make docs`. -->

The functions and classes of `import tunesmith`. [In Python](python.md) shows how they are used together. Arguments
after `*` are given by name. Input that cannot be used raises `BadInputError`, a `ValueError` of `data_prep.errors`.

"""

SECTION = re.compile(r"^(Args|Attributes|Returns|Yields|Raises):\n((?:    .*\n|\n)+)", re.MULTILINE)
ENTRY = re.compile(r"^(\*{0,2}[\w.]+): ((?:.+)(?:\n    .+)*)", re.MULTILINE)
CODE = re.compile(r"``(.+?)``")
WIDTH = 80


def python_page() -> str:
    """Return the reference of the public functions, then of the classes that they return."""
    functions = {f"tunesmith.{name}": getattr(tunesmith, name) for name in tunesmith.__all__}
    lines = [PYTHON + "## Functions"]
    for name, function in functions.items():
        lines += ["", f"### {name}", "", *_callable(name, function)]
    lines += ["", "## Classes"]
    for found in _classes(functions.values()):
        lines += ["", f"### {found.__name__}", "", *_class(found)]
    return "\n".join(lines).rstrip() + "\n"


def _classes(functions: Iterable[Any]) -> list[type]:
    """Return the classes of the interface that functions return, with their elements and what their methods return."""
    classes: list[type] = []
    for function in functions:
        known = inspect.unwrap(function).__globals__
        named = re.findall(r"\w+", inspect.formatannotation(inspect.signature(function).return_annotation))
        found = [known[name] for name in named if isinstance(known.get(name), type)]
        found += [
            element for each in found for base in getattr(each, "__orig_bases__", ()) for element in get_args(base)
        ]
        for each in found:
            if each.__module__.startswith("tunesmith.python") and each not in classes:
                methods = [_function(member) for member in _members(each).values()]
                classes += [each, *(other for other in _classes(methods) if other not in classes)]
    return list(dict.fromkeys(classes))


def _members(found: type) -> Mapping[str, Any]:
    return {
        name: member
        for name, member in vars(found).items()
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property | cached_property))
    }


def _function(member: Any) -> Any:
    if isinstance(member, property):
        return member.fget
    return member.func if isinstance(member, cached_property) else member


def _class(found: type) -> Iterator[str]:
    text, sections = _sections(found)
    yield _prose(text)
    members = _members(found)
    values = [(name, member) for name, member in members.items() if not inspect.isfunction(member)]
    if "Attributes" in sections or values:
        yield from ("", "| attribute | type | meaning |", "|---|---|---|")
        types = inspect.get_annotations(found)
        for name, meaning in ENTRY.findall(sections.get("Attributes", "")):
            yield row(f"`{name}`", f"`{_type(types[name])}`", _prose(meaning))
        for name, member in values:
            result = inspect.signature(_function(member)).return_annotation
            yield row(f"`{name}`", f"`{_type(result)}`", _prose(inspect.getdoc(member) or "").replace("\n\n", " "))
    for name, member in members.items():
        if inspect.isfunction(member):
            yield from ("", f"#### {found.__name__}.{name}", "", *_callable(name, member))


def _callable(name: str, function: Any) -> Iterator[str]:
    """Yield what a function does, its signature, and tables of its arguments and errors."""
    text, sections = _sections(function)
    signature = inspect.signature(function)
    parameters = [each for each in signature.parameters.values() if each.name != "self"]
    call = signature.replace(
        parameters=[each.replace(annotation=inspect.Parameter.empty) for each in parameters],
        return_annotation=inspect.Signature.empty,
    )
    yield _prose(text)
    yield from ("", indent(fill(f"{name}{call}", WIDTH, subsequent_indent=" " * (len(name) + 1)), "    "))
    if "Args" in sections:
        yield from ("", "| argument | type | meaning |", "|---|---|---|")
        types = {str(each).partition(":")[0]: each.annotation for each in parameters}
        for argument, meaning in ENTRY.findall(sections["Args"]):
            yield row(f"`{argument}`", f"`{_type(types[argument])}`", _prose(meaning))
    yield from (
        "",
        f"**Returns** `{_type(signature.return_annotation)}`. {_prose(sections.get('Returns', ''))}".rstrip(),
    )
    for error, when in ENTRY.findall(sections.get("Raises", "")):
        yield from ("", f"**Raises** `{error}`. {_prose(when)}")


def _sections(documented: Any) -> tuple[str, Mapping[str, str]]:
    """Return the text of a docstring, and its sections by title."""
    text = f"{inspect.getdoc(documented)}\n"
    sections = {title: inspect.cleandoc(content) for title, content in SECTION.findall(text)}
    return SECTION.sub("", text).strip(), sections


def _type(annotation: Any) -> str:
    return re.sub(r"['\"~]|\b(?:[a-z_]\w*\.)+(?=[A-Z])", "", inspect.formatannotation(annotation))


def _prose(text: str) -> str:
    """Return the text of a docstring as Markdown, with the lines of a paragraph in one."""
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    return "\n\n".join(CODE.sub(r"`\1`", paragraph) for paragraph in paragraphs)
