"""Check of a search's storage: this machine and the nodes must read each other's files."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.object_store import ObjectStore
from data_prep.storage.probes import find_mark, leave_mark, remove_mark
from tunesmith.doctor.finding import Finding, judged, refused
from tunesmith.doctor.machine import space
from tunesmith.doctor.probe import Disk, disk
from tunesmith.figures import byte_size

_REMEDY = (
    "name a folder that all nodes share under the same path, or s3:// or gs://, with --storage or in the search file "
    "(storage.url)"
)


@dataclass(frozen=True)
class Visit:
    """A node's test of the storage.

    Attributes:
        seen: Whether the node read the driver's mark.
        mark: The mark that the node wrote; empty if it could not.
        disk: The disk, if the storage is a folder.
        problem: Why the node could not use the storage; empty if it could.
    """

    seen: bool = False
    mark: str = ""
    disk: Disk | None = None
    problem: str = ""


def visit(where: ObjectStore, mark: str) -> Visit:
    """Read the driver's mark from a storage, and write another mark."""
    measured = disk(where.root) if isinstance(where, FolderStore) else None
    seen = False
    try:
        seen = find_mark(where, mark)
        return Visit(seen, leave_mark(where) if seen else "", measured)
    except BadInputError as error:
        return Visit(seen, "", measured, error.problem)
    except OSError as error:
        return Visit(seen, "", measured, f"{error.strerror}: {error.filename}")


def storage(where: ObjectStore, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Check that this machine and each node read each other's files; then nodes also read the files of other nodes."""
    mark = leave_mark(where)
    try:
        visits = on_each(visit, nodes, where, mark)
    finally:
        remove_mark(where, mark)

    def complaints(node: Node, result: Visit | BadInputError) -> Iterator[Finding]:
        if isinstance(result, BadInputError):
            yield refused("storage", result, where=str(node), remedy=_REMEDY)
            return
        read = bool(result.mark) and find_mark(where, result.mark)
        if result.mark:
            remove_mark(where, result.mark)
        if result.problem:
            able = "it can read the storage but not write to it" if result.seen else "it cannot use the storage"
            yield Finding("storage", "red", f"{able}: {result.problem}", str(node), _REMEDY)
        elif not read:
            text = f"it does not see what this machine wrote to {where.label}"
            yield Finding("storage", "red", text, str(node), _REMEDY)
        elif result.disk is not None:
            yield from space("storage", result.disk, "the storage", str(node), "free some space there, or name another")

    def summary(results: list[Visit | BadInputError]) -> str:
        free = [visit.disk.free for visit in results if isinstance(visit, Visit) and visit.disk is not None]
        left = f", {byte_size(min(free))} left" if free else ""
        return f"this machine and the nodes read each other's files in {where.label}{left}"

    yield from judged("storage", visits, complaints, summary)
