"""Format numbers in sentences, with the matching form of noun and verb."""

from collections.abc import Mapping
from fractions import Fraction


def counted(count: float | Fraction, noun: str, form: str = "") -> str:
    """Format a number with its noun, as in "1 piece" or "2 pieces".

    Args:
        count: The number.
        noun: The noun in the singular; words before it do not change ("open piece").
        form: Format specification of the number ("," or "g").

    Returns:
        The number and the noun.
    """
    return f"{count:{form}} {by_number(count, noun, plural(noun))}"


def by_number(count: float | Fraction, singular: str, other: str) -> str:
    """Return the word that agrees with a number, as "is" with 1 and "are" with others."""
    return singular if count == 1 else other


def by_rule(left_out: Mapping[str, int]) -> str:
    """Format the nonzero counts of pieces excluded by each rule, as in "grace notes 644, chords 20"."""
    return ", ".join(f"{rule} {count}" for rule, count in left_out.items() if count)


def plural(noun: str) -> str:
    """Return the plural of a noun, as "pitches" for "pitch"."""
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("tch") else f"{noun}s"
