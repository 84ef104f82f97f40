"""A number that may be 1 is written with its noun by ``data_prep.wording``, so that nothing says "1 pieces"."""

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
"""Names whose number is 2 at least."""


def plurals(text: ast.JoinedStr) -> Iterator[str]:
    """Give what of an f-string puts a number that may be 1 before a plural."""
    for value, after in zip(text.values, text.values[1:], strict=False):
        if isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant):
            words = PLURAL.match(str(after.value))
            if words and not is_fixed(value.value):
                yield f"{{{ast.unparse(value.value)}}}{words[0]}"


def is_fixed(value: ast.expr) -> bool:
    """Say whether a value is a constant of the code, or one that is never 1."""
    parts = [one for one in ast.walk(value) if isinstance(one, ast.Name | ast.Attribute)]
    names = [one.attr if isinstance(one, ast.Attribute) else one.id for one in parts]
    return all(name.isupper() or name in NEVER_ONE for name in names)


def found_in(code: str) -> list[str]:
    texts = (node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.JoinedStr))
    return [words for text in texts for words in plurals(text)]


def test_no_text_puts_a_number_before_a_plural() -> None:
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(paths) > 100
    found = {str(path.relative_to(ROOT)): found_in(path.read_text(encoding="utf-8")) for path in paths}
    assert {name: words for name, words in found.items() if words} == {}


def test_such_a_text_is_seen() -> None:
    assert found_in('f"{len(x)} open pieces and {n:,} notes"') == ["{len(x)} open pieces", "{n} notes"]
    assert found_in("f\"{MOST} pieces, {num_folds + 1} parts, {counted(n, 'note')}\"") == []
