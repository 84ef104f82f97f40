"""A guard of a server on this machine: it answers only to its own page, which may load nothing from elsewhere."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; "
    "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """Refuses requests that other sites could cause, and sets the headers of every response.

    A page whose name resolves to this machine (DNS rebinding) sends its own name as Host, and a page that sends a
    request here sends its own address as Origin.
    """

    def __init__(self, app: ASGIApp, hosts: list[str]) -> None:
        """Guard an application that is reached under some names; see ``addresses.allowed_hosts``."""
        self._app, self._hosts = app, hosts
        self._origins = [f"http://{host}" for host in hosts]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer or refuse a request."""
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
