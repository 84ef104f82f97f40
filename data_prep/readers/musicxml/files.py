"""Parsing of XML files and of MusicXML archives, within limits and without declarations of entities.

Expat gets the whole file at once. music21 feeds it piece by piece, and then a long comment takes minutes, because expat
rescans it with each piece. Comments, processing instructions and elements that the caller does not need are dropped.
"""

# ElementTree only stores elements here, and entities, which make XML unsafe, are refused
import zlib
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from data_prep.limits import MAX_NOTES, MAX_UNPACKED_BYTES, check_num_bytes, check_num_notes, read_bytes

MAX_ELEMENTS = 10 * MAX_NOTES
"""Maximum number of elements of a file, about as many as its notes need."""

MAX_DEPTH = 100
"""Maximum depth of nested elements; a score has nine levels."""

_CONTAINER = "META-INF/container.xml"
_NOTATION = {".xml", ".musicxml"}


def read_xml(path: Path, unneeded: AbstractSet[str]) -> Element:
    """Parse an XML file or the XML file in a MusicXML archive.

    Args:
        path: The file or archive, distinguished by its first bytes.
        unneeded: Names of elements to drop with their contents.

    Returns:
        The root element.

    Raises:
        ValueError: If the file is broken, too large, or declares entities.
    """
    data = read_bytes(path)
    return _parsed(_unpacked(data) if data.startswith(b"PK") else data, unneeded)


def _unpacked(data: bytes) -> bytes:
    try:
        with ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
            scores = [name for name in names if _is_score(PurePosixPath(name))]
            if _CONTAINER in names:
                rootfile = _parsed(_member(archive, _CONTAINER), frozenset()).find(".//rootfile")
                named = "" if rootfile is None else rootfile.get("full-path", "")
                if named in names:
                    return _member(archive, named)
                if len(scores) != 1:
                    raise ValueError(f"its container names {named[:50]!r} as the score, which is missing")
            if not scores:
                raise ValueError("the archive contains no score")
            return _member(archive, scores[0])
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError(f"the archive is broken: {error}") from error


def _is_score(name: PurePosixPath) -> bool:
    """Return whether a member may be a score; macOS adds a file of its own for each member."""
    own = name.name.startswith("._") or name.parts[0] in {"META-INF", "__MACOSX"}
    return name.suffix.lower() in _NOTATION and not own


def _member(archive: ZipFile, name: str) -> bytes:
    """Unpack a member up to MAX_UNPACKED_BYTES, because its size in the archive may be wrong."""
    if archive.getinfo(name).compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise ValueError(f"{name[:50]} in the archive has a compression that MusicXML does not allow")
    with archive.open(name) as file:
        data = file.read(MAX_UNPACKED_BYTES + 1)
    check_num_bytes(len(data), MAX_UNPACKED_BYTES)
    return data


class _Builder:
    """Handlers of expat's events, which build the needed elements."""

    def __init__(self, unneeded: AbstractSet[str]) -> None:
        self.tree = TreeBuilder()
        self._unneeded = unneeded
        self._left_out = 0  # depth within a dropped element
        self._depth = 0
        self._num_elements = 0
        self._num_notes = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._left_out or tag in self._unneeded:
            self._left_out += 1
            return
        self._depth += 1
        self._num_elements += 1
        if tag == "note":
            self._num_notes += 1
            check_num_notes(self._num_notes)
        if self._num_elements > MAX_ELEMENTS or self._depth > MAX_DEPTH:
            raise ValueError(f"at most {MAX_ELEMENTS} elements, nested {MAX_DEPTH} deep, are read: it has more")
        self.tree.start(tag, attributes)

    def end(self, tag: str) -> None:
        if self._left_out:
            self._left_out -= 1
            return
        self._depth -= 1
        self.tree.end(tag)

    def data(self, text: str) -> None:
        indentation = text.isspace() and "\n" in text
        if not self._left_out and not indentation:
            self.tree.data(text)


def _parsed(data: bytes, unneeded: AbstractSet[str]) -> Element:
    builder = _Builder(unneeded)
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.data
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise ValueError(f"its XML is broken or cut short: {error}") from error
    return builder.tree.close()


def _refuse_entity(name: str, *_: object) -> None:
    raise ValueError(f"it declares an entity ({name[:50]}), which no score needs")
