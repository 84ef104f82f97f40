"""MusicXML scores as MIDI: notes, signatures, velocities and markings, and files that cannot be performed."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import BadInputError
from data_prep.performances.reader import read
from data_prep.performances.scores import ScoreAsMidi, read_score
from data_prep.readers.midi import files as midi_file
from tests.hand_musicxml import attributes, bar, note, notes, score

MARKED = '<direction><direction-type><dynamics><{}/></dynamics></direction-type><sound tempo="60"/></direction>'
ACCENT = "<notations><articulations><accent/></articulations></notations>"


def scored(tmp_path: Path, *bars: str, names: tuple[str, ...] = ("Piano",)) -> ScoreAsMidi:
    """Read a score whose parts play the same bars."""
    text = score(*bars).replace("Flute", names[0])
    for number, name in enumerate(names[1:], 2):
        head = f'<score-part id="P{number}"><part-name>{name}</part-name></score-part></part-list>'
        measures = text[text.index("<measure") : text.index("</part>")]
        text = text.replace("</part-list>", head)
        text = text.replace("</score-partwise>", f'<part id="P{number}">{measures}</part></score-partwise>')
    (tmp_path / "score.musicxml").write_text(text, encoding="utf-8")
    return read_score(tmp_path / "score.musicxml")


def test_a_score_is_performed_as_midi_with_its_dynamics(tmp_path: Path) -> None:
    made = scored(
        tmp_path,
        bar(attributes() + note("G4", 1), "0", 'implicit="yes"'),
        MARKED.format("p") + notes("C4 D4") + note("E4", 1, after=ACCENT) + note("F4", 1),
        MARKED.format("fff") + note("G4", 4),
    )
    file = read(made.midi)
    assert (file.format, file.resolution, file.pickup, file.tempos) == (1, 480, Fraction(1), (1_000_000,))
    assert [tuple(metre) for metre in file.metres] == [(0, 4, 4)]
    notes_ = file.performance
    assert notes_.onset.tolist() == [3, 4, 5, 6, 7, 8]
    assert notes_.duration.tolist() == [1, 1, 1, 1, 1, 4]
    assert notes_.pitch.tolist() == [67, 60, 62, 64, 65, 67]
    assert notes_.velocity.tolist() == [80, 48, 48, 64, 48, 127]
    marked = {name: np.flatnonzero(rows).tolist() for name, rows in made.markings.of_notes(notes_).items()}
    assert marked == {"p": [1, 2, 3, 4], "fff": [5], "accent": [3]}


def test_other_instruments_are_played_but_not_marked(tmp_path: Path) -> None:
    made = scored(tmp_path, attributes() + MARKED.format("f") + note("C4", 4), names=("Violin", "Piano", "Violin"))
    ons = midi_file.read(made.midi).notes
    assert sorted(ons.program.tolist()) == [0, 40, 40]
    assert made.markings.of_notes(read(made.midi).performance)["f"].tolist() == [True]


def test_a_score_without_dynamics_is_flat_and_has_no_markings(tmp_path: Path) -> None:
    made = scored(tmp_path, attributes() + notes("C4 D4 E4 F4"))
    performance = read(made.midi).performance
    assert set(performance.velocity.tolist()) == {80}
    assert made.markings.of_notes(performance) == {}


@pytest.mark.parametrize(
    ("bars", "names", "message"),
    [
        (["<note><rest/><duration>8</duration></note>"], ("Piano",), "there are no notes in it"),
        ([note("C4", 4)], ("Flute", "Violin"), "there is no piano in it: its parts are Flute, Violin"),
        ([note("C4", 4)], ("Oboe",) * 6, "its parts are Oboe, Oboe, Oboe, Oboe and 2 more"),
        ([note("C4", "8" * 12)], ("Piano",), "music of at most 1000000 quarter notes is read"),
        ([note("H4", 4)], ("Piano",), "<step> is a letter from A to G"),
    ],
    ids=["no notes", "no piano", "many parts", "too long", "no pitch"],
)
def test_scores_that_cannot_be_performed_are_rejected(
    bars: list[str], names: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match="a readable MusicXML file with piano notes is needed") as caught:
        scored(tmp_path, attributes() + bars[0], *bars[1:], names=names)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_more_instruments_than_channels_are_rejected(tmp_path: Path) -> None:
    names = ("Piano", "Flute", "Oboe", "Clarinet", "Bassoon", "Horn", "Trumpet", "Trombone", "Tuba", "Violin", "Viola")
    names += ("Violoncello", "Contrabass", "Harp", "Celesta", "Organ")
    with pytest.raises(BadInputError, match="scores of at most 15 instruments are performed: it has 16"):
        scored(tmp_path, attributes() + note("C4", 4), names=names)


@pytest.mark.parametrize("data", [b"", b"no score", b"PK\x03\x04broken", b"<score-timewise/>"])
def test_files_that_are_not_musicxml_are_rejected(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "score.mxl").write_bytes(data)
    with pytest.raises(BadInputError, match="a readable MusicXML file with piano notes is needed: "):
        read_score(tmp_path / "score.mxl")
