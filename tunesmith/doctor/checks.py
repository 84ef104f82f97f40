"""The doctor's checks in order: cheap checks first, and each check after those whose results it needs."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Final, TypeAlias

from tunesmith.doctor import machine, nodes, plan, stores, trials
from tunesmith.doctor.context import Context
from tunesmith.doctor.finding import Finding, guarded

Check: TypeAlias = Callable[[Context], Iterable[Finding]]

CHECKS: Final[tuple[tuple[str, Check], ...]] = (
    ("names", machine.names),
    ("home", machine.home),
    ("ray", machine.ray),
    ("nodes", nodes.answers),
    ("versions", nodes.versions),
    ("nodes", nodes.probes),
    ("names", nodes.names),
    ("disk", nodes.disks),
    ("memory", nodes.memory),
    ("gpus", nodes.gpus),
    ("data", trials.data),
    ("slots", plan.slots),
    ("sharing", plan.sharing),
    ("storage", stores.storage),
    ("tracking", stores.tracking),
    ("study", stores.study),
    ("data", trials.object_stores),
    ("pickling", trials.pickling),
    ("trial", trials.trial),
    ("largest", plan.largest),
)
"""The name and the function of each check. A check yields nothing if an earlier check that it needs has failed."""


def examine(context: Context) -> Iterator[Finding]:
    """Run every check.

    Args:
        context: The search, and the cluster on which it would run.

    Yields:
        Each finding as soon as it is known.
    """
    with context.session:
        for name, check in CHECKS:
            context.progress(f"checking: {name}")
            yield from guarded(name, partial(check, context))
