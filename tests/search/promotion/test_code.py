"""The code that travels with a registered model."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from search.promotion.code import ROOT, copy_code, imported_names, needed_files

ENTRIES = ["served_composer", "served_stylenet"]
GIVEN = {"mlflow", "numpy", "pandas", "pydantic", "torch"}
"""What a served model may import of others: MLflow brings pandas and pydantic."""


def entry(name: str) -> Path:
    return ROOT / "search" / "promotion" / f"{name}.py"


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_needed_is_what_python_imports(name: str) -> None:
    shown = "print(*(getattr(m, '__file__', None) for m in list(sys.modules.values())))"
    code = f"import sys, search.promotion.{name}\n{shown}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(path) for path in done.stdout.split() if path.startswith(str(ROOT)) and ".venv" not in path}
    assert loaded - {entry(name)} <= set(needed_files(entry(name)))
    assert len(loaded) > 20


@pytest.mark.parametrize("name", ENTRIES)
def test_nothing_else_is_needed_but_what_comes_with_mlflow_and_torch(name: str) -> None:
    files = [entry(name), *needed_files(entry(name))]
    roots = {imported.split(".")[0] for path in files for imported in imported_names(path)}
    assert roots - set(sys.stdlib_module_names) - {"data_prep", "models", "search"} <= GIVEN


def test_imports_for_type_checkers_are_passed_over_and_those_in_functions_are_not(tmp_path: Path) -> None:
    path = tmp_path / "file.py"
    path.write_text(
        "import os\nif TYPE_CHECKING:\n    import one\nelse:\n    import two\n\n"
        "def f():\n    from three import four\n    class C:\n        import five.six\n"
    )
    assert set(imported_names(path)) == {"os", "two", "three", "three.four", "five.six"}


@pytest.mark.parametrize("name", ENTRIES)
def test_a_copy_differs_in_its_imports_alone(name: str, tmp_path: Path) -> None:
    copy, package = copy_code(entry(name), tmp_path)
    pairs = [(entry(name), copy), *((path, package / path.relative_to(ROOT)) for path in needed_files(entry(name)))]
    assert {path for _, path in pairs} == set(tmp_path.rglob("*.py"))
    for original, copied in pairs:
        text = copied.read_text()
        assert ast.unparse(ast.parse(text.replace(f"{package.name}.", ""))) == ast.unparse(
            ast.parse(original.read_text())
        )
        for imported in imported_names(copied):
            assert imported.split(".")[0] not in {"data_prep", "models", "search", "cluster", "tunesmith"}
    assert copy_code(entry(name), tmp_path / "again")[1].name == package.name


def test_two_models_code_differs_in_name(tmp_path: Path) -> None:
    first, second = (copy_code(entry(name), tmp_path)[1].name for name in ENTRIES)
    assert first != second
