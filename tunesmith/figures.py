"""Numbers, times and curves as text."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from data_prep.wording import counted

if TYPE_CHECKING:
    from models.metrics import FoldValues
    from models.spec import Value
    from search.study.states import StateName

_SMALL = 0.01
"""Smaller numbers are written with two significant figures."""

_SIXTY = 60
"""Seconds per minute, and minutes per hour."""

_BARS = "▁▂▃▄▅▆▇█"


def interval(mean: float, standard_error: float) -> str:
    """Return a mean and its standard error as text: "2.431 ± 0.021", "0.00046 ± 0.00003", "0.00204 ± 0.00005"."""
    if not math.isfinite(mean):
        return "-"
    digits = decimals(mean)
    if abs(mean) < _SMALL and 0 < standard_error < 0.5 * 10**-digits:  # it would be written as zero
        digits = min(decimals(standard_error) - 1, digits + 2)
    return f"{mean:.{digits}f}" + (f" ± {standard_error:.{digits}f}" if math.isfinite(standard_error) else "")


def decimals(value: float) -> int:
    """Return the number of decimals of a value: three, or enough for two significant figures of a small number."""
    return 3 if value == 0 or abs(value) >= _SMALL else 1 - math.floor(math.log10(abs(value)))


def gain_line(gain: float, standard_error: float, unit: str) -> str:
    """Return what a search is expected to gain, as text, compared with the standard error over the folds if any."""
    from search.spec.sections import NEXT_TRIALS  # numbers as text need not import search files

    line = f"the expected further gain, {rounded(gain)} {unit} in the next {NEXT_TRIALS} trials"
    if not math.isfinite(standard_error):
        return line.replace("gain,", "gain is")
    is_below = "below" if gain < standard_error else "not below"
    return f"{line}, is {is_below} the standard error of the folds, {rounded(standard_error)}"


def rounded(value: float) -> str:
    """Return a number with three decimals, or two significant figures if it is small."""
    return f"{value:.{decimals(value)}f}"


def with_error(values: "FoldValues") -> str:
    """Return the folds' mean and its standard error as text."""
    return interval(values.mean, values.standard_error)


def duration(seconds: float) -> str:
    """Return a duration as text: "8.1 s", "4 m 30 s", "2 h 05 m"."""
    if seconds < _SIXTY:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), _SIXTY)
    if minutes < _SIXTY:
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, _SIXTY)
    return f"{hours} h {minutes:02d} m"


def byte_size(count: float) -> str:
    """Return a number of bytes as text: "77 GiB", "1.5 MiB"."""
    for name, unit in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return counted(count, "byte", "g")


def sparkline(values: Sequence[float]) -> str:
    """Return values as a line of bars, scaled from the smallest to the largest; "!" stands for NaN and infinities."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    steps = len(_BARS) - 1
    return "".join(
        _BARS[round((value - low) / span * steps) if span else 0] if math.isfinite(value) else "!" for value in values
    )


def settings_line(values: "Mapping[str, Value]", defaults: "Mapping[str, Value] | None" = None) -> str:
    """Return settings as one line, such as "cell lstm, layers 2, lr 0.004".

    Args:
        values: The settings.
        defaults: Settings with these values are left out.

    Returns:
        The line; "defaults" if all settings are left out.
    """
    known = defaults or {}
    words = [f"{name} {setting_text(value)}" for name, value in values.items() if known.get(name) != value]
    return ", ".join(words) or "defaults"


def setting_text(value: "Value") -> str:
    """Return a setting's value as text; floats have three significant figures."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def state_word(state: "StateName") -> str:
    """Return the word for a trial's state."""
    from search.study.states import STATE_WORDS

    return STATE_WORDS[state]


def repeat_text(number: int) -> str:
    """Return what a trial is that confirms the trial with that number."""
    return f"repeats #{number} with another seed"
