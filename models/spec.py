"""Settings of model families: frozen fields with bounds, unit, meaning and the condition under which they matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_prep.errors import BadInputError, shown, unknown

Value: TypeAlias = bool | int | float | str
"""The value of a setting."""


Kind: TypeAlias = Literal["choice", "flag", "integer", "real"]

_KINDS: Mapping[Any, Kind] = {bool: "flag", int: "integer", float: "real"}


@dataclass(frozen=True)
class Setting:
    """One setting, as declared by its field.

    Attributes:
        name: Name of the field.
        kind: Type of the value.
        default: Default value.
        choices: The legal values of a choice, empty otherwise.
        low: The lowest legal number, None for a choice.
        high: The highest legal number, None for a choice.
        unit: The unit in words, empty if there is none.
        meaning: Description in one line.
        when: Other settings' names with the values under which this setting matters; empty if it always does.
        takes_memory: Whether a model takes more memory with a higher value.
        memory_order: The choices in ascending order of the memory that a model takes; empty if it is about the same.
        earlier: The value in models that were stored before the setting existed; None for the default.
    """

    name: str
    kind: Kind
    default: Value
    choices: tuple[Value, ...]
    low: float | None
    high: float | None
    unit: str
    meaning: str
    when: Mapping[str, tuple[Value, ...]]
    takes_memory: bool = False
    memory_order: tuple[Value, ...] = ()
    earlier: Value | None = None

    @property
    def whole_bounds(self) -> tuple[int, int]:
        """The lowest and the highest legal value of an integer setting."""
        assert self.low is not None
        assert self.high is not None
        return int(self.low), int(self.high)


def setting(  # noqa: PLR0913  (one argument for each attribute)
    default: Value,
    meaning: str,
    *,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    when: Mapping[str, tuple[Value, ...]] | None = None,
    takes_memory: bool = True,
    memory_order: tuple[Value, ...] = (),
    earlier: Value | None = None,
) -> Any:
    """Declare a setting: a field with inclusive bounds, a unit, its meaning and the condition under which it matters.

    Args:
        default: Default value.
        meaning: Description in one line.
        low: The lowest legal number.
        high: The highest legal number.
        unit: The unit in words.
        when: Other settings' names with the values under which this setting matters.
        takes_memory: For an integer, whether a model takes more memory with a higher value.
        memory_order: For a choice, its values in ascending order of the memory that a model takes, if it differs.
        earlier: The value in models that were stored before the setting existed, if it is not the default.

    Returns:
        The field.
    """
    return Field(
        default=default,
        ge=low,
        le=high,
        description=meaning,
        json_schema_extra={
            "unit": unit,
            "when": {name: list(values) for name, values in (when or {}).items()},
            "takes_memory": takes_memory,
            "memory_order": list(memory_order),
            "earlier": earlier,
        },
    )


class Spec(BaseModel):
    """All settings of one trial of a family. Subclasses add the fields.

    A setting that does not matter under the others (its ``when``) must have its default, so that equal models have
    equal specs.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @classmethod
    @cache  # a search calls this thousands of times
    def settings(cls) -> dict[str, Setting]:
        """Return every setting in the order of the fields; a setting's ``when`` names only earlier ones."""
        settings: dict[str, Setting] = {}
        for name, field in cls.model_fields.items():
            extra: Any = field.json_schema_extra or {}
            bounds = {type(part).__name__: part for part in field.metadata}
            annotation = field.annotation
            is_choice = get_origin(annotation) is Literal
            settings[name] = Setting(
                name=name,
                kind="choice" if is_choice else _KINDS[annotation],
                default=field.default,
                choices=get_args(annotation) if is_choice else (),
                low=bounds["Ge"].ge if "Ge" in bounds else None,
                high=bounds["Le"].le if "Le" in bounds else None,
                unit=extra.get("unit", ""),
                meaning=field.description or "",
                when={key: tuple(values) for key, values in extra.get("when", {}).items()},
                takes_memory=annotation is int and extra.get("takes_memory", True),
                memory_order=tuple(extra.get("memory_order", ())),
                earlier=extra.get("earlier"),
            )
        return settings

    @classmethod
    def with_default(cls, name: str, default: Value, meaning: str = "") -> Any:
        """Return an inherited setting with another default, and with another meaning if that is given."""
        inherited = cls.settings()[name]
        others = ("low", "high", "unit", "when", "takes_memory", "memory_order", "earlier")
        return setting(default, meaning or inherited.meaning, **{part: getattr(inherited, part) for part in others})

    @classmethod
    def defaults(cls) -> dict[str, Value]:
        """Return the default of every setting."""
        return {name: setting.default for name, setting in cls.settings().items()}

    @classmethod
    def earlier(cls) -> dict[str, Value]:
        """Return the settings that did not always exist, with the values in models that were stored before."""
        return {name: setting.earlier for name, setting in cls.settings().items() if setting.earlier is not None}

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Self:
        """Return the spec of a stored model, which may be older than some of the settings.

        Args:
            values: The stored settings by name.

        Returns:
            The spec.

        Raises:
            ValueError: If the values are not a legal spec.
        """
        earlier = {name: value for name, value in cls.earlier().items() if cls.matters(name, values)}
        try:
            return cls.model_validate({**earlier, **values})
        except ValidationError as error:
            raise ValueError(cls._illegal(error, values)) from None

    def equals_stored(self, values: Mapping[str, Any]) -> bool:
        """Return whether stored values, which may be older than some of the settings, are those of this spec."""
        try:
            return self.from_stored(values) == self
        except ValueError:
            return False

    @classmethod
    def matters(cls, name: str, values: Mapping[str, Value]) -> bool:
        """Return whether a setting matters under the values of the others (their defaults if absent)."""
        settings = cls.settings()
        return all(
            values.get(other, settings[other].default) in allowed and cls.matters(other, values)
            for other, allowed in settings[name].when.items()
        )

    @classmethod
    def changed(cls, base: Mapping[str, Value], changes: Mapping[str, Value]) -> dict[str, Value]:
        """Return changed values, without those of the base that no longer matter.

        Args:
            base: Settings of a preset.
            changes: Settings that replace or extend them, not yet checked.

        Returns:
            The values, including all changes.
        """
        values = {**base, **changes}
        return {name: value for name, value in values.items() if name in changes or cls.matters(name, values)}

    @classmethod
    def from_values(cls, values: Mapping[str, Value], where: str = "") -> Self:
        """Check values and return the spec.

        Args:
            values: Settings by name; absent settings take their defaults.
            where: Source of the values, for the error ("--set", "table1/24").

        Returns:
            The spec.

        Raises:
            BadInputError: For an unknown name, an illegal value, or a setting that does not matter under the others.
        """
        settings = cls.settings()
        for name, value in values.items():
            if name not in settings:
                raise unknown("setting", name, settings, where)
            if value != settings[name].default and not cls.matters(name, values):
                needs = " and ".join(
                    f"{other} = {' or '.join(map(str, allowed))}" for other, allowed in settings[name].when.items()
                )
                raise BadInputError(f"{name} = {value} changes nothing here", f"it needs {needs}", where)
        try:
            return cls(**dict(values))  # pyright: ignore[reportArgumentType]  (pydantic checks the values)
        except ValidationError as error:
            raise BadInputError(cls._illegal(error, values), where=where) from None

    @classmethod
    def _illegal(cls, error: ValidationError, values: Mapping[str, Any]) -> str:
        """Return the rule that the first illegal value violates."""
        name = str(error.errors()[0]["loc"][0])
        setting = cls.settings().get(name)
        if setting is None:
            return f"no setting is called {shown(name)}"
        return f"{name} = {shown(values[name])} is not legal: {legal(setting)}"


def legal(setting: Setting) -> str:
    """Describe the legal values of a setting."""
    if setting.kind == "choice":
        return "it is one of " + ", ".join(map(str, setting.choices))
    if setting.kind == "flag":
        return "it is true or false"
    number = "a whole number" if setting.kind == "integer" else "a number"
    return f"it is {number} from {setting.low:g} to {setting.high:g}" + (f" {setting.unit}" if setting.unit else "")
