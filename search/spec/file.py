"""The file that a user writes to say what to search: TOML, every key optional, every error with its line."""

import re
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, cast

from pydantic import ConfigDict, ValidationError

from data_prep.errors import BadInputError, shown, unknown
from models.families import FAMILIES, default_family
from models.family import Family
from models.spec import Spec, Value
from search.passwords import without_password
from search.spec.built_in import default_search, further_searches
from search.spec.domains import toml_value
from search.spec.sections import (
    SECTIONS,
    Budget,
    Data,
    Resources,
    Sampler,
    Scheduler,
    Section,
    Storage,
    StudyPlace,
    TrackingPlace,
    write_duration,
)
from search.spec.space import Space, make_space
from search.spec.toml_lines import Path as KeyPath
from search.spec.toml_lines import key_lines, line_of

AnyFamily: TypeAlias = Family[Any, Any]

_MAX_DIGITS = sys.get_int_max_str_digits() or 4300
_DIGITS = re.compile(r"\d[\d_]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def check_name(name: str, place: str) -> str:
    """Refuse a search's name that is unfit for a folder's, a run's and a command line's word.

    Args:
        name: The name.
        place: Where it stands, for the error.

    Returns:
        The name.

    Raises:
        BadInputError: If it is.
    """
    if not _NAME.fullmatch(name):
        raise BadInputError(
            "a search's name is 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit: "
            f"got {shown(name)} ({place})"
        )
    return name


class SearchSpec(Section):
    """A whole search, complete and checked.

    Attributes:
        name: The search's name: of its folder, its MLflow run, and on the command line.
        family: The model family.
        data: Its section, as the others below.
        space: What is tried for each setting; ``epochs`` is fixed by the budget.
        prior: Known good points, tried first; what a point leaves out is sampled.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    name: str
    family: str
    data: Data = Data()
    budget: Budget = Budget()
    space: Space
    prior: tuple[Mapping[str, Value], ...] = ()
    scheduler: Scheduler = Scheduler()
    sampler: Sampler = Sampler()
    resources: Resources = Resources()
    study: StudyPlace = StudyPlace()
    storage: Storage = Storage()
    tracking: TrackingPlace = TrackingPlace()

    def to_toml(self) -> str:
        """Write the complete effective file, with comments and without passwords; reading it gives an equal search."""
        return write_toml(self)


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
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInputError(f"a search file must be readable: {path} ({reason})") from None
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

    A search that was ``stored`` is complete: a setting that it lacks did not exist then, and keeps its earlier value.
    """
    source = _read(text, label)
    source = _with_overrides(source, overrides or {})
    chosen = family or _family_of(source)
    only, written = _own_space(source)
    base = {"space": chosen.spec_type.earlier()} if stored else default_search(chosen)
    merged = {key: value for key, value in base.items() if key not in ("space", "prior")}
    for section in SECTIONS:
        merged[section] = {**base.get(section, {}), **source.content.get(section, {})}
    budget = _section(source, "budget", merged["budget"])
    others: Mapping[str, object] = {} if only and not stored else base.get("space", {})
    space = make_space(
        chosen.spec_type,
        {**others, **written, "epochs": cast("Budget", budget).epochs},
        place=lambda name: source.place("space", name),
        written=frozenset(name for name in written if ("space", name) in source.given) or frozenset(written),
        only=only,
    )
    return SearchSpec(
        name=check_name(source.content.get("name", chosen.name), source.place("name")),
        family=chosen.name,
        space=space,
        prior=_prior(source, base, chosen.spec_type, space),
        **{name: _section(source, name, merged[name]) for name in SECTIONS},  # pyright: ignore[reportArgumentType]
    )


def _own_space(source: _Source) -> tuple[bool, Mapping[str, object]]:
    """Return whether only the settings that the file names are searched, and what it says of them."""
    written = dict[str, object](source.content.get("space", {}))
    only = written.pop("only", False)
    if not isinstance(only, bool):
        raise BadInputError(f"only is true or false: got {only!r} ([space], {source.place('space', 'only')})")
    if "epochs" in written:
        raise BadInputError(f"epochs are not searched: set them in [budget] ({source.place('space', 'epochs')})")
    return only, written


def _read(text: str, label: str) -> _Source:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"a search file is TOML: {label} is not, {str(error)[0].lower()}{str(error)[1:]}") from None
    except (RecursionError, ValueError):  # Python's own limits
        raise BadInputError(
            f"a search file's numbers have at most {_MAX_DIGITS:,} digits, and its brackets stand within one another "
            f"at most some hundred times: {label} has more{_where_digits(text)}; correct it there"
        ) from None
    source = _Source(label, content, key_lines(text))
    for key, value in content.items():
        if key not in _TOP:
            raise unknown("key", key, _TOP, source.place(key))
        wants_table = key not in ("name", "family", "prior")
        if wants_table and not isinstance(value, dict):
            raise BadInputError(f"{key} is a table, written [{key}]: got {_shown(value)} ({source.place(key)})")
        if key in ("name", "family") and not isinstance(value, str):
            found = shown(value)  # pyright: ignore[reportUnknownArgumentType]
            raise BadInputError(f"{key} is a word in quotes: got {found} ({source.place(key)})")
        if key == "prior" and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):  # pyright: ignore[reportUnknownVariableType]
            raise BadInputError(f"prior points are tables, written [[prior]] ({source.place(key)})")
    return source


def _where_digits(text: str) -> str:
    for number, line in enumerate(text.splitlines(), start=1):
        if any(len(run.replace("_", "")) > _MAX_DIGITS for run in _DIGITS.findall(line)):
            return f" (line {number})"
    return ""


def _shown(value: object) -> str:
    return shown(without_password(value) if isinstance(value, str) else value)


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


def _section(source: _Source, name: str, content: Mapping[str, object]) -> Section:
    kind = SECTIONS[name]
    for key in content:
        if key not in kind.model_fields:
            raise unknown("key", key, kind.model_fields, f"[{name}], {source.place(name, key)}")
    try:
        return kind.model_validate(dict(content))
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0])
        rule = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        value = content[key]
        if key in ("url", "uri") and isinstance(value, str):
            value = without_password(value).partition("?")[0]
        raise BadInputError(f"{name}.{key} = {shown(value)} is not legal: {rule} ({source.place(name, key)})") from None


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
    """Refuse a point that the file's own space does not hold; what the command line fixes counts instead of it."""
    point: Mapping[str, Value] = source.content["prior"][index]
    for name in point:
        if name not in spec_type.settings() or name == "epochs":
            raise unknown("setting", name, spec_type.settings().keys() - {"epochs"}, source.place("prior", index, name))
    spec_type.from_values(point, source.place("prior", index))
    for name in space.values(point):
        domain = space.domains[name]
        if name in point and point[name] not in domain and ("space", name) not in source.given:
            raise BadInputError(
                f"a point lies in the space that is searched: {name} = {toml_value(point[name])} of [[prior]] "
                f"{index + 1} does not, for [space] has {name} = {domain.to_toml()} "
                f"({source.place('prior', index, name)}); change one of them"
            )


def write_toml(search: SearchSpec) -> str:
    """Write a search as a complete file with a comment on every key."""
    lines = [f"name = {toml_value(search.name)}", f"family = {toml_value(search.family)}"]
    for name in ("data", "budget", "space", "scheduler", "sampler", "resources", "study", "storage", "tracking"):
        lines += _write_space(search.space) if name == "space" else _write_section(name, getattr(search, name))
    for point in search.prior:
        lines += ["", "[[prior]]", *(f"{name} = {toml_value(value)}" for name, value in point.items())]
    return "\n".join(lines) + "\n"


def _write_section(name: str, section: Section) -> list[str]:
    lines = ["", f"# {(type(section).__doc__ or '').rstrip('.')}.", f"[{name}]"]
    for key, field in type(section).model_fields.items():
        value: Any = getattr(section, key)
        text = write_duration(value) if key == "time" else without_password(value) if key in ("url", "uri") else value
        lines.append(f"{key} = {toml_value(text)}  # {field.description}")
    return lines


def _write_space(space: Space) -> list[str]:
    lines = ["", "# What is tried: a value, a list, or a range { low, high, step, log }.", "[space]"]
    if space.only:
        lines.append("only = true  # a setting that is not named here keeps its default")
    for name, setting in space.spec_type.settings().items():
        if name == "epochs":
            continue
        bounds = " | ".join(map(str, setting.choices))
        if setting.low is not None and setting.high is not None:
            bounds = f"{setting.low:g}..{setting.high:g}" + (f" {setting.unit}" if setting.unit else "")
        needs = [f"{other} = {' or '.join(map(toml_value, values))}" for other, values in setting.when.items()]
        when = f"only where {' and '.join(needs)}" if needs else ""
        remarks = [part for part in (setting.meaning, bounds, when) if part]
        lines.append(f"# {'; '.join(remarks)}")
        lines.append(f"{name} = {space.domains[name].to_toml()}")
    return lines
