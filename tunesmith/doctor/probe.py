"""The doctor's measurements of a node: disk, memory, GPUs, and packages of our names."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false

import errno
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from cluster.package_owners import Clash, clashes

_UNLIMITED = 1 << 60
_PROGRAM_S = 120

_MPS_FOLDER = Path("/tmp", "nvidia-mps")  # noqa: S108  (NVIDIA's default)

_ANSWERS = (0, errno.EPROTOTYPE, errno.EAGAIN)
"""Results of connecting to a socket that a process listens on, if it may be of another type or have a full queue."""


@dataclass(frozen=True)
class Disk:
    """The file system of a folder; sizes are in bytes."""

    folder: str
    free: int
    total: int

    @property
    def used(self) -> float:
        """The used share."""
        return 1 - self.free / self.total if self.total else 1.0


@dataclass(frozen=True)
class Gpu:
    """A GPU: its name, the driver's version and its memory in bytes."""

    name: str
    driver: str
    memory: int


@dataclass(frozen=True)
class Mps:
    """NVIDIA's Multi-Process Service, as processes of a node see it.

    Attributes:
        folder: The folder of its sockets.
        runs: Whether its control daemon listens there.
    """

    folder: str
    runs: bool


@dataclass(frozen=True)
class NodeProbe:
    """The measurements of a node.

    Attributes:
        spill: The disk to which Ray writes objects when its memory is full.
        memory_free: Free memory in bytes; None if the system does not report it.
        memory_total: Total memory in bytes; None if the system does not report it.
        gpus: The GPUs that the driver lists.
        num_torch_gpus: Number of GPUs that torch can use outside of a trial; None if this was not measured.
        clashes: Our packages that are missing, or that other distributions have too.
        mps: NVIDIA's Multi-Process Service.
    """

    spill: Disk
    memory_free: int | None
    memory_total: int | None
    gpus: tuple[Gpu, ...]
    num_torch_gpus: int | None
    clashes: tuple[Clash, ...]
    mps: Mps


def probe(packages: Iterable[str], node_gpus: float) -> NodeProbe:
    """Measure this node, where Ray counts ``node_gpus`` GPUs."""
    import ray

    gpus = driver_gpus()
    free, total = memory()
    return NodeProbe(
        spill=disk(Path(ray.get_runtime_context().get_temp_dir())),
        memory_free=free,
        memory_total=total,
        gpus=gpus,
        num_torch_gpus=_num_torch_gpus() if gpus or node_gpus else None,
        clashes=clashes(packages),
        mps=mps(),
    )


def disk(folder: Path) -> Disk:
    """Measure the file system of a folder, which may not exist yet."""
    existing = next((path for path in (folder, *folder.parents) if path.exists()), Path("/"))
    usage = shutil.disk_usage(existing)
    return Disk(str(folder), usage.free, usage.free + usage.used)


def memory() -> tuple[int | None, int | None]:
    """Return the free and the total memory in bytes, within the limit of a container."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None, None
    sizes = {name: int(rest.split()[0]) * 1024 for name, _, rest in (line.partition(":") for line in lines)}
    free, total = sizes["MemAvailable"], sizes["MemTotal"]
    limited = _container()
    if limited is not None and limited[1] < total:
        return min(free, limited[0]), limited[1]
    return free, total


def _container() -> tuple[int, int] | None:
    """Return the free memory and the limit of a control group, in bytes, from version 2 or 1 of the interface."""
    root = Path("/sys/fs/cgroup")
    for limit_file, used_file, cache in (
        (root / "memory.max", root / "memory.current", "inactive_file"),
        (root / "memory/memory.limit_in_bytes", root / "memory/memory.usage_in_bytes", "total_inactive_file"),
    ):
        with suppress(OSError, ValueError):  # no such file, or "max"
            limit, used = int(limit_file.read_text()), int(used_file.read_text())
            statistics = dict(line.split() for line in (limit_file.parent / "memory.stat").read_text().splitlines())
            if limit < _UNLIMITED:
                return max(0, limit - used + int(statistics.get(cache, 0))), limit
    return None


def driver_gpus() -> tuple[Gpu, ...]:
    """Return the GPUs that NVIDIA's driver lists; none without the driver."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    query = [program, "--query-gpu=driver_version,memory.total,name", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=_PROGRAM_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    gpus: list[Gpu] = []
    for line in done.stdout.splitlines() if done.returncode == 0 else []:
        driver, megabytes, name = (part.strip() for part in line.split(",", 2))
        gpus.append(Gpu(name, driver, int(megabytes) << 20 if megabytes.isdecimal() else 0))
    return tuple(gpus)


def _num_torch_gpus() -> int:
    """Return the number of GPUs that torch can use, counted in another process since Ray hides GPUs from this one."""
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from models.training.device import num_gpus; print(num_gpus())"],
        env={**environment, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        timeout=_PROGRAM_S,
        check=False,
    )
    return int(done.stdout.split()[-1]) if done.returncode == 0 else 0


def mps() -> Mps:
    """Look for MPS like CUDA, which uses it if it can connect to its control daemon.

    Source: https://docs.nvidia.com/deploy/mps/ (CUDA_MPS_PIPE_DIRECTORY).
    """
    folder = Path(os.environ.get("CUDA_MPS_PIPE_DIRECTORY") or _MPS_FOLDER)
    return Mps(str(folder), _listens(folder / "control"))


def _listens(path: Path) -> bool:
    """Return whether a process listens on a socket, or reads from a named pipe, which old drivers use."""
    try:
        if stat.S_ISFIFO(path.stat().st_mode):
            os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))
            return True
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            return client.connect_ex(str(path)) in _ANSWERS
    except OSError:
        return False


def unreachable(host: str, port: int, seconds: float = 5.0) -> str:
    """Return why a server cannot be reached from this machine; empty if it can be reached."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return ""
    except OSError as error:
        return error.strerror or str(error)
