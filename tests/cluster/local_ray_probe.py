"""Print, as JSON, what a local Ray listens on, where its files are, and what its workers import."""

import json
import os
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from cluster.session import connect


def descendants() -> set[int]:
    """Return this process and its descendants."""
    parents: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    processes = {os.getpid()}
    while children := {process for process, parent in parents.items() if parent in processes} - processes:
        processes |= children
    return processes


def listening(processes: set[int]) -> list[str]:
    """Return the addresses that processes listen on, in the kernel's notation."""
    sockets: set[str] = set()
    for process in processes:
        for link in Path(f"/proc/{process}/fd").glob("*"):
            with suppress(OSError):
                sockets.add(str(link.readlink()))
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]
    return sorted({row[1].partition(":")[0] for row in rows if row[3] == "0A" and f"socket:[{row[9]}]" in sockets})


def scripts(processes: set[int]) -> list[str]:
    """Return the names of Ray's Python scripts in the command lines of processes."""
    words = [word for process in processes for word in Path(f"/proc/{process}/cmdline").read_text().split("\0")]
    return sorted({Path(word).name for word in words if "/ray/" in word and word.endswith(".py")})


def imported() -> dict[str, str]:
    """Return the files of modules that a worker imports, whose names also exist in the user's folder."""
    import torch

    import models
    import search

    return {module.__name__: str(module.__file__) for module in (models, search, torch)}


def main() -> None:
    with connect(num_cpus=1, num_gpus=0):
        import ray

        untyped: Any = ray
        socket = Path(untyped.nodes()[0]["RayletSocketName"])
        folder = next(parent.parent.parent for parent in socket.parents if parent.name.startswith("session_"))
        result = {
            "imported": ray.get(ray.remote(imported).remote()),
            "listening": listening(descendants()),
            "scripts": scripts(descendants()),
            "folder": str(folder),
            "mode": stat.S_IMODE(folder.stat().st_mode),
        }
    json.dump({**result, "left": folder.exists(), "token": "RAY_AUTH_TOKEN" in os.environ}, sys.stdout)


if __name__ == "__main__":
    main()
