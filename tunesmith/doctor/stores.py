"""Checks of the places to which a search writes: checkpoints, MLflow's store and the study's database."""

from collections.abc import Iterator

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.urls import store_at
from tunesmith.doctor import storage as shared_storage
from tunesmith.doctor.context import Context
from tunesmith.doctor.finding import Finding, judged
from tunesmith.doctor.probe import unreachable


def storage(context: Context) -> Iterator[Finding]:
    """Check that nodes read each other's files in the storage of checkpoints."""
    if context.working:
        where = store_at(context.spec.storage.url or context.home)
        if isinstance(where, FolderStore):
            where.root.mkdir(parents=True, exist_ok=True)
        yield from shared_storage.storage(where, context.working)


def tracking(context: Context) -> Iterator[Finding]:
    """Check that MLflow's store is writable."""
    from search.service_checks import try_tracking

    yield Finding("tracking", "green", try_tracking(context.spec, context.home))
    yield from _reachable(context, "tracking", "the tracking server")


def study(context: Context) -> Iterator[Finding]:
    """Check that the study's database is writable, and that no other process runs this search."""
    from search.service_checks import try_study, unended_driver

    yield Finding("study", "green", try_study(context.spec, context.home))
    driver = unended_driver(context.spec, context.home)
    if driver is not None:
        text = f"another process runs {context.spec.name}, or ended without releasing it: {driver}"
        remedy = "wait until it ends, or choose another --name; after a crash, the search can start within 30 s"
        yield Finding("study", "yellow", text, remedy=remedy)
    yield from _reachable(context, "study", "the study's database")


def _reachable(context: Context, check: str, title: str) -> Iterator[Finding]:
    """Check that nodes reach a server. A search runs without this, since only its driver uses the server."""
    from search.service_checks import servers

    server = servers(context.spec).get(check)
    if server is None or not context.working:
        return
    host, port = server

    def complaints(node: Node, reason: str | BadInputError) -> Iterator[Finding]:
        if reason:
            text = f"{title} at {host}:{port} cannot be reached from there ({reason})"
            remedy = "a search does not need this; to use it from that node, let the server listen on other addresses"
            yield Finding(check, "yellow", text, str(node), remedy)

    answers = on_each(unreachable, context.working, host, port)
    yield from judged(check, answers, complaints, lambda _: f"can reach {title} at {host}:{port}")
