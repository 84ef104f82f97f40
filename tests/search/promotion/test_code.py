"""The code that is packaged with a registered model."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from models.families import FAMILIES
from search.promotion.code import ROOT, imported_names, needed_files, write_code
from search.promotion.package import entry_of

ALLOWED = {"mlflow", "numpy", "pandas", "pydantic", "torch"}
"""The third-party packages that a served model may import: MLflow requires pandas and pydantic."""


def entry(family: str) -> str:
    return entry_of(FAMILIES[family].serving())


@pytest.mark.parametrize("name", FAMILIES)
def test_the_needed_files_include_all_that_python_imports(name: str) -> None:
    shown = "print(*(getattr(m, '__file__', None) for m in list(sys.modules.values())))"
    code = f"import sys\n{entry(name)}\n{shown}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = {Path(path) for path in done.stdout.split() if path.startswith(str(ROOT)) and ".venv" not in path}
    assert loaded <= set(needed_files(entry(name)).values())
    assert len(loaded) > 20


@pytest.mark.parametrize("name", FAMILIES)
def test_the_needed_files_import_only_allowed_packages(name: str) -> None:
    codes = [entry(name), *(path.read_text() for path in needed_files(entry(name)).values())]
    roots = {imported.split(".")[0] for code in codes for imported in imported_names(code)}
    assert roots - set(sys.stdlib_module_names) - {"data_prep", "models", "search"} <= ALLOWED


def test_imports_for_type_checkers_are_ignored_and_imports_in_functions_are_not() -> None:
    code = (
        "import os\nif TYPE_CHECKING:\n    import one\nelse:\n    import two\n\n"
        "def f():\n    from three import four\n    class C:\n        import five.six\n"
    )
    assert set(imported_names(code)) == {"os", "two", "three", "three.four", "five.six"}


@pytest.mark.parametrize("name", FAMILIES)
def test_copied_code_differs_only_in_its_imports(name: str, tmp_path: Path) -> None:
    copy, package = write_code(entry(name), name, tmp_path)
    files = needed_files(entry(name))
    pairs = [(entry(name), copy), *((path.read_text(), package / place) for place, path in files.items())]
    assert {path for _, path in pairs} == set(tmp_path.rglob("*.py"))
    for original, copied in pairs:
        text = copied.read_text()
        assert ast.unparse(ast.parse(text.replace(f"{package.name}.", ""))) == ast.unparse(ast.parse(original))
        for imported in imported_names(text):
            assert imported.split(".")[0] not in {"data_prep", "models", "search", "cluster", "tunesmith"}
    assert write_code(entry(name), name, tmp_path / "again")[1].name == package.name


def test_the_code_of_different_models_has_different_names(tmp_path: Path) -> None:
    first, second = (write_code(entry(name), name, tmp_path)[1].name for name in FAMILIES)
    assert first != second
