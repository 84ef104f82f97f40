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
"""Bytes of a disk below which trials can hardly save, and below which they may soon be unable to."""


def names(_: Context) -> Iterator[Finding]:
    """Check that no other distribution here has packages of our names."""
    clashing = clashes(PACKAGES)
    yield from name_clashes(clashing)
    if not clashing:
        yield Finding("names", "green", OURS)


def home(context: Context) -> Iterator[Finding]:
    """Check that the home folder can be written to and has space left."""
    from search.service_checks import try_home

    text, measured = try_home(context.home), disk(context.home)
    complaints = list(space("home", measured, "the home folder", "", "free some space, or name another"))
    yield from complaints or [Finding("home", "green", f"{text}, {byte_size(measured.free)} left")]


def ray(context: Context) -> Iterator[Finding]:
    """Connect to Ray; the connection stays open for the checks that follow."""
    context.nodes = context.session.enter_context(connect(context.address))
    what = f"connected to the cluster at {context.address}" if context.address else "a local Ray starts"
    yield Finding("ray", "green", what)


def name_clashes(found: Sequence[Clash], where: str = "") -> Iterator[Finding]:
    """Complain of packages that other distributions have too."""
    apart = "install tunesmith in a separate environment (python -m venv), as the README says"
    for clash in found:
        if not clash.owner:
            yield Finding("names", "red", f"there is no package {clash.package}", where, "reinstall tunesmith")
        elif clash.mixed:
            text = f"the package {clash.package} is not tunesmith's alone: {clash.owner} is installed in {clash.folder}"
            yield Finding("names", "red", text, where, f"uninstall {clash.owner}, then reinstall tunesmith; or {apart}")
        else:
            text = f"{clash.owner} has a package {clash.package} too, in {clash.folder}; tunesmith's is found first"
            yield Finding("names", "yellow", text, where, apart)


def space(check: str, measured: Disk, what: str, where: str, remedy: str) -> Iterator[Finding]:
    """Complain of a disk that is nearly full; ``what`` names the folder on it."""
    if measured.free < _SPACE_WANTED:
        text = f"{what} {measured.folder} has {byte_size(measured.free)} left"
        yield Finding(check, "red" if measured.free < _SPACE_NEEDED else "yellow", text, where, remedy)
