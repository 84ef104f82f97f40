"""The server of a test: real requests, other sites, paths, kills."""

import json
import shutil
import signal
import socket
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.served import Served
from tests.tunesmith.listening.answering import listener_id, loaded
from tests.tunesmith.listening.serving import served
from tunesmith.cli import run

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("listening server")]


@pytest.fixture(scope="module")
def server(pair_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = shutil.copytree(pair_folder, tmp_path_factory.mktemp("served") / "test")
    with served(Path(folder)) as running:
        yield running


def lines(server: Served) -> list[dict[str, object]]:
    return [json.loads(line) for line in (server.folder / "answers.jsonl").read_text().splitlines()]


def test_the_page_and_its_clips_are_served(server: Served) -> None:
    test, _ = loaded(server.folder)
    for path in ("/", "/index.html", "/listen.js", "/listen.css", "/test.js"):
        status, headers, data = server.request("GET", path)
        assert (status, bool(data)) == (200, True)
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
    clip = f"/clips/{test.clips[0]}.wav"
    status, headers, whole = server.request("GET", clip)
    assert (status, headers["Content-Type"], whole[:4]) == (200, "audio/wav", b"RIFF")
    status, headers, part = server.request("GET", clip, Range="bytes=100-199")
    assert (status, part) == (206, whole[100:200]), "browsers of phones ask for parts"


@pytest.mark.parametrize(
    "path",
    [
        "/key.json",
        "/test.json",
        "/answers.jsonl",
        "/clips/",
        "/clips/../key.json",
        "/clips/..%2fkey.json",
        "/clips/%2e%2e%2fkey.json",
        "/clips//etc/passwd",
        "/clips/..%5ckey.json",
        "/../../etc/passwd",
        "/clips/none.wav",
    ],
)
def test_nothing_else_is_served(server: Served, path: str) -> None:
    status, _, data = server.request("GET", path)
    assert status in {400, 404}
    assert b"human" not in data


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:PORT", "127.0.0.1", "localhost:1", "10.0.0.5:PORT", None]
)
@pytest.mark.parametrize("path", ["/", "/test.js"])
def test_other_names_of_this_machine_are_refused(server: Served, host: str | None, path: str) -> None:
    assert server.request("GET", path, Host=host and host.replace("PORT", str(server.port)))[0] in {400, 403}
    assert server.request("GET", path, Host=f"localhost:{server.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:PORT", "http://127.0.0.1:1"])
def test_other_sites_cannot_answer(server: Served, origin: str) -> None:
    origin = origin.replace("PORT", str(server.port))
    status, _ = server.post("/begin", {"listener": listener_id(77)}, Origin=origin)
    assert status == 403
    assert listener_id(77) not in {line["listener"] for line in lines(server)}
    assert server.post("/begin", {"listener": listener_id(78)}, Origin=server.url.rstrip("/"))[0] == 200


def test_requests_that_are_no_answers_are_refused_with_a_reason(server: Served) -> None:
    status, begun = server.post("/begin", {"listener": listener_id(5)})
    assert status == 200
    item = begun["items"][0]
    good = {"listener": listener_id(5), "item": item["item"], "answer": item["clips"][0]}
    before = len(lines(server))
    for value, reason in (
        ({**good, "listener": "me"}, "a listener's id is 32 hexadecimal digits"),
        ({**good, "listener": listener_id(6)}, "the listener has not begun"),
        ({**good, "item": "none"}, "there is no item 'none'"),
        ({**good, "answer": "../key"}, "the answer to a pair is one of its clips"),
        ({**good, "answer": {"x": 5}}, "the answer to a pair is one of its clips"),
        ({"listener": listener_id(5)}, "item is wrong"),
        ([1], "the request is not a JSON object"),
        ({**good, "more": "x" * 20_000}, "the request is too large"),
    ):
        status, answer = server.post("/answer", value)
        assert status == 400
        assert reason in answer["error"]
    assert server.request("POST", "/answer", b"{", Content_Type="application/json")[0] == 400
    assert server.post("/answer", good, Content_Type="text/plain")[0] == 400, "as a form of another site would send it"
    assert server.request("GET", "/answer")[0] == 405
    assert len(lines(server)) == before


def test_an_item_is_stored_once_however_often_it_is_answered(server: Served) -> None:
    _, begun = server.post("/begin", {"listener": listener_id(9)})
    item = begun["items"][0]
    good = {
        "listener": listener_id(9),
        "item": item["item"],
        "answer": item["clips"][1],
        "heard": {item["clips"][1]: 3},
    }
    assert server.post("/answer", good) == (200, {"stored": True})
    assert server.post("/answer", good) == (200, {"stored": False})
    assert server.post("/answer", {**good, "answer": "cannot tell"}) == (200, {"stored": False})
    stored = [line for line in lines(server) if line.get("item") and line["listener"] == listener_id(9)]
    assert [line["answer"] for line in stored] == [item["clips"][1]]
    _, again = server.post("/begin", {"listener": listener_id(9)})
    assert again == {**begun, "answered": [item["item"]]}


def test_a_killed_server_keeps_every_confirmed_answer(pair: Path) -> None:
    with served(pair) as first:
        _, begun = first.post("/begin", {"listener": listener_id(1)})
        for item in begun["items"][:2]:
            first.post("/answer", {"listener": listener_id(1), "item": item["item"], "answer": "cannot tell"})
        first.process.kill()
        first.process.wait()
    with (pair / "answers.jsonl").open("a") as file:
        file.write('{"test": "cut')
    with served(pair) as second:
        _, again = second.post("/begin", {"listener": listener_id(1)})
        assert again["answered"] == [item["item"] for item in begun["items"][:2]]
        assert len(lines(second)) == 3
        second.process.send_signal(signal.SIGINT)
        assert second.process.wait(30) == 0


def test_a_busy_port_and_a_second_server_are_reported_in_one_line(
    server: Served, pair: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["listen", "serve", str(pair), "--port", str(server.port)]) == 2
    assert capsys.readouterr().err == (
        f"error: port {server.port} of 127.0.0.1 is in use by another program; name another with --port\n"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert run(["listen", "serve", str(server.folder), "--port", str(free)]) == 2
    error = capsys.readouterr().err
    assert "a listening test is served by one server at a time" in error
    assert error.count("\n") == 1
