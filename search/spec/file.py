"""Parse and check search files: TOML, every key optional, every error with its line number."""

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
from models.uses.offers import JoiningFamily
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
    """A parsed file, with the place of each key for errors."""

    label: str
    content: Mapping[str, Any]
    lines: Mapping[KeyPath, int]
    overridden: frozenset[KeyPath] = frozenset()  # on the command line

    def place(self, *path: str | int) -> str:
        if path in self.overridden:
            option = path[0] if path[-1] in ("url", "searches") else path[-1]
            return "--set" if path[0] == "space" else f"--{option}".replace("_", "-")
        line = line_of(self.lines, path)
        return f"{self.label} line {line}" if line else self.label


def load(
    source: str | Path,
    *,
    overrides: Mapping[str, object] | None = None,
    family: AnyFamily | None = None,
    stored: bool = False,
) -> SearchSpec:
    """Read a search file or a built-in search.

    Missing keys are taken from the family's built-in search, also setting by setting in ``[space]``. With
    ``only = true`` in ``[space]``, missing settings keep their defaults instead.

    Args:
        source: A file's path, a family's name, or the name of another built-in search.
        overrides: Values by dotted key ("budget.trials") from the command line; they take precedence.
        family: The family, if it is not registered.
        stored: Whether the file was written by a search that was started; see :func:`parse`.

    Returns:
        The search.

    Raises:
        BadInputError: For any error in the file, with its line.
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
    """Read a search from TOML text; ``label`` names it in errors. The other arguments are those of :func:`load`.

    A ``stored`` search is complete: a hyperparameter that is missing did not exist when it was stored, and has the
    value that the code used then.
    """
    source = _with_overrides(_read(text, label), overrides or {})
    chosen = family or _family_of(source)
    only, written = _own_space(source)
    base = {"space": chosen.spec_type.earlier()} if stored else default_search(chosen)
    sections: dict[str, Any] = {name: _section(source, name, base.get(name, {})) for name in SECTIONS}
    budget: Budget = sections["budget"]
    others: Mapping[str, object] = {} if only and not stored else base.get("space", {})
    space = make_space(
        chosen.spec_type,
        {**others, **written, "epochs": budget.epochs},
        place=lambda name: source.place("space", name),
        written=frozenset(name for name in written if ("space", name) in source.overridden) or frozenset(written),
        only=only,
    )
    search = SearchSpec(
        name=check_name(source.content.get("name", chosen.name), source.place("name")),
        family=chosen.name,
        space=space,
        prior=_prior(source, base, chosen.spec_type, space),
        **sections,
    )
    search.scheduler.check(space, f"[scheduler], {source.place('scheduler', 'late')}")
    _check_first_folds(search, chosen, f"[scheduler], {source.place('scheduler', 'folds_first')}")
    budget.check_stop(search.data, f"[budget], {source.place('budget', 'stop')}")
    search.sampler.check(space, search.prior, budget.trials, f"[sampler], {source.place('sampler', 'kind')}")
    search.warm_start.check(search.sampler.kind, f"[warm_start], {source.place('warm_start', 'searches')}")
    return search


def _check_first_folds(search: SearchSpec, family: AnyFamily, where: str) -> None:
    first_folds = search.scheduler.first_folds(search.budget.epochs)
    if first_folds is None:
        return
    first, until = first_folds
    if not isinstance(family, JoiningFamily):
        raise BadInputError(
            f"all folds of {family.name} are trained from the start", f"folds_first = {first}", where, "set it to 0"
        )
    early = [epoch for epoch in search.storage.snapshots if epoch <= until]
    if early:
        raise BadInputError(
            "a snapshot has the networks of all folds",
            f"with folds_first = {first}, epoch {early[0]} has {first}",
            where,
            f"set it to 0, or keep snapshots after epoch {until}",
        )


def _own_space(source: _Source) -> tuple[bool, Mapping[str, object]]:
    """Return the value of ``only`` in the file's ``[space]``, and the other entries there."""
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
            f"a search file's numbers have at most {_MAX_DIGITS:,} digits, and its brackets are nested at most a few "
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
    """Check that a top-level key is known and its value is of the right type."""
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
        if any(len(digits.replace("_", "")) > _MAX_DIGITS for digits in _DIGITS.findall(line)):
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
    return replace(source, content=content, overridden=frozenset(tuple(dotted.split(".")) for dotted in overrides))


def _family_of(source: _Source) -> AnyFamily:
    name = source.content.get("family", default_family().name)
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES, source.place("family"))
    return FAMILIES[name]


def default_corpus(family: AnyFamily) -> str:
    """Return the corpus of a family's built-in search."""
    return default_search(family).get("data", {}).get("corpus", Data().corpus)


def _section(source: _Source, name: str, base: Mapping[str, object]) -> Section:
    """Read a table; missing keys are taken from the built-in search if its table is of the same kind."""
    written: Mapping[str, object] = source.content.get(name, {})
    type_, *others = SECTIONS[name]
    if others:
        kinds = {str(section_type.model_fields["kind"].default): section_type for section_type in SECTIONS[name]}
        inherited = base.get("kind", next(iter(kinds)))
        kind = written.get("kind", inherited)
        if not isinstance(kind, str) or kind not in kinds:
            raise unknown(name, str(kind), kinds, f"[{name}], {source.place(name, 'kind')}")
        type_ = kinds[kind]
        base = base if kind == inherited else {}
    content = {**base, **written}
    for key in [*content]:
        if (name, key) in source.overridden and others and key not in type_.model_fields:
            del content[key]  # --seed also names the sampler's, which some kinds do not have
        elif key not in type_.model_fields:
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
    points: list[Mapping[str, Value]] = []
    for point in map(space.project, written or base.get("prior", [])):
        if point and point not in points:
            points.append(point)
    return tuple(points)


def _check_point(source: _Source, index: int, spec_type: type[Spec], space: Space) -> None:
    """Check that a point is in the search space, except for settings that the command line overrides."""
    point: Mapping[str, Value] = source.content["prior"][index]
    for name in point:
        if name not in spec_type.settings() or name == "epochs":
            raise unknown("setting", name, spec_type.settings().keys() - {"epochs"}, source.place("prior", index, name))
    spec_type.from_values(point, source.place("prior", index))
    for name in space.values(point):
        domain = space.domains[name]
        if name in point and point[name] not in domain and ("space", name) not in source.overridden:
            raise BadInputError(
                "a prior point must lie in the search space",
                f"{name} = {toml_value(point[name])} of [[prior]] {index + 1} does not, because [space] has "
                f"{name} = {domain.to_toml()}",
                source.place("prior", index, name),
                "change one of them",
            )
