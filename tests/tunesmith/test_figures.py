import math

import pytest

from models.metrics import FoldValues
from tunesmith.figures import duration, interval, setting_text, settings_line, sparkline, with_error


@pytest.mark.parametrize(
    ("seconds", "text"), [(8.06, "8.1 s"), (60, "1 m 00 s"), (270, "4 m 30 s"), (7500, "2 h 05 m")]
)
def test_durations_have_suitable_units(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_an_interval_has_no_error_for_one_fold() -> None:
    assert with_error(FoldValues((2.0, 4.0))) == "3.000 ± 1.000"
    assert with_error(FoldValues((2.0,))) == "2.000"
    assert interval(math.nan, 1.0) == "-"


def test_small_numbers_have_two_significant_figures() -> None:
    assert interval(0.000456, 0.0000321) == "0.00046 ± 0.00003"
    assert interval(-0.0099, 0.0) == "-0.0099 ± 0.0000"
    assert interval(0.00203, 0.000047) == "0.00203 ± 0.00005"
    assert interval(2.0, 1e-17) == "2.000 ± 0.000"
    assert interval(0.01, 0.001) == "0.010 ± 0.001"
    assert interval(0.0, 0.0) == "0.000 ± 0.000"


def test_a_sparkline_is_scaled_from_the_smallest_to_the_largest_value() -> None:
    assert sparkline([3.0, 2.0, 1.0]) == "█▅▁"
    assert sparkline([1.0, 1.0]) == "▁▁"
    assert sparkline([1.0, math.nan, 2.0]) == "▁!█"
    assert sparkline([math.nan]) == ""


def test_settings_are_written_as_text() -> None:
    assert (
        settings_line({"cell": "lstm", "lr": 0.0040000001, "transpose": False}) == "cell lstm, lr 0.004, transpose no"
    )
    assert setting_text(True) == "yes"
