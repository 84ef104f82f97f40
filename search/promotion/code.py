"""Copy the code of a registered model: the files of this project that its entry file imports, as one package.

The package's name contains a digest of its code, and imports of the project's modules are rewritten to it. So the code
does not conflict with an installed tunesmith, another package called ``models``, or another registered model.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]
"""The folder that contains the project's packages."""

Roots: TypeAlias = Mapping[str, Path]
"""The folders that contain the top-level packages whose code is copied, by package."""

_PROJECT: Roots = dict.fromkeys(("data_prep", "models", "search", "cluster", "tunesmith"), ROOT)


def roots_of(module: str) -> Roots:
    """Return the project's packages and that of a family's module, which may be part of another project."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return {**_PROJECT, module.split(".", maxsplit=1)[0]: Path(spec.origin).parents[module.count(".")]}


def needed_files(entry: str, roots: Roots = _PROJECT) -> dict[Path, Path]:
    """Find the files that a file imports from some packages, directly or indirectly, also inside functions.

    Imports for type checkers only are ignored.

    Args:
        entry: The file's text.
        roots: The packages.

    Returns:
        The files by their path below their root, sorted, including the ``__init__.py`` of their packages.
    """
    files: dict[Path, Path] = {}
    waiting = [entry]
    while waiting:
        for name in imported_names(waiting.pop()):
            new = {place: path for place, path in _files(name, roots) if place not in files}
            files |= new
            waiting += (path.read_text(encoding="utf-8") for path in new.values())
    return dict(sorted(files.items()))


def imported_names(code: str) -> Iterator[str]:
    """Yield the dotted names that code imports; for ``from a import b`` both "a" and "a.b", which may be no module."""
    waiting: list[ast.AST] = [ast.parse(code)]
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


def write_code(entry: str, name: str, folder: Path, roots: Roots = _PROJECT) -> tuple[Path, Path]:
    """Write an entry file, and copy the files that it imports into a package in the same folder.

    Args:
        entry: The file's text.
        name: The file's name without suffix, which is also the prefix of the package's name.
        folder: The folder to write to.
        roots: The packages whose files are copied.

    Returns:
        The entry file, and the folder of the package.
    """
    files = needed_files(entry, roots)
    digest = hashlib.sha256(entry.encode())
    for place, path in files.items():
        digest.update(f"{place}\n".encode() + path.read_bytes())
    package = f"{name}_{digest.hexdigest()[:12]}"
    for place, path in files.items():
        copy = folder / package / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(_moved(path.read_text(encoding="utf-8"), package, roots), encoding="utf-8")
    file = folder / f"{name}.py"
    file.write_text(_moved(entry, package, roots), encoding="utf-8")
    return file, folder / package


def _moved(code: str, package: str, roots: Roots) -> str:
    """Return code with imports from ``roots`` rewritten to imports from a package."""
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] in roots for alias in node.names), "use from ... import"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in roots:
            line, at = lines[node.lineno - 1], node.col_offset
            assert line[at:].startswith(f"from {node.module} ")
            lines[node.lineno - 1] = f"{line[:at]}from {package}.{line[at + len('from ') :]}"
    return "".join(lines)


def _files(name: str, roots: Roots) -> Iterator[tuple[Path, Path]]:
    """Yield a module's file and the ``__init__.py`` of its packages; nothing for other packages or names."""
    parts = name.split(".")
    if parts[0] not in roots:
        return
    root = roots[parts[0]]
    for depth in range(1, len(parts) + 1):
        module = Path(*parts[:depth])
        for place in (module / "__init__.py", module.with_suffix(".py")):
            if (root / place).exists():
                yield place, root / place
