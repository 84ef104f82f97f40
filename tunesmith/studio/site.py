"""The page of a studio and the requests that it sends. Models work in one thread, request by request."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from http import HTTPStatus
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from pydantic import Field, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from data_prep.errors import BadInputError
from data_prep.readers.midi.chunks import MAX_MIDI_BYTES
from data_prep.tunes.abc_prompts import BadAbcError
from data_prep.wording import counted
from tunesmith.playing.music import player_file
from tunesmith.remedies import error_line
from tunesmith.serving.requests import TooLargeError, body, json_body, refused
from tunesmith.serving.running import content
from tunesmith.studio.composing import Again, ComposingService, shown
from tunesmith.studio.performing import PerformanceOptions, PerformingService
from tunesmith.studio.tunes import ID, Id, Strict, StudioTune, TuneOptions, summaries

if TYPE_CHECKING:
    from tunesmith.studio.favourites import Favourites
    from tunesmith.studio.loaded import Loaded

Handler: TypeAlias = Callable[["Site", Request], Awaitable[Response]]
ResultT = TypeVar("ResultT")

_MOST_JSON = 65_536

_MOST_SECONDS = 600
"""Length of a sound."""

_SCRIPT, _STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
PAGE = {
    "index.html": "text/html; charset=utf-8",
    "studio.css": _STYLE,
    "studio.js": _SCRIPT,
    "compose.js": _SCRIPT,
    "perform.js": _SCRIPT,
}
"""The files of the page, each with its media type."""

_DOWNLOADS = {
    "midi": (".mid", "audio/midi"),
    "musicxml": (".musicxml", "application/vnd.recordare.musicxml+xml"),
    "abc": (".abc", "text/vnd.abc; charset=utf-8"),
    "svg": (".svg", "image/svg+xml"),
    "wav": (".wav", "audio/wav"),
}
"""Ending and media type of each format that can be downloaded."""


class _Favourite(Strict):
    id: Id
    keep: bool


class _Tempo(Strict):
    id: Id
    tempo: int = Field(ge=20, le=400)


def _answering(handler: Handler) -> Handler:
    """Answer a request that cannot be fulfilled with the reason, in one line."""

    @wraps(handler)
    async def answer(site: "Site", request: Request) -> Response:
        try:
            return await handler(site, request)
        except OSError as error:
            return refused(f"it cannot be stored: {error_line(error)}", HTTPStatus.INSUFFICIENT_STORAGE)
        except ValueError as error:
            return _refusal(error)

    return answer


def _refusal(error: ValueError) -> Response:
    if isinstance(error, TooLargeError):
        return refused(str(error), HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return refused(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    if isinstance(error, BadAbcError):
        return refused(error_line(error), place={"line": error.line, "begin": error.begin, "end": error.end})
    return refused(error_line(error) if isinstance(error, BadInputError) else str(error))


class Site:
    """The handlers of a studio's requests."""

    def __init__(self, loaded: "Loaded", favourites: "Favourites") -> None:
        """Serve models and the favourites of a home folder; call ``warm_up`` before the first request."""
        self._loaded, self._favourites = loaded, favourites
        composer, performer = loaded.composer, loaded.performer
        self._composing = ComposingService(composer.model, composer.name, favourites) if composer.model else None
        self._performing = PerformingService(performer.model) if performer.model else None
        self._worker = ThreadPoolExecutor(1, "studio")

    def warm_up(self) -> None:
        """Compose once in the thread of the models, while the server starts."""
        if self._composing:
            self._worker.submit(self._composing.warm_up)

    def routes(self) -> list[Route]:
        """Return the addresses of the page and of its requests."""
        page = files("tunesmith.studio") / "page"
        texts: Mapping[str, tuple[bytes, str]] = {
            **{name: ((page / name).read_bytes(), kind) for name, kind in PAGE.items()},
            **{f"player.{end}": (player_file(f"player.{end}").encode(), kind) for end, kind in _PLAYER.items()},
        }
        posts = {
            "/compose": self.compose,
            "/again": self.again,
            "/tempo": self.tempo,
            "/favourites": self.favourite,
            "/pieces": self.piece,
            "/perform": self.perform,
        }
        return [
            content("/", *texts["index.html"]),
            *(content(f"/{name}", *text) for name, text in texts.items()),
            Route("/state", self.state),
            *(Route(path, handler, methods=["POST"]) for path, handler in posts.items()),
            Route("/tunes/{id}", self.tune),
            Route("/tunes/{id}/{form}", self.download),
            Route("/performances/{id}", self.performance),
        ]

    @_answering
    async def state(self, _: Request) -> Response:
        """Send what the page begins with: the models, and the favourites of the home folder."""
        performer = self._loaded.performer
        return JSONResponse(
            {
                "composer": self._loaded.composer.name,
                "noComposer": self._loaded.composer.missing,
                "performer": performer.name,
                "noPerformer": performer.missing,
                "styles": self._performing.styles if self._performing else [],
                "mostBytes": MAX_MIDI_BYTES,
                "favourites": summaries(await run_in_threadpool(self._favourites.all)),
            }
        )

    @_answering
    async def compose(self, request: Request) -> Response:
        """Compose a tune."""
        service = self._composer()
        options = TuneOptions.model_validate(await json_body(request, _MOST_JSON))
        return await self._shown(request, lambda: service.compose(options))

    @_answering
    async def again(self, request: Request) -> Response:
        """Compose bars of a tune again, or more bars."""
        service = self._composer()
        wanted = Again.model_validate(await json_body(request, _MOST_JSON))
        return await self._shown(request, lambda: service.again(wanted))

    @_answering
    async def tempo(self, request: Request) -> Response:
        """Set the tempo of a tune."""
        service = self._composer()
        wanted = _Tempo.model_validate(await json_body(request, _MOST_JSON))
        return await self._shown(request, lambda: service.at_tempo(wanted.id, wanted.tempo))

    @_answering
    async def favourite(self, request: Request) -> Response:
        """Add a tune to the favourites or remove it, and send all of them."""
        service = self._composer()
        wanted = _Favourite.model_validate(await json_body(request, _MOST_JSON))
        made = service.tune(wanted.id)
        if wanted.keep and made is None:
            return _or_gone(None)
        if wanted.keep and made is not None:
            await run_in_threadpool(self._favourites.add, made)
        else:
            await run_in_threadpool(self._favourites.remove, wanted.id)
        return JSONResponse({"favourites": summaries(await run_in_threadpool(self._favourites.all))})

    @_answering
    async def tune(self, request: Request) -> Response:
        """Send a tune with what the player needs."""
        service, name = self._composer(), _id(request)
        return await self._shown(request, lambda: service.tune(name))

    @_answering
    async def download(self, request: Request) -> Response:
        """Send a tune as a file, made from its notes."""
        from data_prep.writers.files import content as file_content

        made, form = self._composer().tune(_id(request)), request.path_params["form"]
        if made is None or form not in _DOWNLOADS:
            return _or_gone(None)
        if form == "wav" and made.seconds > _MOST_SECONDS:
            rule = f"sound of at most {counted(_MOST_SECONDS // 60, 'minute')} is made"
            raise BadInputError(rule, f"the tune lasts {made.seconds / 60:.0f} min", remedy="choose a faster tempo")
        ending, kind = _DOWNLOADS[form]
        instrument = request.query_params.get("instrument", "violin")[:100]
        data = await self._work(lambda: file_content(made.tune, form, instrument))
        return _file(data, made.name, ending, kind)

    @_answering
    async def piece(self, request: Request) -> Response:
        """Read a MIDI file."""
        service = self._performer()
        if request.headers.get("content-type") != "audio/midi":
            raise ValueError("a piece is sent as audio/midi")
        try:
            midi = await body(request, MAX_MIDI_BYTES)
        except TooLargeError:
            raise TooLargeError(f"files of at most {MAX_MIDI_BYTES >> 20} MiB are read: it has more") from None
        return JSONResponse(await self._work(lambda: service.add(midi)))

    @_answering
    async def perform(self, request: Request) -> Response:
        """Perform a piece."""
        service = self._performer()
        options = PerformanceOptions.model_validate(await json_body(request, _MOST_JSON))
        return JSONResponse(await self._work(lambda: service.perform(options)))

    @_answering
    async def performance(self, request: Request) -> Response:
        """Send a performance as a MIDI file."""
        midi = self._performer().performed(_id(request))
        return _or_gone(None) if midi is None else _file(midi, "performed", ".mid", "audio/midi")

    def _composer(self) -> ComposingService:
        if not self._composing:
            raise BadInputError("a composing model is needed", self._loaded.composer.missing)
        return self._composing

    def _performer(self) -> PerformingService:
        if not self._performing:
            raise BadInputError("a performing model is needed", self._loaded.performer.missing)
        return self._performing

    async def _shown(self, request: Request, make: Callable[[], StudioTune | None]) -> Response:
        """Send a tune with what the player needs, for a narrow window if the page has one."""
        narrow = "narrow" in request.query_params

        def work() -> dict[str, Any] | None:
            made = make()
            return None if made is None else shown(made, narrow=narrow)

        return _or_gone(await self._work(work))

    async def _work(self, function: Callable[[], ResultT]) -> ResultT:
        return await asyncio.get_running_loop().run_in_executor(self._worker, function)


_PLAYER = {"js": _SCRIPT, "css": _STYLE}


def _id(request: Request) -> str:
    name = str(request.path_params["id"])
    return name if ID.fullmatch(name) else "0" * 16


def _or_gone(value: dict[str, Any] | None) -> Response:
    if value is None:
        reason = "the studio has no such tune or format: it forgets what is no favourite when it is restarted"
        return refused(reason, HTTPStatus.NOT_FOUND)
    return JSONResponse(value)


def _file(data: bytes, name: str, ending: str, kind: str) -> Response:
    """Return a download, under a name of letters, digits and hyphens."""
    stem = "-".join(re.findall(r"[A-Za-z0-9]+", name)) or "tune"
    return Response(data, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{stem}{ending}"'})
