"""The doctor's round: every check of a search and of where it would run, from the cheap to the dear."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from cluster.environment import Environment, environments
from cluster.nodes import Node, on_each
from cluster.package_owners import clashes
from cluster.resources import Slots, num_fitting, plan_slots
from cluster.session import PACKAGES, connect
from data_prep.errors import BadInputError
from data_prep.storage.folder_store import FolderStore
from data_prep.storage.urls import store_at
from data_prep.wording import counted
from models.families import family as find_family
from search.spec.file import SearchSpec
from tunesmith.doctor import memory as memory_checks
from tunesmith.doctor import nodes as node_checks
from tunesmith.doctor import storage as storage_checks
from tunesmith.doctor import trials as trial_checks
from tunesmith.doctor.finding import Finding, guarded, named, refused
from tunesmith.doctor.probe import NodeProbe, disk
from tunesmith.figures import duration, settings_line
from tunesmith.searching.gpu_memory import gpu_peaks, needed_share

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared
    from data_prep.storage.object_store import ObjectStore
    from models.family import EpochReport, Family
    from models.training.memory import PeakMemory

_EPOCHS = 2
"""Epochs of the trial on each kind of node: the first compiles and warms up, the second tells the pace."""

_LARGEST_S = 600.0
"""Seconds that an epoch of the largest setting may take."""

Check: TypeAlias = tuple[str, str, Callable[[], Iterable[Finding]]]
"""What is looked at, what a user sees meanwhile, and the check."""


@dataclass
class Round:
    """One round; what earlier checks found, the later ones use.

    Attributes:
        spec: The search.
        home: The home folder.
        address: The cluster's address; None for this machine.
        now: Told what is looked at.
        nodes: The nodes that answer.
    """

    spec: SearchSpec
    home: Path
    address: str | None
    now: Callable[[str], None]
    nodes: tuple[Node, ...] = ()
    _environments: dict[Node, Environment] = field(default_factory=dict[Node, Environment])
    _probes: dict[Node, NodeProbe] = field(default_factory=dict[Node, NodeProbe])
    _slots: Slots | None = None
    _working: tuple[Node, ...] = ()
    _prepared: "Prepared | None" = None
    _peaks: "dict[Node, PeakMemory | BadInputError] | None" = None

    def findings(self) -> Iterator[Finding]:
        """Make the round.

        Yields:
            What is found, as it is found.
        """
        yield from self._run(self._here())
        with ExitStack() as stack:
            session = None
            self.now("connecting to Ray")
            try:
                session = stack.enter_context(connect(self.address))
            except BadInputError as error:
                yield refused("ray", error)
            if session is not None:
                self.nodes = session.nodes
                where = f"the cluster at {self.address}" if self.address else "a Ray of our own on this machine"
                yield Finding("ray", "green", f"{where} lets us in")
                yield from self._run(self._on_nodes())
            yield from self._run([("data", "the data", self._data)])
            if self.nodes:
                yield from self._run([("slots", "what trials get", self.plan)])
            yield from self._run(self._of_places())
            yield from self._run(self._of_work())

    def _run(self, checks: Iterable[Check]) -> Iterator[Finding]:
        for name, what, check in checks:
            self.now(what)
            yield from guarded(name, check)

    def _here(self) -> Iterator[Check]:
        yield "names", "whose our packages are here", self._names_here
        yield "home", "the home folder", self._home

    def _names_here(self) -> Iterator[Finding]:
        found = clashes(PACKAGES)
        yield from node_checks.name_clashes(found)
        if not found:
            yield Finding("names", "green", f"{', '.join(PACKAGES)} are tunesmith's alone")

    def _home(self) -> Iterator[Finding]:
        from search.service_checks import try_home

        text = try_home(self.home)
        found = disk(self.home)
        complaints = list(node_checks.room("home", found, "the home folder", "", "free some space, or name another"))
        yield from complaints or [Finding("home", "green", f"{text}, {node_checks.size(found.free)} left")]

    def _on_nodes(self) -> Iterator[Check]:
        yield (
            "nodes",
            f"our packages on {counted(len(self.nodes), 'node')}, and what is there to compute with",
            self._answers,
        )
        yield "versions", "their versions", lambda: node_checks.versions(self._environments)
        yield "clock", "their clocks", lambda: node_checks.times(self.nodes)
        yield "nodes", "what is on them", self._look
        yield "names", "whose our packages are there", lambda: node_checks.names(self._probes)
        yield "disk", "their disks", lambda: node_checks.disks(self._probes)
        yield "memory", "their memory", lambda: node_checks.memories(self._probes)
        yield "gpus", "their GPUs", lambda: node_checks.gpus(self._probes)

    def _answers(self) -> Iterator[Finding]:
        results = environments(self.nodes)
        self._environments = {node: found for node, found in results.items() if isinstance(found, Environment)}
        self.nodes = tuple(self._environments)
        yield from node_checks.answered(results)

    def _look(self) -> Iterator[Finding]:
        for node, found in node_checks.probes(self.nodes).items():
            if isinstance(found, BadInputError):
                yield refused("nodes", found, where=str(node), remedy="look at its logs in Ray's folder there")
            else:
                self._probes[node] = found
        self.nodes = tuple(self._probes)

    def plan(self) -> Iterator[Finding]:
        """Say what trials get, and where they find it."""
        wanted = self.spec.resources
        try:
            slots = plan_slots(
                self.nodes,
                slots=wanted.slots,
                cpus=wanted.cpus,
                gpus=wanted.gpus,
                share=needed_share(self._gpu_peaks()) if wanted.gpus == "auto" else None,
            )
        except BadInputError as error:
            remedy = "lower it in the search file's [resources], or start more nodes: ray start --address=HOST:PORT"
            yield refused("slots", error, remedy=remedy)
            return
        self._slots = slots
        self._working = tuple(node for node in self.nodes if num_fitting([node], slots.cpus, slots.gpus))
        idle = [node for node in self.nodes if node.cpus >= slots.cpus and node not in self._working]
        if idle:
            text = f"no trial runs there: each gets {slots.each}"
            remedy = "to use its CPUs alone, run another search with gpus = 0 in [resources]"
            yield Finding("slots", "yellow", text, named(idle, len(self.nodes)), remedy)
        yield Finding("slots", "green", f"{counted(slots.count, 'trial')} at once, each with {slots.each}")

    def _gpu_peaks(self) -> dict[Node, "PeakMemory | BadInputError"]:
        if self._peaks is None and self._prepared is not None:
            self._peaks = gpu_peaks(self.spec, self._family, self._prepared, self.nodes, self.home, self.now)
        return self._peaks or {}

    def _of_places(self) -> Iterator[Check]:
        if self._working:
            yield "storage", "storage: what one node writes, another reads", self._storage
        yield "tracking", "MLflow's store", self._tracking
        yield "study", "the study's database", self._study

    def _storage(self) -> Iterator[Finding]:
        where: ObjectStore = store_at(self.spec.storage.url or self.home)
        if isinstance(where, FolderStore):
            where.root.mkdir(parents=True, exist_ok=True)
        return storage_checks.storage(where, self._working)

    def _tracking(self) -> Iterator[Finding]:
        from search.service_checks import try_tracking

        yield Finding("tracking", "green", try_tracking(self.spec, self.home))
        yield from self._reachable("tracking", "the tracking server")

    def _study(self) -> Iterator[Finding]:
        from search.service_checks import try_study, unended_driver

        yield Finding("study", "green", try_study(self.spec, self.home))
        driver = unended_driver(self.spec, self.home)
        if driver is not None:
            text = f"{self.spec.name} has a driver that did not end it: {driver}"
            remedy = "wait for it, or take another --name; if it died, a start sees that within half a minute"
            yield Finding("study", "yellow", text, remedy=remedy)
        yield from self._reachable("study", "the study's database")

    def _reachable(self, name: str, what: str) -> Iterator[Finding]:
        from search.service_checks import servers

        server = servers(self.spec).get(name)
        if server is not None and self._working:
            yield from node_checks.reachable(name, what, *server, self._working)

    def _of_work(self) -> Iterator[Check]:
        if self._prepared is not None:
            if self._working:
                yield "data", "the data in memory that trials share", self._object_stores
            yield "pickling", "what workers get", self._pickling
            for kind in trial_checks.kinds(self._working):
                what = f"a trial of {_EPOCHS} epochs on {kind[0]}"
                yield "trial", what, lambda kind=kind: self._trial(kind)
            if self._working:
                yield "largest", "an epoch of the largest setting, for its memory", self._largest

    def _data(self) -> Iterator[Finding]:
        from data_prep.prepared.kinds import describe
        from tunesmith.searching.data import prepared_data

        self._prepared = prepared_data(self.spec)
        counts = describe(self._prepared)
        text = f"{self.spec.data.title}: {counted(counts.num_pieces, 'piece')}, {counted(counts.num_notes, 'note')}"
        yield Finding("data", "green", text)

    def _object_stores(self) -> Iterator[Finding]:
        assert self._prepared is not None
        return node_checks.object_stores(self._working, trial_checks.carried_size(self._prepared.data))

    def _pickling(self) -> Iterator[Finding]:
        assert self._prepared is not None
        parts = {"family": self._family, "search": self.spec, "data": self._prepared.data}
        return trial_checks.pickled(parts)

    def _largest(self) -> Iterator[Finding]:
        from models.training.memory import peak_memory
        from search.spec.largest import largest_setting

        assert self._prepared is not None
        assert self._slots is not None
        alike = trial_checks.kinds(self._working)
        if self._slots.gpus:
            peaks = self._gpu_peaks()
        else:  # CPUs are all the same to memory
            setting = self._family.spec_type.from_values(largest_setting(self.spec.space), "the largest setting")
            data = trial_checks.carried(self._prepared.data)
            peaks = on_each(peak_memory, [alike[0][0]], self._family, setting, data, "cpu", seconds=_LARGEST_S)
        yield from memory_checks.fits(peaks, alike, self._slots, self._probes)

    @property
    def _family(self) -> "Family[Any, Any]":
        return find_family(self.spec.family)

    def _trial(self, kind: Sequence[Node]) -> Iterator[Finding]:
        from search.trials.short import ShortTrial, train_short
        from tunesmith.searching.dry_run import first_setting

        assert self._prepared is not None
        assert self._slots is not None
        values = {**first_setting(self.spec), "epochs": min(_EPOCHS, self.spec.budget.epochs)}
        trial = ShortTrial(
            family=self._family,
            spec=self._family.spec_type.from_values(values, "the first setting"),
            seed=self.spec.data.seed,
            threads=self._slots.cpus,
            device="cuda" if self._slots.gpus else "cpu",
        )

        def told(reports: "tuple[EpochReport, ...]") -> str:
            pace = f"{duration(reports[-1].seconds)} an epoch of all folds on {trial.device}"
            settings = settings_line(values, self._family.spec_type.defaults())
            return f"{counted(len(reports), 'epoch')} trained, {pace}: {settings}"

        return trial_checks.trained(
            kind, train_short, trial, trial_checks.carried(self._prepared.data), gpus=self._slots.gpus, told=told
        )
