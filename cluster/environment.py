"""What a node computes with: its Python, its libraries and our own code, which must be those of this program."""

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
"""The version of what is not there."""

_CODE = (".py", ".toml")
"""What of a package counts as its code."""


@dataclass(frozen=True)
class Environment:
    """What one process computes with.

    Attributes:
        hostname: The machine's own name for itself.
        python: Python's version.
        torch: Version of torch as its metadata says, for importing it takes seconds; "none" where it is not there.
        ray: Version of Ray.
        numpy: Version of numpy.
        tunesmith: Version of tunesmith where it is installed; a worker that gets our code from the driver needs none.
        code: A digest of each of our packages as it is imported there.
        folders: Where each of them is.
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
    """Give this process's, without importing anything that is large."""
    folders = package_folders()
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


def package_folders() -> dict[str, str]:
    """Give the folder that each of our packages is imported from; empty where there is none."""
    return _folders_of(PACKAGES)


def environments(nodes: Sequence[Node], *, seconds: float = 120.0) -> dict[Node, Environment | BadInputError]:
    """Ask each node for its environment.

    Args:
        nodes: The nodes.
        seconds: How long the slowest may take; the first question to a node waits for our code to arrive there.

    Returns:
        What each has; an error where it did not answer, or where our own code is not what is imported.
    """
    found: dict[Node, Environment | BadInputError] = {}
    for node, answer in on_each(_question(), nodes, PACKAGES, seconds=seconds).items():
        known = isinstance(answer, Environment | BadInputError)
        found[node] = answer if known else _hidden(node, answer)
    return found


def differences(here: Environment, there: Environment) -> tuple[str, ...]:
    """Say what another environment has that the results or the exchange of objects would suffer from.

    Args:
        here: The driver's.
        there: A node's.

    Returns:
        One clause for each difference, with both versions ("torch 2.12.0 where this program has 2.13.0").
    """
    found = [
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
        found.append(f"other code under the names of our packages ({names}; tunesmith {there.tunesmith} is installed)")
    return tuple(found)


def handshake(nodes: Sequence[Node]) -> None:
    """Refuse nodes whose environment is not this program's.

    A patch of Python and a build of torch (for CPUs, for a GPU's CUDA) may differ.

    Args:
        nodes: The nodes.

    Raises:
        BadInputError: If a node has another Python, Ray, torch or numpy, or other code under our packages' names, or
            does not answer; it names all such nodes.
    """
    refuse(faults(environments(nodes)))


def faults(found: Mapping[Node, Environment | BadInputError]) -> dict[Node, str]:
    """Give what is wrong with each node that a search cannot use, as clauses."""
    here = this_environment()
    wrong: dict[Node, str] = {}
    for node, there in found.items():
        if isinstance(there, BadInputError):
            wrong[node] = str(there).removeprefix("every node must answer: ")
        elif clauses := differences(here, there):
            wrong[node] = f"{node} has {' and '.join(clauses)}"
    return wrong


def refuse(wrong: Mapping[Node, str]) -> None:
    """Raise the error for nodes that a search cannot use, if there are any.

    Args:
        wrong: What is wrong with each.

    Raises:
        BadInputError: If there are any.
    """
    if wrong:
        raise BadInputError(
            f"every node must have this program's Python, libraries and code: {'; '.join(wrong.values())}; give them "
            "the environment of this machine (the same requirements.lock, nothing of ours on PYTHONPATH), or stop them"
        )


def _folders_of(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        spec = importlib.util.find_spec(name)
        places = spec.submodule_search_locations if spec else None
        found[name] = str(next(iter(places or ()), "")) or (spec.origin if spec and spec.origin else "")
    return found


def _question() -> Callable[[Sequence[str]], Any]:
    """Make what a node is asked: a function within a function travels by value, so it runs where our code does not."""

    def answer(names: Sequence[str]) -> Any:  # a type of ours would travel too, as a name that is not found there
        try:
            from cluster.environment import this_environment as ask  # noqa: PLC0415  (on the node)
        except ImportError:
            import importlib.util as imports  # noqa: PLC0415  (on the node)

            specs = {name: imports.find_spec(name) for name in names}
            return {
                name: str(next(iter(spec.submodule_search_locations or ()), spec.origin)) if spec else ""
                for name, spec in specs.items()
            }
        return ask()

    return answer


def _hidden(node: Node, folders: Mapping[str, str]) -> BadInputError:
    places = ", ".join(f"{name} in {folder}" if folder else f"no {name}" for name, folder in folders.items())
    return BadInputError(f"{node} finds other packages under the names of ours ({places})")


def _digest(folder: str) -> str:
    """Give 12 hexadecimal digits that stand for a package's code."""
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
