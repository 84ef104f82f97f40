"""The environment's proxies are used only for other machines."""

import os
import threading
import urllib.request
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests

from tunesmith.proxies import bypass_proxies_locally


@pytest.fixture
def server(tmp_path: Path) -> Generator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


@pytest.mark.parametrize("variable", ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("no_proxy", [None, "example.org", "*"])
def test_a_server_on_this_machine_is_reached_without_a_proxy(
    server: str, variable: str, no_proxy: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(variable, "socks5://127.0.0.1:9" if variable.lower() == "all_proxy" else "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.setenv(name, no_proxy or "")
    bypass_proxies_locally()
    assert requests.get(server, timeout=5).status_code == 200
    with urllib.request.urlopen(server, timeout=5) as answer:  # noqa: S310  (http)
        assert answer.status == 200
    assert os.environ["no_proxy"].partition(",")[0] == (no_proxy or "localhost")
    assert requests.utils.should_bypass_proxies("http://example.com/", None) == (no_proxy == "*")
