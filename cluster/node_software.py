"""A node's Python, libraries and copy of our code, which must be the same as this program's."""

import hashlib
import importlib.util
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cluster.nodes import Node, on_each
from cluster.session import PACKAGES
from data_prep.errors import BadInputError

_NONE = "none"
"""The version of a distribution that is not installed."""

_CODE = (".py", ".toml", ".cpp", ".hpp")
"""Suffixes of files that are part of a package's code."""


@dataclass(frozen=True)
class Environment:
    """The versions and the code that a process uses. Versions are "none" for what is not installed.

    Attributes:
        hostname: The machine's host name.
        python: Version of Python.
        torch: Version of torch, read from its metadata since importing torch takes seconds.
        ray: Version of Ray.
        numpy: Version of numpy.
        tunesmith: Version of the installed tunesmith; a worker can use the driver's code instead.
        code: Digest of each of our packages, as this process imports it.
        folders: Folder of each of our packages.
    """

    hostname: str
    python: str
    torch: str
    ray: str
    numpy: str
    tunesmith: str
    code: Mapping[str, str]
    folders: Mapping[str, str]


def this_environment() -> Environment:
    """Return the environment of this process, without importing a large library."""
    folders: dict[str, str] = {}
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        locations = spec.submodule_search_locations if spec else None
        folders[name] = str(next(iter(locations or ()), "")) or (spec.origin if spec and spec.origin else "")
    return Environment(
        hostname=platform.node(),
        python=platform.python_version(),
        torch=_version("torch"),
        ray=_version("ray"),
        numpy=_version("numpy"),
        tunesmith=_version("tunesmith"),
        code={name: _digest(folder) for name, folder in folders.items()},
        folders=folders,
    )


def environments(nodes: Sequence[Node], *, seconds: float = 120.0) -> dict[Node, Environment | BadInputError]:
    """Ask each node for its environment.

    Args:
        nodes: The nodes.
        seconds: Time limit; the first call on a node waits until our code has been uploaded.

    Returns:
        The environment of each node, or an error if it did not answer or other packages hide ours there.
    """
    results: dict[Node, Environment | BadInputError] = {}
    for node, answer in on_each(_question(), nodes, PACKAGES, seconds=seconds).items():
        known = isinstance(answer, Environment | BadInputError)
        results[node] = answer if known else _hidden(node, answer)
    return results


def differences(here: Environment, there: Environment) -> tuple[str, ...]:
    """Return the differences between two environments that could change results or break the exchange of objects.

    Args:
        here: The driver's environment.
        there: A node's environment.

    Returns:
        A clause for each difference, with both versions ("torch 2.12.0 where this program has 2.13.0").
    """
    clauses = [
        f"{label} {theirs} where this program has {ours}"
        for label, ours, theirs, rule in (
            ("Python", here.python, there.python, _minor),
            ("Ray", here.ray, there.ray, _public),
            ("torch", here.torch, there.torch, _public),
            ("numpy", here.numpy, there.numpy, _minor),
        )
        if rule(ours) != rule(theirs)
    ]
    foreign = [name for name, digest in here.code.items() if there.code.get(name) != digest]
    if foreign:
        names = ", ".join(f"{name} in {there.folders.get(name) or 'no folder'}" for name in foreign)
        clauses.append(f"other code in packages of our names ({names}; tunesmith {there.tunesmith} is installed)")
    return tuple(clauses)


def handshake(nodes: Sequence[Node]) -> None:
    """Check that every node has this program's environment.

    The patch version of Python and the build of torch (for CPUs or a version of CUDA) may differ.

    Args:
        nodes: The nodes.

    Raises:
        BadInputError: If nodes have another Python, Ray, torch or numpy, or other code in packages of our names, or
            do not answer. The error lists all these nodes.
    """
    refuse(faults(environments(nodes)))


def faults(answers: Mapping[Node, Environment | BadInputError]) -> dict[Node, str]:
    """Return the nodes that a search cannot use, each with a clause that says why."""
    here = this_environment()
    wrong: dict[Node, str] = {}
    for node, there in answers.items():
        if isinstance(there, BadInputError):
            wrong[node] = there.value
        elif clauses := differences(here, there):
            wrong[node] = f"{node} has {' and '.join(clauses)}"
    return wrong


def refuse(wrong: Mapping[Node, str]) -> None:
    """Raise BadInputError if ``wrong``, the result of :func:`faults`, is not empty."""
    if wrong:
        raise BadInputError(
            "every node must have this program's Python, libraries and code",
            "; ".join(wrong.values()),
            remedy="install this machine's environment there (the same requirements.lock, none of our packages on "
            "PYTHONPATH), or stop those nodes",
        )


def _question() -> Callable[[Sequence[str]], Any]:
    """Return the function to run on a node. It is nested, so it is pickled by value and needs none of our code."""

    def answer(names: Sequence[str]) -> Any:  # one of our types in the signature would be imported on the node
        try:
            from cluster.node_software import this_environment as ask
        except ImportError:
            import importlib.util as imports

            specs = {name: imports.find_spec(name) for name in names}
            return {
                name: str(next(iter(spec.submodule_search_locations or ()), spec.origin)) if spec else ""
                for name, spec in specs.items()
            }
        return ask()

    return answer


def _hidden(node: Node, folders: Mapping[str, str]) -> BadInputError:
    packages = ", ".join(f"{name} in {folder}" if folder else f"no {name}" for name, folder in folders.items())
    return BadInputError("every node must import our packages", f"{node} finds others of their names ({packages})")


def _digest(folder: str) -> str:
    """Return a digest of a package's code, as 12 hexadecimal digits."""
    digest = hashlib.sha256()
    root = Path(folder)
    for path in sorted(path for path in root.rglob("*") if path.suffix in _CODE) if folder else ():
        digest.update(f"{path.relative_to(root).as_posix()}\n".encode() + path.read_bytes())
    return digest.hexdigest()[:12]


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return _NONE


def _public(number: str) -> str:
    return number.partition("+")[0]


def _minor(number: str) -> str:
    return ".".join(number.split(".")[:2])
