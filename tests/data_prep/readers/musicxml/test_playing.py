"""Scores as they are played: all notes, times, dynamics and pedal, by hand and compared with music21 on real scores."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import music21
import pytest

from data_prep.readers.musicxml import playing
from data_prep.readers.musicxml.playing import PlayedScore
from data_prep.readers.notes import Repeats
from tests.hand_musicxml import attributes, bar, move, note, notes, score

_m21: Any = music21

CHORD, GRACE = "<chord/>", "<grace/>"


def dynamics(*marks: str) -> str:
    signs = "".join(f"<{mark}/>" for mark in marks)
    return f"<direction><direction-type><dynamics>{signs}</dynamics></direction-type></direction>"


def articulated(sign: str) -> str:
    return f"<notations><articulations><{sign}/></articulations></notations>"


def pedal(kind: str) -> str:
    return f'<direction><direction-type><pedal type="{kind}"/></direction-type></direction>'


def played(tmp_path: Path, *bars: str, repeats: Repeats = "written", name: str = "Piano") -> PlayedScore:
    path = tmp_path / "score.xml"
    path.write_text(score(*bars).replace("Flute", name), encoding="utf-8")
    return playing.read(path, repeats)


def times(read: PlayedScore) -> list[tuple[float, float, int]]:
    return [(each.onset, each.duration, each.pitch) for each in read.notes]


def test_chords_voices_and_both_staves_are_played(tmp_path: Path) -> None:
    second = move("backup", 4) + note("C3", 4, after="<voice>5</voice><staff>2</staff>")
    read = played(tmp_path, attributes() + note("C4", 1) + note("E4", 1, before=CHORD) + note("G4", 3) + second)
    assert times(read) == [(0, 1, 60), (0, 1, 64), (0, 4, 48), (1, 3, 67)]


def test_tied_notes_are_one_note_and_staccato_notes_are_short(tmp_path: Path) -> None:
    tie = '<tie type="{}"/>'.format
    read = played(
        tmp_path,
        attributes() + notes("C4 D4") + note("E4", 2, after=tie("start")),
        note("E4", 4, after=tie("stop") + tie("start")),
        note("E4", 1, after=tie("stop")) + note("E4", 1, after=articulated("staccato")) + note("E4", 2),
    )
    assert times(read)[2:] == [(2, 7, 64), (9, 0.5, 64), (10, 2, 64)]


def test_grace_notes_are_struck_just_before_their_note(tmp_path: Path) -> None:
    ornament = note("D4", "", before=GRACE) + note("F4", "", before=GRACE + CHORD) + note("E4", "", before=GRACE)
    read = played(tmp_path, attributes() + ornament + note("C4", 2) + ornament + note("C4", 2))
    assert times(read)[:4] == [(0, 0.125, 62), (0, 0.125, 64), (0, 0.125, 65), (0, 2, 60)]
    assert times(read)[4:] == [(1.75, 0.125, 62), (1.75, 0.125, 65), (1.875, 0.125, 64), (2, 2, 60)]


def test_dynamics_apply_to_all_voices_until_the_next_one(tmp_path: Path) -> None:
    lower = move("backup", 4) + note("C3", 1, after="<voice>2</voice>") + note("D3", 3, after="<voice>2</voice>")
    read = played(
        tmp_path,
        attributes() + note("C4", 1) + dynamics("p") + note("D4", 2) + dynamics("ff") + note("E4", 1) + lower,
        dynamics("fp") + note("F4", 1) + note("G4", 3, after=articulated("strong-accent")),
        note("A4", 2) + dynamics("sfz") + note("B4", 2) + note("D5", 2, before=CHORD),
        note("C4", 2, after=articulated("accent")) + note("E4", 2, before=CHORD) + note("C4", 2),
    )
    marked = {(each.onset, each.pitch): (each.dynamic, each.accented) for each in read.notes}
    assert marked == {
        (0, 60): ("", False),
        (0, 48): ("", False),
        (1, 62): ("p", False),
        (1, 50): ("p", False),
        (3, 64): ("ff", False),
        (4, 65): ("p", True),
        (5, 67): ("p", True),
        (8, 69): ("p", False),
        (10, 71): ("p", True),
        (10, 74): ("p", True),
        (12, 60): ("p", True),
        (12, 64): ("p", True),
        (14, 60): ("p", False),
    }


def test_tempos_pedal_and_metres_have_their_times(tmp_path: Path) -> None:
    metronome = (
        "<direction><direction-type><metronome><beat-unit>quarter</beat-unit><beat-unit-dot/>"
        "<per-minute>60</per-minute></metronome></direction-type>{}</direction>"
    ).format
    read = played(
        tmp_path,
        attributes() + metronome("") + pedal("start") + note("C4", 4),
        attributes("<time><beats>3</beats><beat-type>4</beat-type></time>")
        + pedal("change")
        + note("D4", 2)
        + metronome('<sound tempo="72"/>')
        + pedal("stop")
        + note("D4", 1),
        '<sound tempo="fast"/><sound tempo="1e9"/>' + note("E4", 3),
    )
    assert read.tempos == ((0, 90), (6, 72))
    assert read.pedals == ((0, 0, True), (4, 0, False), (4, 0, True), (6, 0, False))
    assert [tuple(metre) for metre in read.metres] == [(0, 4, 4), (4, 3, 4)]


def test_a_pickup_is_recognised(tmp_path: Path) -> None:
    read = played(tmp_path, bar(attributes() + note("G4", 1), "0", 'implicit="yes"'), notes("C5 C5 C5 C5"))
    assert read.pickup == Fraction(1)


def test_repeats_are_played_if_wanted(tmp_path: Path) -> None:
    back = '<barline location="right"><repeat direction="backward"/></barline>'
    bars = (attributes() + dynamics("p") + notes("C4 D4 E4 F4"), note("G4", 4) + dynamics("f") + back, note("A4", 4))
    written, repeated = (played(tmp_path, *bars, repeats=repeats) for repeats in ("written", "played"))
    assert [each.pitch for each in written.notes] == [60, 62, 64, 65, 67, 69]
    assert [each.pitch for each in repeated.notes] == [60, 62, 64, 65, 67, 60, 62, 64, 65, 67, 69]
    assert [each.dynamic for each in repeated.notes] == ["p"] * 10 + ["f"]


@pytest.mark.parametrize(
    ("name", "program"),
    [("Piano", 0), ("Klavier", 0), ("Cembalo", 6), ("Violin I", 40), ("R.H.", 0), ("", 0), ("Flauto", 73)],
)
def test_the_name_of_a_part_implies_its_instrument(name: str, program: int, tmp_path: Path) -> None:
    assert played(tmp_path, attributes() + note("C4", 4), name=name).programs == (program,)


def test_a_midi_program_counts_more_than_a_name(tmp_path: Path) -> None:
    text = score(attributes() + note("C4", 4)).replace(
        "</part-name>", '</part-name><midi-instrument id="I"><midi-program>5</midi-program></midi-instrument>'
    )
    (tmp_path / "score.xml").write_text(text, encoding="utf-8")
    assert playing.read(tmp_path / "score.xml").programs == (4,)


def test_a_part_is_read_at_sounding_pitch(tmp_path: Path) -> None:
    more = "<transpose><chromatic>-2</chromatic><octave-change>-1</octave-change></transpose>"
    assert played(tmp_path, attributes(more=more) + note("C5", 4)).notes[0].pitch == 58


@pytest.mark.parametrize("rest", ["<note><rest/><duration>8</duration></note>", ""])
def test_a_score_without_notes_is_rejected(rest: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there are no notes in it"):
        played(tmp_path, attributes() + rest)


@pytest.mark.parametrize("name", ["bwv846.mxl", "movement2.mxl", "dichterliebe_no2.xml"])
def test_the_notes_of_real_scores_are_those_that_music21_reads(name: str) -> None:
    """Compare the strikes of all notes but grace notes, and the durations of those without ties."""
    path = next((Path(music21.__file__).parent / "corpus").rglob(name))
    expected: dict[tuple[float, int], float | None] = {}
    tied: set[tuple[float, int]] = set()
    whole = _m21.converter.parse(path, forceSource=True).toSoundingPitch()
    for element in whole.recurse().notes:
        short = any(type(sign).__name__ in {"Staccato", "Staccatissimo"} for sign in element.articulations)
        length = float(element.quarterLength) / (2 if short else 1)
        for part in getattr(element, "notes", [element]) if length else ():
            at = round(float(element.getOffsetInHierarchy(whole)), 3), int(part.pitch.midi)
            if part.tie is None or part.tie.type == "start":
                expected[at] = length if part.tie is None and at not in expected else None
            else:
                tied.add(at)
    found = {(round(each.onset, 3), each.pitch): each.duration for each in playing.read(path).notes}
    assert len(expected) > 50
    assert found.keys() - tied == expected.keys() - tied
    assert expected.keys() <= found.keys()
    assert {at: found[at] for at, length in expected.items() if length is not None} == pytest.approx(
        {at: length for at, length in expected.items() if length is not None}
    )
