"""Tests of the MusicXML and kern readers with scores of music21's corpus."""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import music21
import numpy as np
import pytest

from data_prep.pitches import REST
from data_prep.readers.notes import Note, Piece
from data_prep.readers.scores import read

SCORES = Path(music21.__file__).parent / "corpus"


def test_a_chorale_has_four_parts_and_a_pickup(rows: Callable[[Piece], list[Note]]) -> None:
    # BWV 66.6, F sharp minor: the first notes of each part, the pickup of one quarter
    pieces = read(SCORES / "bach" / "bwv66.6.mxl").pieces
    assert [piece.heading.part for piece in pieces] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert {piece.heading.pickup for piece in pieces} == {Fraction(1)}
    assert {piece.heading.metres[0][1:] for piece in pieces} == {(4, 4)}
    assert {piece.heading.keys[0].tonic for piece in pieces} <= {6, 9}
    soprano = rows(pieces[0])
    assert [(note.spelling, note.duration) for note in soprano[:4]] == [
        ("C#5", Fraction(1, 2)),
        ("B4", Fraction(1, 2)),
        ("A4", 1),
        ("B4", 1),
    ]


def test_voices_have_no_gaps_and_overlaps() -> None:
    for name in ("bach/bwv66.6.mxl", "schubert/Lindenbaum.xml", "palestrina/Agnus_08.krn", "chopin/mazurka06-2.krn"):
        for piece in read(SCORES / name).pieces:
            assert piece.onset[0] == 0
            assert np.array_equal(piece.onset[1:], (piece.onset + piece.duration)[:-1])
            assert piece.pitch[-1] != REST


def test_metadata_key_and_mode_of_a_kern_file() -> None:
    pieces = read(SCORES / "bach" / "bwv277.krn").pieces
    assert len(pieces) == 4
    heading = pieces[0].heading
    assert heading.title == "25. Christ lag in Todesbanden"
    assert heading.composer == "Bach, Johann Sebastian"
    assert heading.keys[0][1:] == (9, "minor")


def test_voices_of_a_staff_are_separated_reproducibly() -> None:
    first, again = (read(SCORES / "chopin" / "mazurka06-2.krn").pieces for _ in range(2))
    assert [piece.heading.part for piece in first] == ["Piano, voice 1", "Piano, voice 2"] * 2
    assert [piece.heading for piece in first] == [piece.heading for piece in again]


def test_chords_within_a_voice(rows: Callable[[Piece], list[Note]]) -> None:
    upper, lower = read(SCORES / "demos" / "voices_with_chords.xml").pieces
    assert {note.chord_size for note in rows(upper)} == {1}
    assert sum(note.chord_size > 1 for note in rows(lower)) == 7


def test_grace_notes_take_no_time(rows: Callable[[Piece], list[Note]]) -> None:
    pieces = read(SCORES / "schubert" / "Lindenbaum.xml").pieces
    graces = [note for piece in pieces for note in rows(piece) if note.duration == 0]
    assert len(graces) == 2


def test_nested_tuplets_are_exact() -> None:
    (piece,) = read(SCORES / "demos" / "nested_tuplet_finale_test.xml").pieces
    assert piece.resolution == 9


def test_tied_notes_of_one_pitch_are_merged(rows: Callable[[Piece], list[Note]]) -> None:
    for piece in read(SCORES / "palestrina" / "Agnus_08.krn").pieces:
        notes = rows(piece)
        assert not any(a.tied and a.pitch == b.pitch for a, b in pairwise(notes))
        assert max(note.duration for note in notes if note.pitch != REST) > 4


def test_chord_symbols_do_not_sound(rows: Callable[[Piece], list[Note]]) -> None:
    (piece,) = read(SCORES / "demos" / "ComprehensiveChordSymbolsTestFile.mxl").pieces
    assert {note.chord_size for note in rows(piece)} == {1}


def test_a_drum_part_has_no_notes() -> None:
    assert [unread.reason for unread in read(SCORES / "demos" / "drum_sample.xml").unread] == [
        "there are no notes in it"
    ]


def test_a_transposing_instrument_is_read_at_sounding_pitch(
    tmp_path: Path, rows: Callable[[Piece], list[Note]]
) -> None:
    score: Any = music21.stream.Score()
    part = music21.stream.Part([music21.instrument.Clarinet(), music21.note.Note("D4", quarterLength=4)])
    part.atSoundingPitch = False
    score.insert(0, part)
    path = score.write("musicxml", tmp_path / "clarinet.musicxml")
    (piece,) = read(Path(path)).pieces
    assert [note.spelling for note in rows(piece)] == ["C4"]


@pytest.mark.parametrize("name", ["broken.xml", "broken.mxl", "broken.krn", "broken.musicxml"])
def test_the_reason_for_an_invalid_file_is_one_line(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"\x00\x01 this is nothing\nat all")
    (unread,) = read(path).unread
    assert unread.reason
    assert "\n" not in unread.reason
