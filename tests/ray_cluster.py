"""A Ray cluster of several real nodes on this machine, each with an address of its own on loopback, to be killed."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ENVIRONMENT = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "OMP_NUM_THREADS": "1",
}
"""What the nodes, and whoever connects to them, have in their environment."""

_STARTED_S = 90.0


def free_port(host: str = "127.0.0.1") -> int:
    """Give a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


@dataclass
class RayNode:
    """One node: the process of ``ray start --block`` and all that it started."""

    address: str
    process: subprocess.Popen[bytes]
    log: Path

    def stop(self) -> None:
        """Have it leave its cluster, which does not miss it then."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=30)
        self.kill()

    def kill(self) -> None:
        """End all its processes with SIGKILL, as a machine that loses its power does."""
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(timeout=30)

    def kill_raylet(self) -> None:
        """End the one process that makes it a node, with SIGKILL; what it started finds that out by itself."""
        (raylet,) = (pid for pid in self.processes() if Path(f"/proc/{pid}/comm").read_text().strip() == "raylet")
        os.kill(raylet, signal.SIGKILL)

    def processes(self) -> list[int]:
        """Give its processes: those of the session that its first one leads."""
        found: list[int] = []
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                session = path.read_text().rpartition(")")[2].split()[3]
                if int(session) == self.process.pid:
                    found.append(int(path.parent.name))
        return found


@dataclass
class RayCluster:
    """A head without processors, and nodes that work.

    Attributes:
        address: HOST:PORT of the head.
        nodes: The workers that were started, the killed ones included.
    """

    folder: Path
    host: str
    port: int
    environment: Mapping[str, str]
    nodes: list[RayNode] = field(default_factory=list[RayNode])
    head: RayNode | None = None

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def next_folder(self) -> Path:
        """The folder of the next node's Ray: of its own, as on another machine, for packages are unpacked there."""
        return Path(f"{self.folder}-{len(self.nodes)}")

    def start_head(self, *options: str) -> None:
        """Start the head node, which runs nothing itself."""
        arguments = ["--head", f"--node-ip-address={self.host}", f"--port={self.port}", "--num-cpus=0"]
        arguments += [f"--temp-dir={self.folder}", *(options or ("--include-dashboard=false",))]
        self.head = self._start(self.host, arguments, {})

    def add(
        self,
        cpus: int = 1,
        gpus: int = 0,
        *,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
        options: Sequence[str] = (),
    ) -> RayNode:
        """Start a worker node and wait until it runs.

        Args:
            cpus: Its processors.
            gpus: Its GPUs, for the scheduler's sake.
            environment: What differs in its environment.
            wrapper: A command that runs the node's, as ``unshare``.
            options: More of ``ray start``.

        Returns:
            The node.
        """
        address = f"{self.host.rpartition('.')[0]}.{3 + len(self.nodes)}"
        arguments = [f"--address={self.address}", f"--node-ip-address={address}", f"--temp-dir={self.next_folder}"]
        arguments += [f"--num-cpus={cpus}", f"--num-gpus={gpus}", *options]
        node = self._start(address, arguments, environment or {}, wrapper)
        self.nodes.append(node)
        return node

    def _start(
        self, address: str, arguments: list[str], environment: Mapping[str, str], wrapper: Sequence[str] = ()
    ) -> RayNode:
        log = self.folder.with_suffix(f".{len(self.nodes)}.log")
        command = [*wrapper, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--disable-usage-stats"]
        # A local Ray that is open in this process restricts other Rays to the loopback address.
        own = {name: value for name, value in os.environ.items() if name != "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--object-store-memory=100000000", "--include-log-monitor=false", *arguments],
                env={**own, **self.environment, **environment},
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        node = RayNode(address, process, log)
        wait_until(lambda: self._runs(node), f"the node {address} to start; see {log}")
        return node

    @staticmethod
    def _runs(node: RayNode) -> bool:
        if node.process.poll() is not None:
            raise AssertionError(f"the node {node.address} did not start:\n{node.log.read_text()[-3000:]}")
        return "Ray runtime started" in node.log.read_text()

    def close(self) -> None:
        """Kill what is left, the head last."""
        for node in [*self.nodes, *([self.head] if self.head else [])]:
            node.kill()
            node.log.unlink(missing_ok=True)
        for folder in self.folder.parent.glob(f"{self.folder.name}*"):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def ray_cluster(
    num_nodes: int = 2, *, cpus: int = 1, gpus: int = 0, head: Sequence[str] = (), **environment: str
) -> Generator[RayCluster]:
    """Run a head and some nodes for the length of a ``with`` block.

    Args:
        num_nodes: Nodes beside the head.
        cpus: Processors of each.
        gpus: GPUs of each, for the scheduler's sake.
        head: More options of the head's ``ray start``.
        **environment: What differs from :data:`ENVIRONMENT`.

    Yields:
        The cluster.
    """
    host = f"127.{os.getpid() % 250 + 1}.{time.monotonic_ns() // 1_000_000 % 250 + 1}.2"  # tests run side by side
    folder = Path(tempfile.mkdtemp(prefix="ray", dir="/tmp"))  # paths of sockets must be short
    cluster = RayCluster(folder, host, free_port(host), {**ENVIRONMENT, **environment})
    try:
        cluster.start_head(*head)
        for _ in range(num_nodes):
            cluster.add(cpus, gpus)
        yield cluster
    finally:
        cluster.close()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = _STARTED_S) -> None:
    """Wait until something is so, and fail if it is not so in time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds:g} s for {what}"
        time.sleep(0.1)


def lines_until(stream: IO[str], enough: Callable[[list[str]], bool]) -> list[str]:
    """Read lines until they are enough, or the stream ends."""
    lines: list[str] = []
    for line in stream:
        lines.append(line.rstrip())
        if enough(lines):
            break
    return lines
