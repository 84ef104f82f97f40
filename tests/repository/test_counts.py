"""Numbers that may be 1 must be written with their nouns by ``data_prep.wording``, so that no text says "1 pieces"."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("data_prep", "models", "search", "cluster", "tunesmith")
NOUNS = (
    "bars|beats|bytes|candidates|chords|columns|compositions|elements|epochs|experiments|fields|files|findings|gaps|"
    "groups|hours|inputs|iterations|jobs|layers|lines|machines|measures|megabytes|minutes|models|networks|nodes|notes|"
    "onsets|openings|parameters|parts|performances|pieces|pitches|places|presets|pupils|rests|rows|samples|scores|"
    "seconds|sections|semitones|settings|slots|steps|styles|ticks|times|tokens|tracks|trials|tunes|values|variants|"
    "velocities|versions|voices|windows|words"
)
PLURAL = re.compile(rf"^ (?:[a-z]+ )?(?:{NOUNS})\b")
NEVER_ONE = {"folds", "num_folds"}
"""Names of numbers that are at least 2."""


def plurals(text: ast.JoinedStr) -> Iterator[str]:
    """Yield the parts of an f-string in which a plural follows a number that may be 1."""
    for value, after in zip(text.values, text.values[1:], strict=False):
        if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
            words = PLURAL.match(str(after.value))
            if words and not is_fixed(value.value):
                yield f"{{{ast.unparse(value.value)}}}{words[0]}"


def is_fixed(value: ast.expr) -> bool:
    """Return whether a value is a constant of the code, or never 1."""
    nodes = [node for node in ast.walk(value) if isinstance(node, ast.Name | ast.Attribute)]
    names = [node.attr if isinstance(node, ast.Attribute) else node.id for node in nodes]
    return all(name.isupper() or name in NEVER_ONE for name in names)


def plurals_of_code(code: str) -> list[str]:
    texts = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.JoinedStr))
    return [words for text in texts for words in plurals(text)]


def test_no_text_puts_a_number_that_may_be_one_before_a_plural() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(paths) > 100
    texts = {str(path.relative_to(ROOT)): plurals_of_code(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: words for name, words in texts.items() if words} == {}


def test_plurals_after_variable_numbers_are_found_and_others_are_not() -> None:
    assert plurals_of_code('f"{len(x)} open pieces and {n:,} notes"') == ["{len(x)} open pieces", "{n} notes"]
    assert plurals_of_code("f\"{MOST} pieces, {num_folds + 1} parts, {counted(n, 'note')}\"") == []
