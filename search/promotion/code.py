"""The code that a registered model carries: exactly those files of ours that its entry file imports, in one package.

The package's name has a digest of its code, and imports of ours are rewritten to it. So the code of a model meets
neither an installed tunesmith, nor another's package called ``models``, nor the code of another registered model.
"""

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
"""The folder that our packages are in."""

_OURS = ("data_prep", "models", "search", "cluster", "tunesmith")


def needed_files(entry: Path) -> list[Path]:
    """Find the files of ours that a file imports, and those that these import, in functions too.

    Imports for type checkers alone are passed over.

    Args:
        entry: The file.

    Returns:
        The files below ROOT without the entry, sorted; the ``__init__.py`` of their packages are among them.
    """
    found: set[Path] = set()
    waiting = [entry]
    while waiting:
        for name in imported_names(waiting.pop()):
            new = set(_files(name)) - found
            found |= new
            waiting += new
    return sorted(found - {entry})


def imported_names(path: Path) -> Iterator[str]:
    """Give the dotted names that a file imports; of ``from a import b`` both "a" and "a.b", which may be no module."""
    waiting: list[ast.AST] = [ast.parse(path.read_bytes())]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            assert node.level == 0, "imports are absolute"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def copy_code(entry: Path, folder: Path) -> tuple[Path, Path]:
    """Copy an entry file, and what it needs as one package beside it.

    Args:
        entry: The file.
        folder: Where to.

    Returns:
        The copies of the entry and of the rest: a file, and the folder of a package.
    """
    files = needed_files(entry)
    digest = hashlib.sha256()
    for path in [entry, *files]:
        digest.update(f"{path.relative_to(ROOT)}\n".encode() + path.read_bytes())
    package = f"{entry.stem}_{digest.hexdigest()[:12]}"
    for path in files:
        place = folder / package / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(_moved(path, package), encoding="utf-8")
    copy = folder / entry.name
    copy.write_text(_moved(entry, package), encoding="utf-8")
    return copy, folder / package


def _moved(path: Path, package: str) -> str:
    """Give a file's text with our modules below a package."""
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] in _OURS for alias in node.names), "ours are imported by from"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in _OURS:
            line, at = lines[node.lineno - 1], node.col_offset
            assert line[at:].startswith(f"from {node.module} ")
            lines[node.lineno - 1] = f"{line[:at]}from {package}.{line[at + len('from ') :]}"
    return "".join(lines)


def _files(name: str) -> Iterator[Path]:
    """Give a module's file and its packages' ``__init__.py``; nothing for what is not ours, or no module."""
    parts = name.split(".")
    if parts[0] not in _OURS:
        return
    for depth in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:depth])
        if (path / "__init__.py").exists():
            yield path / "__init__.py"
        elif path.with_suffix(".py").exists():
            yield path.with_suffix(".py")
