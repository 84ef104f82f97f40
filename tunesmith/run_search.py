"""Running a search on a local Ray, or on a cluster after checking its nodes."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.membership import Membership
from cluster.node_software import handshake
from cluster.nodes import Node
from cluster.resources import num_fitting, plan_slots
from cluster.session import connect, quieten
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import Prepared
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.urls import store_at
from data_prep.wording import counted
from models.family import Family
from search.spec.file import SearchSpec
from tunesmith.console import err
from tunesmith.doctor.storage import storage
from tunesmith.reports.search_display import SearchDisplay
from tunesmith.searching.backend import ready_backend
from tunesmith.searching.gpu_memory import measured_share

if TYPE_CHECKING:
    from search.driver.search_run import SearchResult
    from search.study.records import TakenPoints

_ENDING_S = 5.0
"""Time reserved after the trials to write to MLflow, draw pictures and stop Ray (seconds)."""

_ENDING_SHARE = 0.6
"""The same as a fraction of the time to connect to Ray, which is longer on slow or busy machines."""


@dataclass(frozen=True)
class SearchData:
    """The data of a search.

    Attributes:
        prepared: The corpus with its folds.
        taken: The points that a new search takes from other searches.
    """

    prepared: Prepared
    taken: "TakenPoints | None" = None


def run_search(
    spec: SearchSpec,
    home: Path,
    family: Family[Any, Any],
    data: SearchData,
    address: str | None,
    *,
    began: float | None = None,
    later: Callable[[], float] = float,
    display: type[SearchDisplay] = SearchDisplay,
) -> "SearchResult":
    """Run a search and display its progress. A finished search does not start Ray.

    Args:
        spec: The search.
        home: The home folder.
        family: The search's family.
        data: The search's data.
        address: A cluster's address; None for a local Ray.
        began: Start of the search's time limit, by ``time.monotonic``; None is when the study is opened.
        later: Returns the seconds within the limit that the caller needs after the trials.
        display: The type of the display.

    Returns:
        The search's result.

    Raises:
        BadInputError: If the cluster cannot be used, or the search cannot start.
    """
    prepared = data.prepared
    if _is_finished(spec, home, family):
        quieten()
        from search.driver.search_run import SearchTask, Workers, run  # imports Ray, which is quiet from now on

        task = SearchTask(spec, family, prepared.data, prepared.fingerprint, home)
        return run(task, _display(display, spec, family, ""), Workers(slots=1))
    connecting = time.monotonic()
    with connect(address) as nodes:
        ending = max(_ENDING_S, _ENDING_SHARE * (time.monotonic() - connecting))
        wanted = spec.resources
        plan = plan_slots(
            nodes,
            slots=wanted.slots,
            cpus=wanted.cpus,
            gpus=wanted.gpus,
            share=measured_share(spec, family, prepared, nodes, home) if wanted.gpus == "auto" else None,
            may_grow=address is not None,
        )
        from search.driver.search_run import SearchTask, Workers, run  # as above

        if address is None and not plan.gpus:
            ready_backend(wanted.backend)
        working = [node for node in nodes if num_fitting([node], plan.cpus, plan.gpus)]
        where = ""
        if address is not None:
            _check(working, spec, home)
            slots = f"{counted(plan.count, 'slot')} on {_count(working)}"
            where = f", {slots}" if working else ", on nodes that have yet to join"
        observer = _display(display, spec, family, where)
        members = Membership(working, plan, wanted=wanted.slots, report=observer.message)
        workers = Workers(plan.count, plan.cpus, plan.gpus, capacity=None if address is None else members.slots)
        task = SearchTask(spec, family, prepared.data, prepared.fingerprint, home, data.taken)
        return run(task, observer, workers, began=began, later=lambda: later() + ending)


def _is_finished(spec: SearchSpec, home: Path, family: Family[Any, Any]) -> bool:
    """Return whether a search is over; False if it cannot be read, or uses another study now."""
    from search.study.database import names, read_search  # imported here since Optuna is slow to import

    if spec.name not in names(home):
        return False
    try:
        record = read_search(home, spec.name, family)
    except BadInputError:  # opening the study will raise the error again, or create the study
        return False
    return record.spec.study == spec.study and record.is_over(spec.budget)


def _check(nodes: list[Node], spec: SearchSpec, home: Path) -> None:
    """Check that all nodes have our packages and can use the storage of checkpoints."""
    with err.status(f"{_count(nodes)}: uploading our packages and checking the storage ..."):
        handshake(nodes)
        where = store_at(spec.storage.url or home)
        if isinstance(where, FolderStore):
            where.root.mkdir(parents=True, exist_ok=True)
        for finding in storage(where, nodes):
            if finding.level == "red":
                raise BadInputError(
                    "every node must use the search's storage",
                    f"on {finding.where} {finding.text}",
                    remedy=finding.remedy,
                )


def _count(nodes: list[Node]) -> str:
    return counted(len(nodes), "node")


def _display(display: type[SearchDisplay], spec: SearchSpec, family: Family[Any, Any], where: str) -> SearchDisplay:
    named = "" if spec.name == family.name else f"{spec.name}: "
    return display(
        err,
        title=f"{named}{family.name} on {spec.data.title}, {spec.data.folds_title}{where}",
        objective=family.metrics[0],
        defaults=family.spec_type.defaults(),
    )
