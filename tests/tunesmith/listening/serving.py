"""A running ``tunesmith listen serve``, and requests to it."""

import http.client
import json
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ray_cluster import free_port


@dataclass
class Served:
    """A server and its process."""

    port: int
    folder: Path
    process: "subprocess.Popen[str]"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def request(
        self, method: str, path: str, body: bytes | None = None, **headers: str | None
    ) -> tuple[int, "http.client.HTTPMessage", bytes]:
        """Send a request; a header of None is left out, and Host is the server's by default."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
            given = {
                "Host": f"127.0.0.1:{self.port}",
                **{name.replace("_", "-"): value for name, value in headers.items()},
            }
            if body is not None:
                given["Content-Length"] = str(len(body))
            for name, value in given.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()

    def post(self, path: str, value: Any, **headers: str | None) -> tuple[int, Any]:
        """Send JSON, and return the status and the JSON of the answer."""
        body = json.dumps(value).encode()
        status, _, data = self.request("POST", path, body, **{"Content_Type": "application/json", **headers})
        return status, json.loads(data) if data.startswith(b"{") else data.decode()


@contextmanager
def served(folder: Path, port: int | None = None) -> Generator[Served]:
    """Serve a test; the process is killed at the end if it still runs."""
    port = port or free_port()
    command = [sys.executable, "-m", "tunesmith", "listen", "serve", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert process.stderr.readline().startswith(f"http://127.0.0.1:{port}/")
            server = Served(port, folder, process)
            _wait(server)
            yield server
        finally:
            process.kill()


def _wait(server: Served) -> None:
    from tests.browser import wait_until

    def answers() -> bool:
        try:
            return server.request("GET", "/")[0] == 200
        except ConnectionRefusedError:
            return False

    wait_until(answers, "the server answers")
