"""Reader of ABC files: the text is split into tunes, which are read separately, so that errors stay within one tune.

A tune begins at its reference number (X:) and ends at an empty line. Text outside tunes and blocks such as %%begintext
are skipped.

Source: The abc music standard 2.1 (December 2011), sections 2 (files) and 8 (text).
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from pathlib import Path

from data_prep.limits import read_bytes
from data_prep.readers.abc.fields import parse_length
from data_prep.readers.abc.tunes import Line, read_tune
from data_prep.readers.notes import Piece, Reading, Repeats, Unread, decoded, reason

_FIELD = re.compile(r"[A-Za-z]:")
_FILE_HEADER = re.compile(r"([CILM]):(.*)|%%\s*propagate-accidentals")
_BLOCK = re.compile(r"%%\s*(begin|end)(\w+)")
_TAG = re.compile(r"<(?:!DOCTYPE|/?(?:html|head|body|pre|title|center|table|tr|td|div)\b)[^<>]*>", re.IGNORECASE)

_ZEROS_OF_UTF16 = 0.25  # minimum share of zero bytes in UTF-16


def read(path: Path, repeats: Repeats = "written") -> Reading:
    """Read all tunes of a file.

    Args:
        path: The file, in UTF-8, UTF-16 or Latin-1.
        repeats: How to read repeats.

    Returns:
        One piece for each voice of each tune, in the order of the file, and the tunes that could not be read.

    Raises:
        ValueError: If the file contains no tune.
    """
    pieces: list[Piece] = []
    unread: list[Unread] = []
    tunes = split_tunes(decode(read_bytes(path)))
    if not tunes:
        raise ValueError("there is no tune in it: a tune begins with X: and its header ends with K:")
    for tune, lines in tunes:
        try:
            pieces += read_tune(tune, lines, repeats)
        except (ValueError, ArithmeticError) as error:
            unread.append(Unread(tune, reason(error)))
    return Reading(tuple(pieces), tuple(unread))


def decode(data: bytes) -> str:
    """Decode the text of a file.

    Args:
        data: UTF-8 or UTF-16, both with or without a byte order mark, or else Latin-1.

    Returns:
        The text, with lines that end in a line feed, without zero bytes and tags of web pages, and with "=20" and "=3D"
        decoded.
    """
    zeros = data.count(0)
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        text = data.decode("utf-16", "replace")
    elif zeros > _ZEROS_OF_UTF16 * len(data):
        little = data[1::2].count(0) >= data[::2].count(0)
        text = data.decode("utf-16-le" if little else "utf-16-be", "replace")
    else:
        text = decoded(data)
    text = re.sub(r"\r*\n|\r", "\n", text.replace("\0", ""))
    text = _TAG.sub("\n", text) if "<" in text else text
    return text.replace("=20", " ").replace("=3D", "=")  # quoted-printable, in old collections


def split_tunes(text: str) -> list[tuple[str, list[Line]]]:
    """Split a file into its tunes.

    Args:
        text: Text of the file.

    Returns:
        (name, lines) of each tune, with the lines of the file header first. The name is the reference number, "" if
        there is none; recurring numbers get a suffix, so that names are unique.
    """
    preface, *tunes = _at_references(_without_blocks(text))
    blocks = _blocks(preface)
    tunes = [*filter(_is_tune, blocks), *(_blocks(tune)[0] for tune in tunes)]
    file_header = _file_header([] if not blocks or _is_tune(blocks[0]) else blocks[0])
    named: list[tuple[str, list[Line]]] = []
    seen: dict[str, int] = {}
    for tune in tunes:
        number = tune[0].text[2:].split("%")[0].strip() if tune[0].text.startswith("X:") else ""
        count = seen[number] = seen.get(number, 0) + 1
        named.append((number if count == 1 else f"{number}.{count}", [*file_header, *tune]))
    return named


def _file_header(lines: Sequence[Line]) -> list[Line]:
    """Return the lines of a file header that apply to every tune: the last valid line of each field."""
    kept: dict[str, Line] = {}
    for line in lines:
        match = _FILE_HEADER.match(line.text)
        with suppress(ValueError):
            if match is not None and (match[1] != "L" or parse_length(match[2])):
                kept[match[1]] = line
    return list(kept.values())


def _without_blocks(text: str) -> Iterator[Line]:
    """Yield the lines outside %%begin...%%end; a block without an end extends to the end of its tune."""
    lines = [Line(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    at = 0
    while at < len(lines):
        block = _BLOCK.match(lines[at].text)
        if block is None or block[1] == "end":
            yield lines[at]
            at += 1
        else:
            at = _block_end(lines, at + 1, block[2])


def _block_end(lines: Sequence[Line], begin: int, kind: str) -> int:
    """Return the index after the lines of a block: after its %%end, or at the end of the tune if there is none."""
    for at in range(begin, len(lines)):
        mark = _BLOCK.match(lines[at].text)
        if mark is not None and mark.groups() == ("end", kind):
            return at + 1
        if mark is not None and mark[1] == "begin":
            break
    return next((at for at in range(begin, len(lines)) if not lines[at].text), len(lines))


def _at_references(lines: Iterator[Line]) -> list[list[Line]]:
    """Split lines before each reference number."""
    parts: list[list[Line]] = [[]]
    for line in lines:
        if line.text.startswith("X:"):
            parts.append([])
        parts[-1].append(line)
    return parts


def _is_tune(block: Sequence[Line]) -> bool:
    """Return whether lines without a reference number are a tune: they begin with a field and include a key."""
    texts = [line.text for line in block if not line.text.startswith("%")]
    return bool(texts) and _FIELD.match(texts[0]) is not None and any(text.startswith("K:") for text in texts)


def _blocks(lines: Sequence[Line]) -> list[list[Line]]:
    """Split lines at empty ones."""
    return [list(block) for has_text, block in groupby(lines, lambda line: bool(line.text)) if has_text]
