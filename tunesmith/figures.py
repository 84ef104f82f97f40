"""How numbers, times and curves are written in a terminal."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.metrics import FoldValues
    from models.spec import Value

_SMALL = 0.01
"""Numbers below it are written with two significant figures."""

_BARS = "▁▂▃▄▅▆▇█"


def interval(mean: float, standard_error: float) -> str:
    """Write a mean with its standard error, as in "2.431 ± 0.021" or "0.00046 ± 0.00003"."""
    if not math.isfinite(mean):
        return "-"
    digits = decimals(mean)
    return f"{mean:.{digits}f}" + (f" ± {standard_error:.{digits}f}" if math.isfinite(standard_error) else "")


def decimals(value: float) -> int:
    """Give the decimals that a number is written with: three, more for one whose first digits come later."""
    return 3 if value == 0 or abs(value) >= _SMALL else 1 - math.floor(math.log10(abs(value)))


def with_error(values: "FoldValues") -> str:
    """Write the values of the folds as mean and standard error."""
    return interval(values.mean, values.standard_error)


def duration(seconds: float) -> str:
    """Write a time span: "8.1 s", "4 m 30 s", "2 h 05 m"."""
    if seconds < 60:  # noqa: PLR2004
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:  # noqa: PLR2004
        return f"{minutes} m {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} m"


def sparkline(values: Sequence[float]) -> str:
    """Draw values as one line of bars, from the least to the greatest."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return ""
    low, span = min(finite), max(finite) - min(finite)
    steps = len(_BARS) - 1
    return "".join(
        _BARS[round((value - low) / span * steps) if span else 0] if math.isfinite(value) else "!" for value in values
    )


def settings_line(values: "Mapping[str, Value]", defaults: "Mapping[str, Value] | None" = None) -> str:
    """Write settings as one line, as in "cell lstm, layers 2, lr 0.004".

    Args:
        values: The settings.
        defaults: Settings that are left out where they have these values; without them all are written.

    Returns:
        The line; "defaults" where nothing is left to write.
    """
    known = defaults or {}
    told = [f"{name} {setting_text(value)}" for name, value in values.items() if known.get(name) != value]
    return ", ".join(told) or "defaults"


def setting_text(value: "Value") -> str:
    """Write one setting's value, numbers to three figures."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def state_word(state: str) -> str:
    """Write a trial's state as people say it."""
    return {
        "COMPLETE": "done",
        "PRUNED": "stopped early",
        "FAIL": "failed",
        "RUNNING": "running",
        "WAITING": "interrupted",
    }[state]
