"""Run a server on this machine until Ctrl-C or a signal."""

import signal
import socket
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tunesmith.serving.addresses import allowed_hosts, check_address
from tunesmith.serving.guard import Guard

HOST = "127.0.0.1"
"""The only address that the server listens on."""

_MOST_CONNECTIONS = 64

_GRACE_S = 15
"""Seconds for which Ctrl-C waits for requests that are being answered."""


def run(routes: Sequence[Route], port: int, listens: Callable[[str], None]) -> None:
    """Serve routes, guarded against other sites, until Ctrl-C.

    Args:
        routes: The routes.
        port: The port, which is part of the Host header.
        listens: Called with the URL once requests to it are not refused any more.

    Raises:
        BadInputError: If the port is in use.
        KeyboardInterrupt: After Ctrl-C.
    """
    config = uvicorn.Config(
        Starlette(routes=routes, middleware=[Middleware(Guard, hosts=allowed_hosts(HOST, port))]),
        lifespan="off",
        ws="none",
        log_level="warning",
        access_log=False,
        server_header=False,
        limit_concurrency=_MOST_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
    )
    check_address(HOST, port)
    with socket.create_server((HOST, port)) as listening:
        listens(f"http://{HOST}:{port}/")
        uvicorn.Server(config).run(sockets=[listening])


def content(path: str, data: bytes, kind: str) -> Route:
    """Return a route of constant content with its media type."""

    async def send(_: Request) -> Response:
        return Response(data, media_type=kind)

    return Route(path, send)


@contextmanager
def interrupted_by_signals() -> Generator[None]:
    """Handle SIGTERM and a closed terminal like Ctrl-C, so that a server is stopped in order."""
    before: dict[signal.Signals, Any] = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:  # as under nohup
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
