"""Copy the code of a registered model: exactly the project's files that its entry imports, as one package.

The package's name has a digest of its code, and imports of ours are rewritten to it. So the code of a model meets
neither an installed tunesmith, nor another's package called ``models``, nor the code of another registered model.
"""

import ast
import hashlib
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

ROOT = Path(__file__).parents[2]
"""The folder that our packages are in."""

Roots: TypeAlias = Mapping[str, Path]
"""The top-level packages whose code a model carries, each with the folder that it is in."""

_OURS: Roots = dict.fromkeys(("data_prep", "models", "search", "cluster", "tunesmith"), ROOT)


def roots_of(module: str) -> Roots:
    """Return our packages, and that of a family's module, which may be another's."""
    spec = find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    return {**_OURS, module.split(".", maxsplit=1)[0]: Path(spec.origin).parents[module.count(".")]}


def needed_files(entry: str, roots: Roots = _OURS) -> dict[Path, Path]:
    """Find the project's files that a file imports, directly or indirectly, in functions too.

    Imports for type checkers alone are left out.

    Args:
        entry: The file's text.
        roots: What is ours.

    Returns:
        Each file by its path below its root, sorted; the ``__init__.py`` of their packages are among them.
    """
    found: dict[Path, Path] = {}
    waiting = [entry]
    while waiting:
        for name in imported_names(waiting.pop()):
            new = {place: path for place, path in _files(name, roots) if place not in found}
            found |= new
            waiting += (path.read_text(encoding="utf-8") for path in new.values())
    return dict(sorted(found.items()))


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


def write_code(entry: str, name: str, folder: Path, roots: Roots = _OURS) -> tuple[Path, Path]:
    """Write an entry file, and a copy of what it needs as one package beside it.

    Args:
        entry: The file's text.
        name: The file's name without ending, with which the package's name begins.
        folder: Where to.
        roots: What is ours.

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
    """Return code with our modules below a package."""
    lines = code.splitlines(keepends=True)
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            assert not any(alias.name.split(".")[0] in roots for alias in node.names), "ours are imported by from"
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in roots:
            line, at = lines[node.lineno - 1], node.col_offset
            assert line[at:].startswith(f"from {node.module} ")
            lines[node.lineno - 1] = f"{line[:at]}from {package}.{line[at + len('from ') :]}"
    return "".join(lines)


def _files(name: str, roots: Roots) -> Iterator[tuple[Path, Path]]:
    """Yield a module's file and its packages' ``__init__.py``; nothing for what is not ours, or no module."""
    parts = name.split(".")
    if parts[0] not in roots:
        return
    root = roots[parts[0]]
    for depth in range(1, len(parts) + 1):
        module = Path(*parts[:depth])
        for place in (module / "__init__.py", module.with_suffix(".py")):
            if (root / place).exists():
                yield place, root / place
