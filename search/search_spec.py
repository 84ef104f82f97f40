"""The file that a user writes to say what to search: TOML, every key optional, every error with its line."""

import math
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, TypeAlias, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SerializeAsAny, ValidationError

from data_prep.errors import BadInputError, unknown
from models.family import Family
from models.spec import Spec, Value
from search.space import Fixed, Space, make_space, toml_value
from search.toml_lines import Path as KeyPath
from search.toml_lines import key_lines, line_of

AnyFamily: TypeAlias = Family[Any, Any]

DEFAULTS: Mapping[str, str] = {"composer": "defaults/composer.toml"}
"""Each family's built-in search."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?")


def check_name(name: str, place: str) -> str:
    """Refuse a search's name that is unfit for a folder's, a run's and a command line's word.

    Raises:
        BadInputError: If it is.
    """
    if not _NAME.fullmatch(name):
        raise BadInputError(
            "a search's name is 1 to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit: "
            f"got {name!r} ({place})"
        )
    return name


def read_duration(text: object) -> float | None:
    """Read "4m30s", "2h", "90s", a number of seconds, or "none".

    Returns:
        Seconds, None for no limit.

    Raises:
        ValueError: For anything else, or no time at all.
    """
    if text is None or text == "none":
        return None
    if isinstance(text, int | float) and not isinstance(text, bool) and text > 0 and math.isfinite(text):
        return float(text)
    match = _DURATION.fullmatch(text.replace(" ", "")) if isinstance(text, str) and text else None
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if not seconds:
        raise ValueError(f'a time is written like "4m30s", "2h" or "none": got {text!r}')
    return seconds


def write_duration(seconds: float | None) -> str:
    """Write seconds as :func:`read_duration` reads them."""
    if seconds is None:
        return "none"
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    parts = [f"{int(hours)}h" if hours else "", f"{int(minutes)}m" if minutes else "", f"{rest:.10g}s" if rest else ""]
    return "".join(parts)


def without_password(url: str) -> str:
    """Strike a password out of a URL, so that it is neither stored nor shown."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}" if at else url


class Section(BaseModel):
    """One table of the file."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Data(Section):
    """What the models are trained and compared on."""

    corpus: str = Field("oneills", description="a named corpus, or a folder of MIDI, ABC, MusicXML or kern files")
    folds: int = Field(4, ge=2, le=20, description="folds of the cross-validation, trained in lockstep")
    seed: int = Field(0, ge=0, description="seed of folds, weights, windows and dropout")


class Budget(Section):
    """When the search ends."""

    trials: int = Field(60, ge=1, le=100_000, description="trials in all, those that were stopped early included")
    epochs: int = Field(9, ge=1, le=100_000, description="epochs of a full trial, over which the schedule runs")
    time: Annotated[float | None, BeforeValidator(read_duration)] = Field(
        270.0, description='time of the whole search, as in "4m30s"; "none" is no limit'
    )


class Scheduler(Section):
    """When weak trials are stopped (asynchronous successive halving, ASHA)."""

    first_rung: int = Field(3, ge=1, le=100_000, description="epochs before a trial may be stopped")
    reduction: int = Field(3, ge=2, le=100, description="one in so many goes on at a rung; rungs lie that factor apart")


class Sampler(Section):
    """How settings are proposed (TPE)."""

    seed: int = Field(0, ge=0, description="seed of the proposals")
    startup: int = Field(10, ge=1, le=10_000, description="trials drawn at random before the sampler learns")


class Resources(Section):
    """What each trial gets."""

    slots: int = Field(0, ge=0, le=10_000, description="trials that run at once; 0 is as many as fit")
    cpus: int = Field(1, ge=1, le=1024, description="processors of a trial")
    gpus: float | Literal["auto"] = Field(
        "auto", ge=0, le=64, description='GPUs of a trial, parts of one allowed; "auto" shares what is there'
    )


class Study(Section):
    """Where the search's own state is kept."""

    url: str = Field(
        "",
        description="empty: a journal file in the home folder; or sqlite:///... or postgresql+psycopg://host/db "
        "(keep the password in PGPASSWORD or ~/.pgpass)",
    )


class Tracking(Section):
    """Where MLflow's runs go."""

    uri: str = Field("", description="empty: mlflow.db in the home folder; or sqlite:///..., or a server's http://...")


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
    study: Study = Study()
    tracking: Tracking = Tracking()

    def to_toml(self) -> str:
        """Write the complete effective file, with comments and without passwords; reading it gives an equal search."""
        return write_toml(self)


SECTIONS: Mapping[str, type[Section]] = {
    "data": Data,
    "budget": Budget,
    "scheduler": Scheduler,
    "sampler": Sampler,
    "resources": Resources,
    "study": Study,
    "tracking": Tracking,
}
_TOP = ("name", "family", "space", "prior", *SECTIONS)


@dataclass(frozen=True)
class _Source:
    """A parsed file and how to name its places."""

    label: str
    content: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def place(self, *path: str | int) -> str:
        line = line_of(self.lines, path)
        return f"{self.label} line {line}" if line else self.label


def load(
    source: str | Path, *, overrides: Mapping[str, object] | None = None, family: AnyFamily | None = None
) -> SearchSpec:
    """Read a search file, or a family's built-in search.

    What the file leaves out is taken from its family's built-in search; in ``[space]`` this holds setting by setting.

    Args:
        source: A file's path, or a family's name.
        overrides: Values by dotted key ("budget.trials") that the command line gives; they win.
        family: The family itself, for one that is not among the registered.

    Returns:
        The search.

    Raises:
        BadInputError: For anything that is wrong in the file, with its line.
    """
    named = DEFAULTS if family is None else {**DEFAULTS, family.name: ""}
    if str(source) in named:
        return parse(f'family = "{source}"\n', f"the built-in search {source}", overrides=overrides, family=family)
    path = Path(source)
    if not path.exists() and path.suffix != ".toml":
        raise unknown("search or family", str(source), named, "and there is no such file")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadInputError(f"a search file must be readable: {path} ({reason})") from None
    return parse(text, str(path), overrides=overrides, family=family)


def parse(
    text: str, label: str, *, overrides: Mapping[str, object] | None = None, family: AnyFamily | None = None
) -> SearchSpec:
    """Read a search from TOML text; ``label`` names it in errors. Otherwise as :func:`load`."""
    source = _read(text, label)
    source = _with_overrides(source, overrides or {})
    chosen = family or _family_of(source)
    base = _built_in(chosen)
    merged = {key: value for key, value in base.items() if key not in ("space", "prior")}
    for section in SECTIONS:
        merged[section] = {**base.get(section, {}), **source.content.get(section, {})}
    budget = _section(source, "budget", merged["budget"])
    written: Mapping[str, object] = source.content.get("space", {})
    if "epochs" in written:
        raise BadInputError(f"epochs are not searched: set them in [budget] ({source.place('space', 'epochs')})")
    space = make_space(
        chosen.spec_type,
        {**base.get("space", {}), **written, "epochs": cast("Budget", budget).epochs},
        place=lambda name: source.place("space", name),
        written=frozenset(written),
    )
    return SearchSpec(
        name=check_name(source.content.get("name", chosen.name), source.place("name")),
        family=chosen.name,
        space=space,
        prior=_prior(source, base, chosen.spec_type, space),
        **{name: _section(source, name, merged[name]) for name in SECTIONS},  # pyright: ignore[reportArgumentType]
    )


def _read(text: str, label: str) -> _Source:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"a search file is TOML: {label} is not, {str(error)[0].lower()}{str(error)[1:]}") from None
    source = _Source(label, content, key_lines(text))
    for key, value in content.items():
        if key not in _TOP:
            raise unknown("key", key, _TOP, source.place(key))
        wants_table = key not in ("name", "family", "prior")
        if wants_table and not isinstance(value, dict):
            raise BadInputError(f"{key} is a table, written [{key}]: got {value!r} ({source.place(key)})")
        if key in ("name", "family") and not isinstance(value, str):
            raise BadInputError(f"{key} is a word in quotes: got {value!r} ({source.place(key)})")
        if key == "prior" and not (isinstance(value, list) and all(isinstance(one, dict) for one in value)):  # pyright: ignore[reportUnknownVariableType]
            raise BadInputError(f"prior points are tables, written [[prior]] ({source.place(key)})")
    return source


def _with_overrides(source: _Source, overrides: Mapping[str, object]) -> _Source:
    content: dict[str, Any] = {
        key: dict(value) if isinstance(value, dict) else value for key, value in source.content.items()
    }  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    lines = dict(source.lines)
    for dotted, value in overrides.items():
        *section, key = dotted.split(".")
        table = content.setdefault(section[0], {}) if section else content
        table[key] = value
        lines.pop((*section, key), None)
    return _Source(source.label, content, lines)


def _family_of(source: _Source) -> AnyFamily:
    from models.families import FAMILIES  # noqa: PLC0415  (a family given by the caller needs no registry)

    name = source.content.get("family", next(iter(DEFAULTS)))
    if name not in FAMILIES:
        raise unknown("family", name, FAMILIES, source.place("family"))
    return FAMILIES[name]


def _built_in(family: AnyFamily) -> Mapping[str, Any]:
    if family.name not in DEFAULTS:
        return {}
    return tomllib.loads(files("search").joinpath(DEFAULTS[family.name]).read_text(encoding="utf-8"))


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
        raise BadInputError(
            f"{name}.{key} = {content[key]!r} is not legal: {rule} ({source.place(name, key)})"
        ) from None


def _prior(
    source: _Source, base: Mapping[str, Any], spec_type: type[Spec], space: Space
) -> tuple[Mapping[str, Value], ...]:
    written: list[Mapping[str, Value]] = source.content.get("prior", [])
    for index, point in enumerate(written):
        for name in point:
            if name not in spec_type.settings() or name == "epochs":
                raise unknown(
                    "setting", name, spec_type.settings().keys() - {"epochs"}, source.place("prior", index, name)
                )
        spec_type.from_values(point, source.place("prior", index))
    points = (space.project(point) for point in (written or base.get("prior", [])))
    kept: list[Mapping[str, Value]] = []
    for point in points:
        if point and point not in kept:
            kept.append(point)
    return tuple(kept)


def write_toml(search: SearchSpec) -> str:
    """Write a search as a complete file with a comment on every key."""
    lines = [f"name = {toml_value(search.name)}", f"family = {toml_value(search.family)}"]
    for name in ("data", "budget", "space", "scheduler", "sampler", "resources", "study", "tracking"):
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
    for name, setting in space.spec_type.settings().items():
        if name == "epochs":
            continue
        bounds = " | ".join(map(str, setting.choices))
        if setting.low is not None and setting.high is not None:
            bounds = f"{setting.low:g}..{setting.high:g}" + (f" {setting.unit}" if setting.unit else "")
        when = " and ".join(f"{other} = {' or '.join(map(str, values))}" for other, values in setting.when.items())
        remarks = [part for part in (setting.meaning, bounds, f"only where {when}" if when else "") if part]
        lines.append(f"# {'; '.join(remarks)}")
        lines.append(f"{name} = {space.domains[name].to_toml()}")
    return lines
