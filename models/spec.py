"""What a family's settings are made of: frozen fields with bounds, unit, meaning and when they matter."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from data_prep.errors import BadInputError, shown, unknown

Value: TypeAlias = bool | int | float | str
"""What a setting can be."""


@dataclass(frozen=True)
class Setting:
    """One setting, as its field declares it.

    Attributes:
        name: The field's name.
        kind: Its type.
        default: The value it has unless another is given.
        choices: The legal values of a choice, empty otherwise.
        low: The least legal number, None for a choice.
        high: The greatest legal number, None for a choice.
        unit: The unit in words, empty where there is none.
        meaning: One line for a reader.
        when: Other settings' names with the values under which this one matters; empty if it always does.
        takes_memory: Whether a model takes more memory with a greater value.
        memory_order: The choices from the one whose model takes least memory to the one that takes most; empty where
            that is much the same.
        earlier: The value under which what was stored before the setting existed was made; None where the default is.
    """

    name: str
    kind: Literal["choice", "flag", "integer", "real"]
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
        """The least and the greatest legal value of a whole number."""
        assert self.low is not None
        assert self.high is not None
        return int(self.low), int(self.high)


def setting(  # noqa: PLR0913  (everything that a field declares, named)
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
    """Declare a setting: a field with inclusive legal bounds, a unit, its meaning and when it matters.

    Args:
        default: The value it has unless another is given.
        meaning: One line for a reader.
        low: The least legal number.
        high: The greatest legal number.
        unit: The unit in words.
        when: Other settings' names with the values under which this one matters.
        takes_memory: Of a whole number, whether a model takes more memory with a greater one, as most do.
        memory_order: Of a choice, its values from the lightest model to the heaviest, where that is not the same.
        earlier: The value that was in force before the setting existed, if it is not the default.

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

    A setting that does not matter under the others (its ``when``) must hold its default, so that equal models have
    equal specs.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", strict=False, allow_inf_nan=False)

    @classmethod
    @cache  # a search asks for them thousands of times
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
                kind=(
                    "choice"
                    if is_choice
                    else "flag"
                    if annotation is bool
                    else "integer"
                    if annotation is int
                    else "real"
                ),
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
        """Return an inherited setting with another default, and another meaning where one is given."""
        inherited = cls.settings()[name]
        return setting(
            default,
            meaning or inherited.meaning,
            low=inherited.low,
            high=inherited.high,
            unit=inherited.unit,
            when=inherited.when,
            takes_memory=inherited.takes_memory,
            memory_order=inherited.memory_order,
            earlier=inherited.earlier,
        )

    @classmethod
    def defaults(cls) -> dict[str, Value]:
        """Return every setting's default."""
        return {name: setting.default for name, setting in cls.settings().items()}

    @classmethod
    def earlier(cls) -> dict[str, Value]:
        """Return the settings that did not always exist, with the values that were in force before."""
        return {name: setting.earlier for name, setting in cls.settings().items() if setting.earlier is not None}

    @classmethod
    def from_stored(cls, values: Mapping[str, Any]) -> Self:
        """Make the spec of a stored model, perhaps from before some of the settings existed.

        Args:
            values: What was stored.

        Returns:
            The spec.

        Raises:
            ValueError: If the values are no legal spec.
        """
        earlier = {name: value for name, value in cls.earlier().items() if cls.matters(name, values)}
        try:
            return cls.model_validate({**earlier, **values})
        except ValidationError as error:
            raise ValueError(cls._illegal(error, values)) from None

    def equals_stored(self, values: Mapping[str, Any]) -> bool:
        """Return whether stored values, perhaps from before some of the settings existed, are those of this spec."""
        try:
            return self.from_stored(values) == self
        except ValueError:
            return False

    @classmethod
    def matters(cls, name: str, values: Mapping[str, Value]) -> bool:
        """Return whether a setting matters under the values of the others (their defaults where absent)."""
        settings = cls.settings()
        return all(
            values.get(other, settings[other].default) in allowed and cls.matters(other, values)
            for other, allowed in settings[name].when.items()
        )

    @classmethod
    def changed(cls, base: Mapping[str, Value], changes: Mapping[str, Value]) -> dict[str, Value]:
        """Return values with some changed, without those of the base that matter no longer.

        Args:
            base: Settings of a preset.
            changes: What a user asked for instead; not yet checked.

        Returns:
            The values, all changes among them.
        """
        values = {**base, **changes}
        return {name: value for name, value in values.items() if name in changes or cls.matters(name, values)}

    @classmethod
    def from_values(cls, values: Mapping[str, Value], where: str = "") -> Self:
        """Check values and make the spec.

        Args:
            values: Settings by name; absent ones take their defaults.
            where: Where the values come from, for the error ("--set", "table1/24").

        Returns:
            The spec.

        Raises:
            BadInputError: For an unknown name, an illegal value, or one that does not matter under the others.
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
        """Return the rule that the first illegal value breaks."""
        name = str(error.errors()[0]["loc"][0])
        setting = cls.settings().get(name)
        if setting is None:
            return f"no setting is called {shown(name)}"
        return f"{name} = {shown(values[name])} is not legal: {legal(setting)}"


def legal(setting: Setting) -> str:
    """Describe in a few words which values a setting may have."""
    if setting.kind == "choice":
        return "it is one of " + ", ".join(map(str, setting.choices))
    if setting.kind == "flag":
        return "it is true or false"
    number = "a whole number" if setting.kind == "integer" else "a number"
    return f"it is {number} from {setting.low:g} to {setting.high:g}" + (f" {setting.unit}" if setting.unit else "")
