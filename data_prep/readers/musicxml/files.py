"""XML files and MusicXML's archives of them: read within bounds, and without a document's own declarations.

Expat parses in one go. It is fed in pieces by music21, and then takes minutes for a long comment, which it scans again
with each piece. Comments, processing instructions and the elements that the caller does not need are left out.
"""

# ElementTree only holds the elements here, and expat refuses the entities that make XML unsafe
import zlib
from collections.abc import Set as AbstractSet
from io import BytesIO
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile

from data_prep.limits import MAX_NOTES, MAX_UNPACKED_BYTES, check_num_bytes, check_num_notes, read_bytes

MAX_ELEMENTS = 10 * MAX_NOTES
"""Elements that are kept of a file: about as many as its notes need."""

MAX_DEPTH = 100
"""Elements within one another; a score has nine."""

_CONTAINER = "META-INF/container.xml"
_NOTATION = {".xml", ".musicxml"}


def read_xml(path: Path, unneeded: AbstractSet[str]) -> Element:
    """Read an XML file, or the one that an archive's container names.

    Args:
        path: The file, distinguished from an archive by its first bytes.
        unneeded: Names of elements to leave out with all that they hold.

    Returns:
        The root element.

    Raises:
        ValueError: If it is broken, too large, or declares entities.
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
                    raise ValueError(f"its container names {named[:50]!r} as the score, which is not in it")
            if not scores:
                raise ValueError("the archive holds no score")
            return _member(archive, scores[0])
    except (BadZipFile, EOFError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise ValueError(f"the archive is broken: {error}") from error


def _is_score(name: PurePosixPath) -> bool:
    """Return whether a member may be a score; macOS packs files of its own beside each."""
    own = name.name.startswith("._") or name.parts[0] in {"META-INF", "__MACOSX"}
    return name.suffix.lower() in _NOTATION and not own


def _member(archive: ZipFile, name: str) -> bytes:
    """Unpack a member up to the bound: its size in the archive may be wrong."""
    if archive.getinfo(name).compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
        raise ValueError(f"{name[:50]} in the archive is packed in a way that MusicXML does not use")
    with archive.open(name) as file:
        data = file.read(MAX_UNPACKED_BYTES + 1)
    check_num_bytes(len(data), MAX_UNPACKED_BYTES)
    return data


class _Builder:
    """What expat calls for each element; builds those that are needed."""

    def __init__(self, unneeded: AbstractSet[str]) -> None:
        self._tree = TreeBuilder()
        self._unneeded = unneeded
        self._left_out = 0  # how deep the parser is in an element that is left out
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
            raise ValueError(f"at most {MAX_ELEMENTS} elements, {MAX_DEPTH} within one another, are read: it has more")
        self._tree.start(tag, attributes)

    def end(self, tag: str) -> None:
        if self._left_out:
            self._left_out -= 1
            return
        self._depth -= 1
        self._tree.end(tag)

    def data(self, text: str) -> None:
        indentation = text.isspace() and "\n" in text
        if not self._left_out and not indentation:
            self._tree.data(text)

    def close(self) -> Element:
        return self._tree.close()


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
    return builder.close()


def _refuse_entity(name: str, *_: object) -> None:
    raise ValueError(f"it declares an entity ({name[:50]}), which no score needs")
