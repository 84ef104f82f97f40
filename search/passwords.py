"""URLs without their passwords. Use this for every URL that is shown, logged, stored or tagged."""

import re
from urllib.parse import unquote

from data_prep.errors import one_line

_SEPARATOR = re.compile(r"([?&;,#+\s]|%(?:25)*(?:26|3[Bb]|20))")
"""A separator of parameters, percent-encoded any number of times."""

_SECRET = re.compile(
    r"(?:^|[=\s/])[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|(?:pass|sig)(?=\s*=))"
    r"[\w.-]*\s*=\s*(.?)",
    re.IGNORECASE | re.DOTALL,
)
"""A secret parameter and the first character of its value."""

_CLOSING = {"'": "'", '"': '"', "{": "}"}
"""The closing character of a quoted value, which may contain separators."""

_USER = re.compile(r"([\w+.-]+://)([^\s:/@]*):[^\s@]*@")
"""A URL with a password, within a text."""

_PLAIN_HOST = re.compile(r"[^:/@]*(:\d*)?(/|$)")
"""A URL without a user before its host."""

_MAX_DECODED = 5


def without_password(url: str) -> str:
    """Remove the passwords from a URL.

    Args:
        url: A URL, or parameters in the notation of libpq or ODBC. A password may be before the host or among the
            parameters, whose names and separators may be percent-encoded.

    Returns:
        The URL without passwords; unchanged if there are none.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    at = _end_of_user(rest)
    if at >= 0:
        rest = f"{rest[:at].partition(':')[0]}{rest[at:]}"
    return f"{scheme}{separator}{_without_secrets(rest)}"


def first_line(error: BaseException, url: str) -> str:
    """Return the first line of an error's message, or its type if it has none, without the passwords of a URL.

    Args:
        error: An error that was raised while the URL was used.
        url: The URL.

    Returns:
        At most 300 characters.
    """
    return _USER.sub(r"\1\2@", one_line(error).replace(url, without_password(url)))[:300]


def _end_of_user(rest: str) -> int:
    """Return the index of the @ after user and password, -1 if there is none."""
    base = rest.partition("?")[0]
    if "@" not in base and not _PLAIN_HOST.match(base):
        base = rest  # the password contains the question mark
    return base.rfind("@")


def _without_secrets(text: str) -> str:
    pieces = _SEPARATOR.split(text)
    kept, closing, question = "", "", ""
    for mark, piece in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        decoded = _decoded(piece)
        if closing:
            closing = "" if closing in decoded else closing
            continue
        secret = _SECRET.search(decoded)
        if secret is None:
            kept += (question or mark) + piece
            question = ""
            continue
        question = question or (mark if mark == "?" else "")
        end = _CLOSING.get(secret[1], "")
        closing = "" if not end or end in decoded[secret.end() :] else end
    return kept


def _decoded(text: str) -> str:
    for _ in range(_MAX_DECODED):
        text = unquote(text)
    return text
