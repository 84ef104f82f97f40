"""A Chromium without a window, driven by chromedriver through the W3C's WebDriver protocol."""

import base64
import http.client
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.ray_cluster import free_port

PROGRAMS = ("chromium", "chromedriver")
MISSING = [name for name in PROGRAMS if shutil.which(name) is None]
"""The programs that are not installed."""

_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
_KEYS = {"Enter": "\ue007", "Tab": "\ue004", "Right": "\ue014"}


class Browser:
    """A browser for the duration of a ``with`` block."""

    def __init__(self, width: int, height: int = 844, *, downloads: Path | None = None) -> None:
        self.downloads = downloads or Path()
        self._port = free_port()
        self._session = ""
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--mute-audio", "--disable-dev-shm-usage"]
        options: dict[str, Any] = {"args": [*flags, f"--window-size={width},{height}"]}
        if width < 500:
            metrics = {"width": width, "height": height, "pixelRatio": 2.0, "touch": True}
            options["mobileEmulation"] = {"deviceMetrics": metrics}
        if downloads is not None:
            options["prefs"] = {"download.default_directory": str(downloads), "download.prompt_for_download": False}
        self._capabilities = {"alwaysMatch": {"browserName": "chrome", "goog:chromeOptions": options}}

    def __enter__(self) -> Self:
        self._driver = subprocess.Popen(
            ["chromedriver", f"--port={self._port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            wait_until(self._is_ready, "chromedriver is ready")
            self._session = self._call("POST", "/session", {"capabilities": self._capabilities})["sessionId"]
        except BaseException:
            self._driver.kill()
            self._driver.wait()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._call("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait(20)

    def open(self, url: str) -> None:
        self._call("POST", "/url", {"url": url})

    def reload(self) -> None:
        self._call("POST", "/refresh", {})

    def new_tab(self) -> str:
        """Open a tab, switch to it, and return the name of the former one."""
        former = str(self._call("GET", "/window"))
        self.switch(self._call("POST", "/window/new", {"type": "tab"})["handle"])
        return former

    def switch(self, tab: str) -> None:
        self._call("POST", "/window", {"handle": tab})

    def run(self, script: str) -> Any:
        return self._call("POST", "/execute/sync", {"script": script, "args": []})

    def connect(self, connected: bool) -> None:
        """Cut the browser's network, or restore it."""
        conditions = {"offline": not connected, "latency": 0, "download_throughput": -1, "upload_throughput": -1}
        self._call("POST", "/chromium/network_conditions", {"network_conditions": conditions})

    def text(self) -> str:
        return str(self.run("return document.body.innerText"))

    def click(self, css: str, index: int = 0) -> None:
        found = self._call("POST", "/elements", {"using": "css selector", "value": css})
        self._call("POST", f"/element/{found[index][_ELEMENT]}/click", {})

    def press(self, key: str) -> None:
        """Press and release a key."""
        value = _KEYS.get(key, key)
        actions = [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text(), f"the page says {words!r}")

    def picture(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def _is_ready(self) -> bool:
        try:
            return bool(self._call("GET", "/status", prefix="")["ready"])
        except OSError:
            return False

    def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None, prefix: str | None = None) -> Any:
        if prefix is None:
            prefix = f"/session/{self._session}" if self._session else ""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, prefix + path, data, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answer: dict[str, Any] = json.loads(response.read())
        finally:
            connection.close()
        if response.status != http.client.OK:
            raise RuntimeError(str(answer))
        return answer["value"]


def wait_until(holds: Callable[[], bool], what: str, timeout: float = 20.0) -> None:
    """Wait until a condition holds; fail with its description otherwise."""
    until = time.monotonic() + timeout
    while not holds():
        assert time.monotonic() < until, what
        time.sleep(0.05)
