"""Parse and check the search file: TOML, every key optional, every error with its line number."""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias, cast

from pydantic import ValidationError

from data_prep.errors import BadInputError, shown, unknown
from models.families import FAMILIES, default_family
from models.family import Family
from models.spec import Spec, Value
from search.passwords import without_password
from search.spec.built_in import default_search, further_searches
from search.spec.domains import toml_value
from search.spec.sections import Budget, Data, Section
from search.spec.space import Space, make_space
from search.spec.toml_lines import Path as KeyPath
from search.spec.toml_lines import key_lines, line_of
from search.spec.whole_search import SECTIONS, SearchSpec, check_name

AnyFamily: TypeAlias = Family[Any, Any]

_MAX_DIGITS = sys.get_int_max_str_digits() or 4300
_DIGITS = re.compile(r"\d[\d_]*")

_TOP = ("name", "family", "space", "prior", *SECTIONS)


@dataclass(frozen=True)
class _Source:
    """A parsed file and how to name its places."""

    label: str
    content: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    given: frozenset[KeyPath] = frozenset()  # on the command line

    def place(self, *path: str | int) -> str:
        if path in self.given:
            return "--set" if path[0] == "space" else f"--{path[0] if path[-1] == 'url' else path[-1]}"
        line = line_of(self.lines, path)
        return f"{self.label} line {line}" if line else self.label


def load(
    source: str | Path,
    *,
    overrides: Mapping[str, object] | None = None,
    family: AnyFamily | None = None,
    stored: bool = False,
) -> SearchSpec:
    """Read a search file, or a family's built-in search.

    What the file leaves out is taken from its family's built-in search; in ``[space]`` this holds setting by setting,
    unless it says ``only = true``: then other settings keep their defaults.

    Args:
        source: A file's path, a family's name, or that of a further built-in search.
        overrides: Values by dotted key ("budget.trials") that the command line gives; they win.
        family: The family itself, for one that is not among the registered.
        stored: Whether the file is a started search's own, as for :func:`parse`.

    Returns:
        The search.

    Raises:
        BadInputError: For anything that is wrong in the file, with its line.
    """
    further = further_searches()
    if str(source) in further:
        text = further[str(source)].read_text(encoding="utf-8")
        return parse(text, f"the built-in search {source}", overrides=overrides)
    named = FAMILIES if family is None else {**FAMILIES, family.name: family}
    if str(source) in named:
        return parse(f'family = "{source}"\n', f"the built-in search {source}", overrides=overrides, family=family)
    path = Path(source)
    if not path.exists() and path.suffix != ".toml":
        raise unknown("search or family", str(source), [*named, *further], "and there is no such file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = str(error.strerror) if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInputError("a search file must be readable", str(path), reason) from None
    return parse(text, str(path), overrides=overrides, family=family, stored=stored)


def parse(
    text: str,
    label: str,
    *,
    overrides: Mapping[str, object] | None = None,
    family: AnyFamily | None = None,
    stored: bool = False,
) -> SearchSpec:
    """Read a search from TOML text; ``label`` names it in errors. Otherwise as :func:`load`.

    A search that was ``stored`` is complete: a hyperparameter that it lacks did not exist then, and keeps its earlier
    value.
    """
    source = _read(text, label)
    source = _with_overrides(source, overrides or {})
    chosen = family or _family_of(source)
    only, written = _own_space(source)
    base = {"space": chosen.spec_type.earlier()} if stored else default_search(chosen)
    sections = {name: _section(source, name, base.get(name, {})) for name in SECTIONS}
    budget = cast("Budget", sections["budget"])
    others: Mapping[str, object] = {} if only and not stored else base.get("space", {})
    space = make_space(
        chosen.spec_type,
        {**others, **written, "epochs": budget.epochs},
        place=lambda name: source.place("space", name),
        written=frozenset(name for name in written if ("space", name) in source.given) or frozenset(written),
        only=only,
    )
    whole: dict[str, Any] = {
        "name": check_name(source.content.get("name", chosen.name), source.place("name")),
        "family": chosen.name,
        "space": space,
        "prior": _prior(source, base, chosen.spec_type, space),
        **sections,
    }
    search = SearchSpec(**whole)
    search.sampler.check(space, budget.trials, f"[sampler], {source.place('sampler', 'kind')}")
    return search


def _own_space(source: _Source) -> tuple[bool, Mapping[str, object]]:
    """Return whether only the settings that the file names are searched, and what it says of them."""
    written = dict[str, object](source.content.get("space", {}))
    only = written.pop("only", False)
    if not isinstance(only, bool):
        raise BadInputError("only is true or false", f"got {only!r}", f"[space], {source.place('space', 'only')}")
    if "epochs" in written:
        where = source.place("space", "epochs")
        raise BadInputError("epochs are not searched", "they are fixed by the budget", where, "set them in [budget]")
    return only, written


def _read(text: str, label: str) -> _Source:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error)
        raise BadInputError("a search file is TOML", f"{label} is not, {reason[0].lower()}{reason[1:]}") from None
    except (RecursionError, ValueError):  # Python's own limits
        raise BadInputError(
            f"a search file's numbers have at most {_MAX_DIGITS:,} digits, and its brackets are nested at most some "
            "hundred times",
            f"{label} has more",
            _where_digits(text),
            "correct it there",
        ) from None
    source = _Source(label, content, key_lines(text))
    for key, value in content.items():
        _check_shape(source, key, value)
    return source


def _check_shape(source: _Source, key: str, value: object) -> None:
    """Check that a key of the file is known, and holds a word or a table as it should."""
    if key not in _TOP:
        raise unknown("key", key, _TOP, source.place(key))
    if key in ("name", "family"):
        if not isinstance(value, str):
            raise BadInputError(f"{key} is a word in quotes", f"got {shown(value)}", source.place(key))
    elif key == "prior":
        points = cast("list[object]", value) if isinstance(value, list) else [value]
        if not all(isinstance(point, dict) for point in points):
            raise BadInputError("prior points are tables, written [[prior]]", where=source.place(key))
    elif not isinstance(value, dict):
        text = shown(without_password(value) if isinstance(value, str) else value)
        raise BadInputError(f"{key} is a table, written [{key}]", f"got {text}", source.place(key))


def _where_digits(text: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if any(len(run.replace("_", "")) > _MAX_DIGITS for run in _DIGITS.findall(line)):
            return f"line {number}"
    return ""


def _with_overrides(source: _Source, overrides: Mapping[str, object]) -> _Source:
    content: dict[str, Any] = {**source.content}
    for dotted, value in overrides.items():
        *section, key = dotted.split(".")
        if section:
            content[section[0]] = {**content.get(section[0], {}), key: value}
        else:
            content[key] = value
    return replace(source, content=content, given=frozenset(tuple(dotted.split(".")) for dotted in overrides))


def _family_of(source: _Source) -> AnyFamily:
    name = source.content.get("family", default_family().name)
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES, source.place("family"))
    return FAMILIES[name]


def default_corpus(family: AnyFamily) -> str:
    """Return the corpus that a family learns from unless another is named: its built-in search's."""
    return default_search(family).get("data", {}).get("corpus", Data().corpus)


def _section(source: _Source, name: str, base: Mapping[str, object]) -> Section:
    """Read a table; what it leaves out is taken from the built-in search, if that is of the same kind."""
    written: Mapping[str, object] = source.content.get(name, {})
    type_, *others = SECTIONS[name]
    if others:
        kinds = {str(one.model_fields["kind"].default): one for one in SECTIONS[name]}
        inherited = base.get("kind", next(iter(kinds)))
        kind = written.get("kind", inherited)
        if not isinstance(kind, str) or kind not in kinds:
            raise unknown(name, str(kind), kinds, f"[{name}], {source.place(name, 'kind')}")
        type_ = kinds[kind]
        content = {**base, **written} if kind == inherited else dict(written)
    else:
        content = {**base, **written}
    for key in content:
        if key not in type_.model_fields:
            raise unknown("key", key, type_.model_fields, f"[{name}], {source.place(name, key)}")
    try:
        return type_.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        rule = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = content[key]
        if key in ("url", "uri") and isinstance(value, str):
            value = without_password(value).partition("?")[0]
        legal = f"{name}.{key} = {shown(value)} is not legal"
        raise BadInputError(legal, rule, source.place(name, key)) from None


def _prior(
    source: _Source, base: Mapping[str, Any], spec_type: type[Spec], space: Space
) -> tuple[Mapping[str, Value], ...]:
    written: list[Mapping[str, Value]] = source.content.get("prior", [])
    for index in range(len(written)):
        _check_point(source, index, spec_type, space)
    points = (space.project(point) for point in (written or base.get("prior", [])))
    kept: list[Mapping[str, Value]] = []
    for point in points:
        if point and point not in kept:
            kept.append(point)
    return tuple(kept)


def _check_point(source: _Source, index: int, spec_type: type[Spec], space: Space) -> None:
    """Check that the file's own space holds a point; what the command line fixes takes precedence over it."""
    point: Mapping[str, Value] = source.content["prior"][index]
    for name in point:
        if name not in spec_type.settings() or name == "epochs":
            raise unknown("setting", name, spec_type.settings().keys() - {"epochs"}, source.place("prior", index, name))
    spec_type.from_values(point, source.place("prior", index))
    for name in space.values(point):
        domain = space.domains[name]
        if name in point and point[name] not in domain and ("space", name) not in source.given:
            raise BadInputError(
                "a point lies in the space that is searched",
                f"{name} = {toml_value(point[name])} of [[prior]] {index + 1} does not, for [space] has "
                f"{name} = {domain.to_toml()}",
                source.place("prior", index, name),
                "change one of them",
            )
