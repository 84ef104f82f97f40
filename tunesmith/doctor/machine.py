"""Checks of this machine: our packages, the home folder, and the connection to Ray."""

from collections.abc import Iterator, Sequence
from typing import Final

from cluster.package_owners import Clash, clashes
from cluster.session import PACKAGES, connect
from tunesmith.doctor.context import Context
from tunesmith.doctor.finding import Finding
from tunesmith.doctor.probe import Disk, disk
from tunesmith.figures import byte_size

OURS: Final = f"{', '.join(PACKAGES)} belong to tunesmith alone"

_SPACE_NEEDED, _SPACE_WANTED = (1 << 30) // 10, 1 << 30
"""Free bytes of a disk below which a search would fail, and below which it may run out of space."""


def names(_: Context) -> Iterator[Finding]:
    """Check that no other distribution on this machine has packages of our names."""
    problems = list(name_clashes(clashes(PACKAGES)))
    yield from problems or [Finding("names", "green", OURS)]


def home(context: Context) -> Iterator[Finding]:
    """Check that the home folder is writable and has enough space."""
    from search.service_checks import try_home

    text, measured = try_home(context.home), disk(context.home)
    problems = list(space("home", measured, "the home folder", "", "free some space, or name another"))
    yield from problems or [Finding("home", "green", f"{text}, {byte_size(measured.free)} left")]


def ray(context: Context) -> Iterator[Finding]:
    """Connect to Ray; the connection stays open for the following checks."""
    context.nodes = context.session.enter_context(connect(context.address))
    text = f"connected to the cluster at {context.address}" if context.address else "a local Ray starts"
    yield Finding("ray", "green", text)


def name_clashes(clashing: Sequence[Clash], where: str = "") -> Iterator[Finding]:
    """Report packages of ours that are missing, or that other distributions have too."""
    apart = "install tunesmith in a separate environment (python -m venv), as the README says"
    for clash in clashing:
        if not clash.owner:
            yield Finding("names", "red", f"there is no package {clash.package}", where, "reinstall tunesmith")
        elif clash.mixed:
            text = f"the package {clash.package} is not tunesmith's alone: {clash.owner} is installed in {clash.folder}"
            yield Finding("names", "red", text, where, f"uninstall {clash.owner}, then reinstall tunesmith; or {apart}")
        else:
            text = f"{clash.owner} also has a package {clash.package}, in {clash.folder}; tunesmith's is imported"
            yield Finding("names", "yellow", text, where, apart)


def space(check: str, measured: Disk, folder: str, where: str, remedy: str) -> Iterator[Finding]:
    """Report a disk that is nearly full; ``folder`` describes the folder on it."""
    if measured.free < _SPACE_WANTED:
        text = f"{folder} {measured.folder} has {byte_size(measured.free)} left"
        yield Finding(check, "red" if measured.free < _SPACE_NEEDED else "yellow", text, where, remedy)
