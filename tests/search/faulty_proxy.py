"""A proxy between MLflow's client and a server that loses answers."""

import json
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler
from typing import ClassVar


class FaultyProxy(BaseHTTPRequestHandler):
    """Forwards requests to a server, but does not answer the first creation of a run: the server died, or was slow."""

    uri = ""
    late = ("toys", "toys/1")
    created: ClassVar[set[str]] = set()

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def do_PUT(self) -> None:
        self.do_POST()

    def _answer(self, body: bytes) -> None:
        name = json.loads(body)["run_name"] if self.path.endswith("runs/create") else ""
        if not name or name in self.created:
            status, content = self._forward(body)
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(content)
            return
        self.created.add(name)
        if name in self.late:
            threading.Timer(2.0, self._forward, [body]).start()
        else:
            self._forward(body)
        self.close_connection = True

    def _forward(self, body: bytes) -> tuple[int, bytes]:
        headers = {"Content-Type": self.headers.get("Content-Type", "application/json")}
        request = urllib.request.Request(self.uri + self.path, body or None, headers, method=self.command)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  (our own server)
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the standard library's name)
        """Print nothing."""
