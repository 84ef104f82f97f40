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
        (2, "epoch", "", "2 epochs"),
    ],
)
def test_a_number_is_formatted_with_its_noun(count: float, noun: str, form: str, text: str) -> None:
    assert counted(count, noun, form) == text


def test_a_verb_agrees_with_its_number() -> None:
    assert [by_number(count, "is", "are") for count in (0, 1, 2)] == ["are", "is", "are"]


def test_counts_of_rules_do_not_inflect_the_names_of_the_rules() -> None:
    assert by_rule({"grace notes": 644, "too short": 0, "chords": 1}) == "grace notes 644, chords 1"
    assert not by_rule({"chords": 0})
