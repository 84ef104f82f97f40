"""The code that a registered model carries: exactly those files of ours that its entry file imports."""

import ast
import shutil
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
"""The folder that our packages are in."""

_PACKAGES = ("data_prep", "models", "search")


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
            for path in _files(name):
                if path not in found:
                    found.add(path)
                    waiting.append(path)
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


def copy_code(entry: Path, folder: Path) -> list[Path]:
    """Copy the files that an entry file needs, so that they are imported there by their own names.

    Args:
        entry: The file; it is not copied.
        folder: Where to, an empty one.

    Returns:
        The packages' folders in it.
    """
    for path in needed_files(entry):
        place = folder / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _files(name: str) -> Iterator[Path]:
    """Give a module's file and its packages' ``__init__.py``; nothing for what is not ours, or no module."""
    parts = name.split(".")
    if parts[0] not in _PACKAGES:
        return
    for depth in range(1, len(parts) + 1):
        path = ROOT.joinpath(*parts[:depth])
        if (path / "__init__.py").exists():
            yield path / "__init__.py"
        elif path.with_suffix(".py").exists():
            yield path.with_suffix(".py")
