"""The line number of each key in a TOML file, for errors.

The standard library's parser returns no line numbers, so the text is scanned again for keys. The scanner handles
tables, arrays of tables, and dotted and quoted keys, and skips the content of brackets and strings.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping

Path = tuple[str | int, ...]
"""The path of a key from the top: ("space", "lr"), or ("prior", 0, "lr") in an array of tables."""

_SIMPLE = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_DOTTED = rf"{_SIMPLE}(?:\s*\.\s*{_SIMPLE})*"
_PART = re.compile(_SIMPLE)
_KEY = re.compile(rf"\s*({_DOTTED})\s*=")
_HEADER = re.compile(rf"\s*(\[\[|\[)\s*({_DOTTED})\s*\]")
"""All patterns match in linear time: no two alternatives begin with the same character."""
_TOKEN = re.compile(r"""\"\"\"|\'\'\'|"(?:[^"\\]|\\.)*"|'[^']*'|[\[\]{}]|#.*$""")


def key_lines(text: str) -> Mapping[Path, int]:
    """Return the line of every key and table header.

    Args:
        text: Valid TOML.

    Returns:
        Line numbers, from 1, by key path.
    """
    lines: dict[Path, int] = {}
    tables: Counter[Path] = Counter()
    table: Path = ()
    for number, line in _statements(text):
        if header := _HEADER.match(line):
            table = _parts(header[2])
            if header[1] == "[[":
                tables[table] += 1
                table = (*table, tables[table] - 1)
            lines.setdefault(table, number)
        elif key := _KEY.match(line):
            lines.setdefault((*table, *_parts(key[1])), number)
    return lines


def line_of(lines: Mapping[Path, int], path: Path) -> int | None:
    """Return the line of a key, or of the nearest enclosing table that has one."""
    while path:
        if path in lines:
            return lines[path]
        path = path[:-1]
    return None


def _parts(dotted: str) -> Path:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _statements(text: str) -> Iterator[tuple[int, str]]:
    depth, quote = 0, ""
    for number, line in enumerate(text.splitlines(), start=1):
        if depth == 0 and not quote:
            yield number, line
            if _HEADER.match(line):
                continue
        depth, quote = _scan(line, depth, quote)


def _scan(line: str, depth: int, quote: str) -> tuple[int, str]:
    """Return the bracket depth and the open multi-line quote after a line."""
    at = 0
    while at < len(line):
        if quote:
            end = line.find(quote, at)
            if end < 0:
                return depth, quote
            at, quote = end + len(quote), ""
            continue
        token = _TOKEN.search(line, at)
        if token is None:
            break
        at = token.end()
        if token[0] in ('"""', "'''"):
            quote = token[0]
        elif token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
    return depth, quote
