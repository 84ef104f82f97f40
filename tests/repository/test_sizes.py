"""Files, functions and packages must be small, and checks must rarely be disabled."""

import ast
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("data_prep", "models", "search", "cluster", "tunesmith")
FILES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
MODULES = [path for path in FILES if path.name != "__init__.py"]


def num_lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name of each function and the number of lines of its body, without its docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            size = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
            yield f"{path.relative_to(ROOT)}:{node.name}", size


def test_files_are_short() -> None:
    sizes = {str(path.relative_to(ROOT)): num_lines(path) for path in MODULES}
    assert {name: size for name, size in sizes.items() if size > 350} == {}
    assert statistics.median(sizes.values()) <= 110


def test_functions_are_short() -> None:
    sizes = dict(pair for path in FILES for pair in functions(path))
    assert {name: size for name, size in sizes.items() if size > 45} == {}
    ordered = sorted(sizes.values())
    assert ordered[len(ordered) // 2] <= 5
    assert ordered[int(0.99 * len(ordered))] <= 35


def test_a_package_has_at_most_fifteen_files() -> None:
    counts = Counter(path.parent for path in FILES)
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > 15} == {}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_name_does_not_repeat_the_name_of_its_package(path: Path) -> None:
    package = path.parent.name.removesuffix("s")
    assert package not in {word.removesuffix("s") for word in path.stem.split("_")}


def test_checks_are_rarely_disabled() -> None:
    lines = [line for path in FILES for line in path.read_text(encoding="utf-8").splitlines()]
    assert sum(bool(re.search(r"#.*\bnoqa\b|#\s*(pyright|type):", line)) for line in lines) <= 103
