"""The server of a listening test: its page, its clips by name, and its answers, on this machine only."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tunesmith.listening.answers import LISTENER_ID
from tunesmith.listening.design import ListeningTest
from tunesmith.listening.log import AnswerLog
from tunesmith.listening.pages import DATA, PAGE, clip_files, page_file, script, sheet_data
from tunesmith.ui_server import allowed_hosts, check_address

HOST = "127.0.0.1"
"""The only address that the server listens on."""

_MOST_BYTES = 16_384
"""Greatest size of a request's body."""

_MOST_CONNECTIONS = 64

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class _Guard:
    """Refuses requests that other sites could cause, and sets the headers of every response.

    A page whose name resolves to this machine (DNS rebinding) sends its own name as Host, and a page that sends a
    request here sends its own address as Origin.
    """

    def __init__(self, app: ASGIApp, hosts: list[str]) -> None:
        self._app, self._hosts = app, hosts
        self._origins = [f"http://{host}" for host in hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        hosts, origin = headers.getlist("host"), headers.get("origin")
        is_own = len(hosts) == 1 and hosts[0].lower() in self._hosts
        if scope["type"] != "http" or not is_own or origin not in (None, *self._origins):
            refusal = PlainTextResponse("This server answers only to its own page.\n", HTTPStatus.FORBIDDEN)
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                added = MutableHeaders(scope=message)
                added.update(_HEADERS)
                added.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class _Site:
    """The handlers of a test's requests."""

    def __init__(self, test: ListeningTest, folder: Path, log: AnswerLog, say: Callable[[str], None]) -> None:
        self._test, self._log, self._say = test, log, say
        self._clips = clip_files(test, folder)

    def routes(self) -> list[Route]:
        pages = {f"/{name}": (page_file(name), kind) for name, kind in PAGE.items()}
        pages["/"] = pages["/index.html"]
        pages[f"/{DATA}"] = (script(self._test, served=True), PAGE["listen.js"])
        return [
            *(Route(path, partial(_content, content=content, kind=kind)) for path, (content, kind) in pages.items()),
            Route("/clips/{name}", self.clip),
            Route("/begin", self.begin, methods=["POST"]),
            Route("/answer", self.answer, methods=["POST"]),
        ]

    async def clip(self, request: Request) -> Response:
        """Send a clip, which is looked up by its name among those of the test."""
        path = self._clips.get(request.path_params["name"])
        if path is None:
            return _refused("there is no such clip", HTTPStatus.NOT_FOUND)
        return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "private, max-age=86400"})

    async def begin(self, request: Request) -> Response:
        """Send a listener's sheet, and which of its items are answered."""
        try:
            listener = _listener(await _body(request))
            is_new = not self._log.knows(listener)
            sheet = self._log.begin(listener)
        except ValueError as error:
            return _refused(str(error))
        except OSError as error:
            return _refused(f"the answers cannot be stored: {error}", HTTPStatus.INSUFFICIENT_STORAGE)
        if is_new:
            self._say(f"listener {listener[:8]} began")
        answered = self._log.answered(listener)
        return JSONResponse({"sheet": sheet, "items": sheet_data(self._test, sheet), "answered": answered})

    async def answer(self, request: Request) -> Response:
        """Store an answer; a repeated one is confirmed again."""
        try:
            value = await _body(request)
            listener = _listener(value)
            if not self._log.knows(listener):
                return _refused("the listener has not begun")
            is_new = self._log.record(listener, value)
        except ValueError as error:
            return _refused(str(error))
        except OSError as error:
            return _refused(f"the answer cannot be stored: {error}", HTTPStatus.INSUFFICIENT_STORAGE)
        answered = len(self._log.answered(listener))
        if is_new and answered == len(self._test.sheets[0]):
            self._say(f"listener {listener[:8]} answered all of them")
        return JSONResponse({"stored": is_new})


def application(test: ListeningTest, folder: Path, log: AnswerLog, port: int, say: Callable[[str], None]) -> ASGIApp:
    """Return the application of a test.

    Args:
        test: The test.
        folder: Its folder.
        log: Its open log.
        port: The port that it is served on, which is part of the Host header.
        say: Called with a line when a listener begins and ends.

    Returns:
        An ASGI application.
    """
    guard = Middleware(_Guard, hosts=allowed_hosts(HOST, port))
    return Starlette(routes=_Site(test, folder, log, say).routes(), middleware=[guard])


def serve(test: ListeningTest, folder: Path, port: int, say: Callable[[str], None]) -> None:
    """Serve a test until Ctrl-C.

    Args:
        test: The test.
        folder: Its folder.
        port: The port.
        say: Called with lines for the user.

    Raises:
        BadInputError: If the port is in use, or another server has the test.
        KeyboardInterrupt: After Ctrl-C.
    """
    check_address(HOST, port)
    with AnswerLog(test, folder) as log:
        say(f"http://{HOST}:{port}/ (press Ctrl-C to stop; answers: {log.path})")
        config = uvicorn.Config(
            application(test, folder, log, port, say),
            host=HOST,
            port=port,
            lifespan="off",
            ws="none",
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=_MOST_CONNECTIONS,
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(config).run()


async def _content(_: Request, *, content: bytes, kind: str) -> Response:
    return Response(content, media_type=kind)


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object of a request; raise ValueError if there is none or it is too large."""
    if request.headers.get("content-type") != "application/json":
        raise ValueError("a request is JSON")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > _MOST_BYTES:
            raise ValueError("the request is too large")
    try:
        value = json.loads(data)
    except (RecursionError, ValueError):
        raise ValueError("the request is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("the request is not a JSON object")  # noqa: TRY004  (callers handle one type)
    return cast("dict[str, Any]", value)


def _listener(value: Mapping[str, Any]) -> str:
    listener = value.get("listener")
    if not isinstance(listener, str) or not LISTENER_ID.fullmatch(listener):
        raise ValueError("a listener's id is 32 hexadecimal digits")
    return listener


def _refused(reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> Response:
    return JSONResponse({"error": reason}, status)
