"""Servers that run during a benchmark, and requests to them."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

_PATIENCE_S = 300


@contextmanager
def running(command: Sequence[str], environment: Mapping[str, str], ready: str) -> Generator[str]:
    """Run a server on a free port of this machine.

    Args:
        command: The command; ``--host`` and ``--port`` are appended.
        environment: Environment variables of the server.
        ready: A path that answers when the server is ready.

    Yields:
        The URL of the server.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + _PATIENCE_S
        while not _answers(f"{address}/{ready}"):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.2)
        yield address
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def ask(address: str, body: Mapping[str, Any] | None = None) -> bytes:
    """Return the answer to a request; a body is posted as JSON."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})  # noqa: S310  (http)
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return answer.read()


def _answers(address: str) -> bool:
    try:
        ask(address)
    except OSError:
        return False
    return True
