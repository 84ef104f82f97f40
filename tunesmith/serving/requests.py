"""What a request contains, within bounds, and the answer to one that is refused."""

import json
from http import HTTPStatus
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response


class TooLargeError(ValueError):
    """Raised for a request that is too large; what it contains was not read to the end."""


async def body(request: Request, most: int) -> bytes:
    """Return what a request contains.

    Args:
        request: The request.
        most: Greatest number of bytes.

    Returns:
        The content.

    Raises:
        TooLargeError: If it is larger. If the request states its size, nothing of it is read.
    """
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and int(stated[:20]) > most:
        raise TooLargeError("the request is too large")
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > most:
            raise TooLargeError("the request is too large")
    return bytes(data)


async def json_body(request: Request, most: int) -> dict[str, Any]:
    """Return the JSON object of a request; raise ValueError if there is none or it has more bytes than ``most``."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ValueError("a request is JSON")
    try:
        value = json.loads(await body(request, most))
    except TooLargeError:
        raise
    except (RecursionError, ValueError):
        raise ValueError("the request is not JSON") from None
    if not isinstance(value, dict):
        raise ValueError("the request is not a JSON object")  # noqa: TRY004  (callers handle one type)
    return cast("dict[str, Any]", value)


def refused(reason: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST, **more: Any) -> Response:
    """Return an answer with the reason for which a request is refused."""
    return JSONResponse({"error": reason, **more}, status)
