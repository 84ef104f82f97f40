"""The server of a listening test: its page, its clips by name, and its answers, on this machine only."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from tunesmith.listening.answers import LISTENER_ID
from tunesmith.listening.design import ListeningTest
from tunesmith.listening.log import AnswerLog
from tunesmith.listening.pages import DATA, PAGE, clip_files, page_file, script, sheet_data
from tunesmith.serving.addresses import check_address
from tunesmith.serving.requests import json_body, refused
from tunesmith.serving.running import HOST, content, run

_MOST_BYTES = 16_384
"""Greatest size of a request's body."""


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
            *(content(path, data, kind) for path, (data, kind) in pages.items()),
            Route("/clips/{name}", self.clip),
            Route("/begin", self.begin, methods=["POST"]),
            Route("/answer", self.answer, methods=["POST"]),
        ]

    async def clip(self, request: Request) -> Response:
        """Send a clip, which is looked up by its name among those of the test."""
        path = self._clips.get(request.path_params["name"])
        if path is None:
            return refused("there is no such clip", HTTPStatus.NOT_FOUND)
        return FileResponse(path, media_type="audio/wav", headers={"Cache-Control": "private, max-age=86400"})

    async def begin(self, request: Request) -> Response:
        """Send a listener's sheet, and which of its items are answered."""
        try:
            listener = _listener(await json_body(request, _MOST_BYTES))
            is_new = not self._log.knows(listener)
            sheet = self._log.begin(listener)
        except ValueError as error:
            return refused(str(error))
        except OSError as error:
            return refused(f"the answers cannot be stored: {error}", HTTPStatus.INSUFFICIENT_STORAGE)
        if is_new:
            self._say(f"listener {listener[:8]} began")
        answered = self._log.answered(listener)
        return JSONResponse({"sheet": sheet, "items": sheet_data(self._test, sheet), "answered": answered})

    async def answer(self, request: Request) -> Response:
        """Store an answer; a repeated one is confirmed again."""
        try:
            value = await json_body(request, _MOST_BYTES)
            listener = _listener(value)
            if not self._log.knows(listener):
                return refused("the listener has not begun")
            is_new = self._log.record(listener, value)
        except ValueError as error:
            return refused(str(error))
        except OSError as error:
            return refused(f"the answer cannot be stored: {error}", HTTPStatus.INSUFFICIENT_STORAGE)
        answered = len(self._log.answered(listener))
        if is_new and answered == len(self._test.sheets[0]):
            self._say(f"listener {listener[:8]} answered all of them")
        return JSONResponse({"stored": is_new})


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
        routes = _Site(test, folder, log, say).routes()
        run(routes, port, lambda url: say(f"{url} (press Ctrl-C to stop; answers: {log.path})"))


def _listener(value: Mapping[str, Any]) -> str:
    listener = value.get("listener")
    if not isinstance(listener, str) or not LISTENER_ID.fullmatch(listener):
        raise ValueError("a listener's id is 32 hexadecimal digits")
    return listener
