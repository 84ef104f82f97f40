"""How numbers are written in a sentence, with the right form of noun and verb."""

from collections.abc import Mapping
from fractions import Fraction


def counted(count: float | Fraction, noun: str, form: str = "") -> str:
    """Write a number with its noun, as in "1 piece" or "2 pieces".

    Args:
        count: The number.
        noun: The noun in the singular; words before it do not change ("open piece").
        form: How the number is written, as in a format string ("," or "g").

    Returns:
        The number and the noun.
    """
    return f"{count:{form}} {by_number(count, noun, plural(noun))}"


def by_number(count: float | Fraction, one: str, more: str) -> str:
    """Return the word that agrees with a number, as "is" with 1 and "are" with others."""
    return one if count == 1 else more


def by_rule(left_out: Mapping[str, int]) -> str:
    """Write how many each rule leaves out, if any, as in "grace notes 644, chords 20"."""
    return ", ".join(f"{rule} {count}" for rule, count in left_out.items() if count)


def plural(noun: str) -> str:
    """Return a noun's plural, as "pitches" for "pitch"."""
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("tch") else f"{noun}s"
