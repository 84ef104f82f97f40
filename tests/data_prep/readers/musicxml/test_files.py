"""Tests of MusicXML files and archives: containers, compression, entities, and limits."""

import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from time import process_time

import pytest

from data_prep.readers.musicxml.files import MAX_DEPTH
from data_prep.readers.notes import Reading
from data_prep.readers.scores import read
from tests import hand_musicxml as xml


@pytest.fixture
def archive(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes an archive with the given members."""

    def make(members: Mapping[str, str | bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
        path = tmp_path / "score.mxl"
        with zipfile.ZipFile(path, "w", compression) as file:
            for name, content in members.items():
                file.writestr(name, content)
        return path

    return make


def _container(name: str) -> str:
    return f'<container><rootfiles><rootfile full-path="{name}"/></rootfiles></container>'


def test_the_container_of_an_archive_names_its_score(archive: Callable[..., Path]) -> None:
    scores = {
        name: xml.score(xml.attributes() + xml.notes(names)) for name, names in (("a.xml", "C3 C3"), ("b.xml", "G4 A4"))
    }
    assert xml.only_events(read(archive({**scores, "META-INF/container.xml": _container("b.xml")}))) == [
        (67, 1),
        (69, 1),
    ]
    assert xml.only_events(read(archive(scores))) == [(48, 1), (48, 1)]
    (unread,) = read(archive({**scores, "META-INF/container.xml": _container("c.xml")})).unread
    assert unread.reason == "its container names 'c.xml' as the score, which is missing"
    only = {"a.xml": scores["a.xml"], "META-INF/container.xml": _container("c.xml")}
    assert xml.only_events(read(archive(only))) == [(48, 1), (48, 1)]


@pytest.mark.parametrize(
    ("members", "compression", "reason"),
    [
        ({"notes.txt": "C D E"}, zipfile.ZIP_DEFLATED, "the archive contains no score"),
        (
            {"a.xml": b" " * 2**20},
            zipfile.ZIP_LZMA,
            "a.xml in the archive has a compression that MusicXML does not allow",
        ),
        (
            {"a.xml": b" " * (64 * 2**20 + 1)},
            zipfile.ZIP_DEFLATED,
            "files of at most 64 MB are read: it has more",
        ),
    ],
)
def test_an_archive_without_a_valid_score_is_rejected(
    archive: Callable[..., Path], members: dict[str, str | bytes], compression: int, reason: str
) -> None:
    (unread,) = read(archive(members, compression)).unread
    assert unread.reason == reason


def test_a_damaged_archive_is_rejected(archive: Callable[..., Path]) -> None:
    path = archive({"a.xml": xml.score(xml.attributes() + xml.notes("C4 D4 E4 F4"))})
    data = bytearray(path.read_bytes())
    data[60] ^= 0xFF
    path.write_bytes(data)
    (unread,) = read(path).unread
    assert unread.reason.startswith("the archive is broken: ")


def test_a_long_comment_is_parsed_quickly(archive: Callable[..., Path]) -> None:
    comment = f"<!--{'x' * 30_000_000}-->"
    path = archive({"a.xml": xml.score(xml.attributes() + xml.notes("C4"), declared=comment)})
    begin = process_time()
    assert xml.only_events(read(path)) == [(60, 1)]
    assert process_time() - begin < 5


@pytest.mark.parametrize(
    "entity", ['<!ENTITY a "aaaa">', '<!ENTITY a SYSTEM "file:///etc/hostname">', '<!ENTITY % a "aaaa">']
)
def test_entities_are_rejected(reading: Callable[[str], Reading], entity: str) -> None:
    (unread,) = reading(xml.score(xml.attributes() + xml.notes("C4"), declared=f"<!DOCTYPE x [{entity}]>")).unread
    assert unread.reason == "it declares an entity (a), which no score needs"


def test_the_usual_doctype_is_accepted_and_not_fetched(reading: Callable[[str], Reading]) -> None:
    doctype = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://localhost:1/partwise.dtd">'
    assert xml.only_events(reading(xml.score(xml.attributes() + xml.notes("C4"), declared=doctype))) == [(60, 1)]


def test_the_depth_of_elements_is_limited(reading: Callable[[str], Reading]) -> None:
    (unread,) = reading("<a>" * 1_000_000).unread
    assert unread.reason == f"at most 2000000 elements, nested {MAX_DEPTH} deep, are read: it has more"


def test_the_only_score_of_an_archive_without_a_container_is_read(archive: Callable[..., Path]) -> None:
    score = xml.score(xml.attributes() + xml.notes("C4 D4 E4 F4"))
    reading = read(archive({"__MACOSX/._S.XML": b"\0\5\x16\7", "._S.XML": b"\0\5\x16\7", "S.XML": score}))
    assert [pitch for pitch, _ in xml.only_events(reading)] == [60, 62, 64, 65]
