"""MLflow's server for ``tunesmith ui``: a process that answers only to exact host names, and logs to a file."""

import http.client
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from data_prep.errors import BadInputError
from tunesmith.serving.addresses import allowed_hosts, in_url, is_everywhere

LOG = "mlflow-server.log"
"""The file in the home folder with the server's output."""

_GRACE_S = 10.0
_OPTIONS = ("--workers", "1", "--uvicorn-opts", "--log-level warning --no-access-log")
_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    "PYTHONSAFEPATH": "1",  # the folder may contain a models.py
}


class UiServer:
    """MLflow's server for a store, which runs for the duration of a ``with`` block.

    Attributes:
        root: The server's URL.
        log: The file with the server's output.
    """

    def __init__(self, store: str, folder: Path, host: str, port: int) -> None:
        """Prepare the server; ``with`` starts it.

        Args:
            store: The URI of the store.
            folder: The home folder, for the log.
            host: The address to listen on.
            port: The port.
        """
        self._host, self._port, self._folder = host, port, folder
        self.root = f"http://{in_url('localhost' if is_everywhere(host) else host)}:{port}"
        self.log = folder / LOG
        self._store = store
        self._command = [sys.executable, "-P", "-m", "mlflow", "server"]
        self._command += ["--host", host, "--port", str(port), *_OPTIONS]
        self._command += ["--allowed-hosts", ",".join(allowed_hosts(host, port))]

    def __enter__(self) -> Self:
        """Start the server without the user's MLflow variables, which could weaken its restrictions."""
        inherited = {name: value for name, value in os.environ.items() if "MLFLOW_" not in name}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                env={
                    **inherited,
                    **_ENVIRONMENT,
                    "MLFLOW_BACKEND_STORE_URI": self._store,
                },  # not an option, which ps shows
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that Ctrl-C reaches only this process, which stops the server
            )
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server and its processes."""
        self._signal(signal.SIGTERM)
        try:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        finally:
            self._signal(signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    def wait_until_it_answers(self) -> None:
        """Wait until the server answers.

        Raises:
            BadInputError: If it ends instead.
        """
        while not self._answers():
            if self._process.poll() is not None:
                raise self._ended()
            time.sleep(0.2)

    def _answers(self) -> bool:
        host = "127.0.0.1" if is_everywhere(self._host) else self._host
        connection = http.client.HTTPConnection(host, self._port, timeout=5)
        try:
            connection.request("GET", "/health")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def wait(self) -> None:
        """Wait until the server ends.

        Raises:
            BadInputError: When it ends, since it should run until it is stopped.
        """
        self._process.wait()
        raise self._ended()

    def _ended(self) -> BadInputError:
        lines = self.log.read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "it printed nothing")
        return BadInputError("MLflow's server must keep running", f"it ended: {last[:300]}", f"log: {self.log}")
