"""The domain of one hyperparameter in a search: a value, a list of values, or a range."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeAlias, cast

from data_prep.errors import BadInputError, shown, unknown
from models.spec import Setting, Value, legal

_RANGE_KEYS = ("low", "high", "step", "log")
_ROUNDING = 1e-9
"""Tolerance of a value on a step, as a fraction of the step."""


class Suggester(Protocol):
    """The part of an Optuna trial that a space uses."""

    def suggest_categorical(self, name: str, choices: tuple[Value, ...]) -> Any:
        """Suggest one of the values."""
        ...

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        """Suggest an integer from low to high."""
        ...

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        """Suggest a number from low to high."""
        ...


@dataclass(frozen=True)
class Fixed:
    """A single value, which is not searched."""

    value: Value

    @property
    def count(self) -> float:
        """Number of values."""
        return 1

    def __contains__(self, value: object) -> bool:
        """Return whether it is the fixed value."""
        return value == self.value

    def suggest(self, name: str, trial: Suggester) -> Value:
        """Return the value."""
        del name, trial
        return self.value

    def to_toml(self) -> str:
        """Return the domain in the notation of a search file."""
        return toml_value(self.value)


@dataclass(frozen=True)
class Categorical:
    """A set of values without an order."""

    values: tuple[Value, ...]

    @property
    def count(self) -> float:
        """Number of values."""
        return len(self.values)

    def __contains__(self, value: object) -> bool:
        """Return whether the value is among them."""
        return value in self.values

    def suggest(self, name: str, trial: Suggester) -> Value:
        """Return the value that the trial suggests."""
        return trial.suggest_categorical(name, self.values)

    def to_toml(self) -> str:
        """Return the domain in the notation of a search file."""
        return f"[{', '.join(map(toml_value, self.values))}]"


@dataclass(frozen=True)
class Range:
    """A range of integers or real numbers with inclusive bounds, on a linear or logarithmic scale.

    Attributes:
        low: The smallest value.
        high: The largest value.
        step: The distance between values; None for 1 (integers) or any distance (real numbers).
        log: Whether the scale is logarithmic.
        whole: Whether the values are integers.
    """

    low: float
    high: float
    step: float | None
    log: bool
    whole: bool

    @property
    def count(self) -> float:
        """Number of values; infinite for a real range without a step."""
        if self.whole:
            return (self.high - self.low) // (self.step or 1) + 1
        return math.inf if self.step is None else math.floor((self.high - self.low) / self.step + _ROUNDING) + 1

    def __contains__(self, value: object) -> bool:
        """Return whether the value is within the bounds and on a step."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        steps = (value - self.low) / (self.step or 1)
        return (not self.whole and self.step is None) or abs(steps - round(steps)) < _ROUNDING

    def place(self, number: float) -> float:
        """Return where a number is on the range's scale: 0 at the lower bound, 1 at the upper one."""
        scale: Callable[[float], float] = math.log if self.log else float
        return (scale(number) - scale(self.low)) / (scale(self.high) - scale(self.low))

    def nearest(self, number: float) -> float:
        """Return the value that is nearest to a number; of two equally near values, the lower one."""
        number = min(max(number, self.low), self.high)
        step = 1 if self.whole and self.step is None else self.step
        if step is None:
            return number
        steps = math.ceil((number - self.low) / step - 0.5)
        return float(Decimal(str(self.low)) + steps * Decimal(str(step)))

    def suggest(self, name: str, trial: Suggester) -> Value:
        """Return the value that the trial suggests."""
        if self.whole:
            return trial.suggest_int(name, int(self.low), int(self.high), step=int(self.step or 1), log=self.log)
        return trial.suggest_float(name, self.low, self.high, step=self.step, log=self.log)

    def to_toml(self) -> str:
        """Return the domain in the notation of a search file."""
        number: Callable[[float], str] = (lambda x: str(int(x))) if self.whole else lambda x: toml_value(float(x))
        parts = [f"low = {number(self.low)}", f"high = {number(self.high)}"]
        if self.step is not None:
            parts.append(f"step = {number(self.step)}")
        if self.log:
            parts.append("log = true")
        return f"{{ {', '.join(parts)} }}"


Domain: TypeAlias = Fixed | Categorical | Range
"""The values that a search may try for one hyperparameter."""


def toml_value(value: Value) -> str:
    """Return a value in TOML notation."""
    return json.dumps(value, ensure_ascii=False)


def read_domain(setting: Setting, entry: object, place: str) -> Domain:
    """Read the domain of one hyperparameter from a search file.

    Args:
        setting: The setting.
        entry: A value, a list of values, or a table with low, high and optionally step and log.
        place: File and line, for the error.

    Returns:
        The domain. A list with one value becomes a fixed value.

    Raises:
        BadInputError: For a value or bound outside the setting's legal range, or an ill-formed entry.
    """
    if isinstance(entry, Mapping):
        return _read_range(setting, cast("Mapping[str, object]", entry), place)
    if isinstance(entry, list):
        values = [_read_value(setting, value, place) for value in cast("list[object]", entry)]
        if not values:
            raise BadInputError(f"{setting.name} needs at least one value", "its list is empty", place)
        if len(set(values)) < len(values):
            raise BadInputError(f"{setting.name} lists a value twice", shown(values), place)
        return Categorical(tuple(values)) if len(values) > 1 else Fixed(values[0])
    return Fixed(_read_value(setting, entry, place))


def _read_value(setting: Setting, value: object, place: str) -> Value:
    illegal = BadInputError(f"{setting.name} = {shown(value)} is not legal", legal(setting), place)
    match setting.kind:
        case "choice" if isinstance(value, bool | int | float | str) and value in setting.choices:
            return value
        case "flag" if isinstance(value, bool):
            return value
        case "integer" | "real" if isinstance(value, int | float) and not isinstance(value, bool):
            assert setting.low is not None
            assert setting.high is not None
            if not setting.low <= value <= setting.high or (setting.kind == "integer" and value != int(value)):
                raise illegal
            return int(value) if setting.kind == "integer" else float(value)
        case _:
            raise illegal


def _read_range(setting: Setting, entry: Mapping[str, object], place: str) -> Domain:
    for key in entry:
        if key not in _RANGE_KEYS:
            raise unknown("key of a range", key, _RANGE_KEYS, f"{setting.name}, {place}")
    if setting.kind not in ("integer", "real"):
        raise BadInputError(f"{setting.name} has no range", legal(setting), place)
    if "low" not in entry or "high" not in entry:
        raise BadInputError(f"the range of {setting.name} needs both low and high", where=place)
    low, high = (cast("float", _read_value(setting, entry[key], place)) for key in ("low", "high"))
    log, step = entry.get("log", False), entry.get("step")
    if not isinstance(log, bool):
        raise BadInputError("log is true or false", f"got {shown(log)} for {setting.name}", place)
    if low > high:
        raise BadInputError("low must not exceed high", f"got {low:g} and {high:g} for {setting.name}", place)
    if log and (low <= 0 or step is not None):
        raise BadInputError(
            "a logarithmic range starts above 0 and has no step",
            f"got low = {low:g}{'' if step is None else f', step = {shown(step)}'} for {setting.name}",
            place,
        )
    whole = setting.kind == "integer"
    if step is not None:
        step = _read_step(step, high - low, setting.name, place, whole=whole)
        high = _last_step(low, high, step)
    return Fixed(low) if low == high else Range(low, high, step, log, whole)


def _read_step(step: object, width: float, name: str, place: str, *, whole: bool) -> float:
    right_kind = isinstance(step, int if whole else int | float) and not isinstance(step, bool)
    if not right_kind or not 0 < cast("float", step) <= max(width, 1):
        raise BadInputError(
            f"a step is a {'whole ' if whole else ''}number above 0 that fits between low and high",
            f"got {shown(step)} for {name}",
            place,
        )
    return cast("float", step)


def _last_step(low: float, high: float, step: float) -> float:
    exact_low, exact_step = Decimal(str(low)), Decimal(str(step))  # in binary, 0.1 x 6 exceeds 0.6
    last = exact_low + (Decimal(str(high)) - exact_low) // exact_step * exact_step
    return int(last) if isinstance(low, int) else float(last)
