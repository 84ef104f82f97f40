"""The doctor's check of storage: what one machine writes, the others must read, and the other way round."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.object_store import ObjectStore
from data_prep.storage.probes import find_mark, leave_mark, remove_mark
from tunesmith.doctor.finding import Finding, judged, refused
from tunesmith.doctor.nodes import room, size
from tunesmith.doctor.probe import Disk, disk

_REMEDY = (
    "name a folder that every node has under the same path, or s3:// or gs://, with --storage or in the search file "
    "(storage.url)"
)


@dataclass(frozen=True)
class Visit:
    """What a node found at the storage.

    Attributes:
        seen: Whether it read what was left for it.
        mark: What it left itself; empty if it could not.
        disk: The disk, where the storage is a folder.
        problem: Why it could not be used.
    """

    seen: bool = False
    mark: str = ""
    disk: Disk | None = None
    problem: str = ""


def visit(where: ObjectStore, mark: str) -> Visit:
    """Read what was left at a storage, and leave something there.

    Args:
        where: The storage.
        mark: What was left.

    Returns:
        What came of it.
    """
    found = disk(where.root) if isinstance(where, FolderStore) else None
    seen = False
    try:
        seen = find_mark(where, mark)
        return Visit(seen, leave_mark(where) if seen else "", found)
    except (BadInputError, OSError) as error:
        reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
        return Visit(seen, "", found, reason.partition("; ")[0])


def storage(where: ObjectStore, nodes: Sequence[Node]) -> Iterator[Finding]:
    """Check that this machine and all nodes read one another's writing.

    Two nodes that each share the storage with this machine share it with one another.

    Args:
        where: The storage.
        nodes: The nodes that train.

    Yields:
        The findings.
    """
    mark = leave_mark(where)
    try:
        visits = on_each(visit, nodes, where, mark)
    finally:
        remove_mark(where, mark)

    def judge(node: Node, found: Visit | BadInputError) -> Iterator[Finding]:
        if isinstance(found, BadInputError):
            yield refused("storage", found, where=str(node), remedy=_REMEDY)
            return
        read = found.seen and bool(found.mark) and find_mark(where, found.mark)
        if found.mark:
            remove_mark(where, found.mark)
        if found.problem:
            kept = "it reads the storage and cannot write there" if found.seen else "it cannot use the storage"
            yield Finding("storage", "red", f"{kept}: {found.problem}", str(node), _REMEDY)
        elif not read:
            yield Finding(
                "storage", "red", f"it does not see what this machine wrote to {where.label}", str(node), _REMEDY
            )
        elif found.disk is not None:
            yield from room("storage", found.disk, "the storage", str(node), "free some space there, or name another")

    def well(some: list[Visit | BadInputError]) -> str:
        free = [one.disk.free for one in some if isinstance(one, Visit) and one.disk is not None]
        left = f", {size(min(free))} left" if free else ""
        return f"written here and read there, and back: {where.label}{left}"

    yield from judged("storage", visits, judge, well)
