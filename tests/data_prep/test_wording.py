import pytest

from data_prep.wording import by_number, by_rule, counted


@pytest.mark.parametrize(
    ("count", "noun", "form", "text"),
    [
        (0, "piece", "", "0 pieces"),
        (1, "piece", "", "1 piece"),
        (1.0, "CPU", "g", "1 CPU"),
        (0.5, "GPU", "g", "0.5 GPUs"),
        (1, "open piece", "", "1 open piece"),
        (12345, "note", ",", "12,345 notes"),
        (2, "velocity", "", "2 velocities"),
        (2, "pitch", "", "2 pitches"),
    ],
)
def test_a_number_stands_with_its_noun(count: float, noun: str, form: str, text: str) -> None:
    assert counted(count, noun, form) == text


def test_a_verb_goes_with_its_number() -> None:
    assert [by_number(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]


def test_what_rules_leave_out_is_no_number_of_what_they_are_called_by() -> None:
    assert by_rule({"grace notes": 644, "too short": 0, "chords": 1}) == "grace notes 644, chords 1"
    assert not by_rule({"chords": 0})
