"""Addresses without their passwords: whatever is shown, logged, stored or tagged goes through here."""

import re
from urllib.parse import unquote

from data_prep.errors import one_line

_SEPARATOR = re.compile(r"([?&;,#+\s]|%(?:25)*(?:26|3[Bb]|20))")
"""What stands between parameters, however often it was encoded."""

_SECRET = re.compile(
    r"(?:^|[=\s/])[\w.-]*(?:password|passwd|passphrase|pwd|secret|token|api_?key|access_?key|(?:pass|sig)(?=\s*=))"
    r"[\w.-]*\s*=\s*(.?)",
    re.IGNORECASE | re.DOTALL,
)
"""A secret parameter, and how its value begins."""

_CLOSING = {"'": "'", '"': '"', "{": "}"}
"""How values end that hold separators."""

_USER = re.compile(r"([\w+.-]+://)([^\s:/@]*):[^\s@]*@")
"""An address with a password, within a text."""

_PLAIN_HOST = re.compile(r"[^:/@]*(:\d*)?(/|$)")
"""An address that has no user before its host."""

_MAX_DECODED = 5


def without_password(url: str) -> str:
    """Strike passwords out of a URL, so that they are neither stored nor shown.

    Args:
        url: A URL, or parameters as libpq and ODBC write them; its passwords may be before the host or among the
            parameters, whose names and separators may be percent-encoded.

    Returns:
        The rest; a URL without a password stays as it is.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "", url
    at = _end_of_user(rest)
    if at >= 0:
        rest = f"{rest[:at].partition(':')[0]}{rest[at:]}"
    return f"{scheme}{separator}{_without_secrets(rest)}"


def first_line(error: BaseException, url: str) -> str:
    """Return an error's first line, or its kind if it says nothing, without the passwords of an address.

    Args:
        error: What was raised by whoever uses the address.
        url: The address.

    Returns:
        At most 300 characters.
    """
    return _USER.sub(r"\1\2@", one_line(error).replace(url, without_password(url)))[:300]


def _end_of_user(rest: str) -> int:
    """Find the @ that ends user and password; -1 where there are none."""
    base = rest.partition("?")[0]
    if "@" in base:
        return base.rindex("@")
    return -1 if _PLAIN_HOST.match(base) else rest.rfind("@")  # else the password has a question mark


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
        if text == (text := unquote(text)):
            break
    return text
