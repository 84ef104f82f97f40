# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# (music21 and pretty_midi have no types for the parts that are used here)
"""Prompts from files of every kind."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pretty_midi
import pytest
from music21 import chord, key, meter, note, stream

from data_prep.errors import BadInputError
from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import read_prompt
from data_prep.writers.files import write
from tests.hand_tunes import JIG, TUNES, sung, without_last_rest

HALF = Fraction(1, 2)


def _abc(path: Path, text: str) -> Path:
    file = path / "prompt.abc"
    file.write_text(text)
    return file


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
@pytest.mark.parametrize("form", ["abc", "midi", "musicxml"])
def test_a_written_tune_is_read_without_remarks(tune: Tune, form: str, tmp_path: Path) -> None:
    (path,) = write(tune, tmp_path, "tune", [form])
    prompt, remarks = read_prompt(path)
    assert sung(prompt) == (sung(tune) if form == "abc" else without_last_rest(sung(tune)))
    assert (prompt.metre, prompt.pickup, prompt.fifths) == (tune.metre, tune.pickup, tune.fifths)
    assert prompt.mode == (tune.mode if form != "midi" or tune.mode == "major" else "minor")
    assert prompt.title == ("" if form == "midi" else tune.title)
    assert remarks == ()
    assert prompt.num_prompt == 0


def test_kern_is_read(tmp_path: Path) -> None:
    path = tmp_path / "tune.krn"
    path.write_text("**kern\n*k[f#]\n*G:\n*M3/4\n8d\n=1\n4g\n4a\n4b\n=2\n2.cc\n=3\n2b\n4r\n==\n*-\n")
    prompt, remarks = read_prompt(path)
    assert sung(prompt)[:5] == [(62, HALF), (67, 1), (69, 1), (71, 1), (72, 3)]
    assert (prompt.metre, prompt.pickup, prompt.fifths, prompt.mode) == ((3, 4), HALF, 1, "major")
    assert remarks == ()


def test_of_several_tunes_the_first_is_used_with_a_remark(tmp_path: Path) -> None:
    text = "X:7\nT:One\nM:4/4\nK:D\nABcd|\n\nX:8\nT:Two\nM:4/4\nK:G\nGABc|\n"
    prompt, remarks = read_prompt(_abc(tmp_path, text))
    assert (prompt.title, prompt.fifths) == ("One", 2)
    assert remarks == ("prompt.abc: the first of its 2 tunes is taken, 'One'",)


def test_a_tune_that_cannot_be_read_is_skipped_with_a_remark(tmp_path: Path) -> None:
    text = "X:1\nT:Empty\nM:4/4\nK:D\n|\n\nX:2\nT:Two\nM:4/4\nK:G\nGABc|\n"
    prompt, remarks = read_prompt(_abc(tmp_path, text))
    assert prompt.title == "Two"
    assert remarks == ("prompt.abc: 1 tune in it cannot be read, the first is '1': there are no notes in it",)


def _score(*parts: stream.Part) -> stream.Score:
    return stream.Score(list(parts))


def _part(name: str, *pitches: str) -> stream.Part:
    part = stream.Part([meter.TimeSignature("4/4"), key.Key("G"), *(note.Note(pitch) for pitch in pitches)])
    part.partName = name
    return part


def test_of_several_voices_the_top_one_is_used_with_a_remark(tmp_path: Path) -> None:
    path = tmp_path / "voices.musicxml"
    _score(_part("Bass", *["G2"] * 4), _part("Tune", "B4", "C5", "D5", "E5"), _part("Alto", *["D4"] * 4)).write(
        "musicxml", path
    )
    prompt, remarks = read_prompt(path)
    assert prompt.pitch == (71, 72, 74, 76)
    assert remarks == ("voices.musicxml: the top one of its 3 voices is taken, 'Tune'",)


def test_of_several_midi_voices_the_top_one_is_used(tmp_path: Path) -> None:
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    midi.key_signature_changes.append(pretty_midi.KeySignature(2, 0.0))
    for low in (0, 24):
        instrument = pretty_midi.Instrument(0)
        notes = [pretty_midi.Note(80, 48 + low + step, step / 2, step / 2 + 0.5) for step in range(4)]
        instrument.notes += notes
        midi.instruments.append(instrument)
    path = tmp_path / "lines.mid"
    midi.write(str(path))
    prompt, remarks = read_prompt(path)
    assert prompt.pitch == (72, 73, 74, 75)
    assert (prompt.fifths, prompt.metre) == (2, (4, 4))
    assert len(remarks) == 1
    assert "the top one of its 2 voices is taken" in remarks[0]


def test_top_notes_of_chords_are_used_and_grace_notes_left_out(tmp_path: Path) -> None:
    part = _part("Tune", "B4", "C5")
    part.append(chord.Chord(["C4", "E4", "G4"], quarterLength=2))
    path = tmp_path / "chords.musicxml"
    _score(part).write("musicxml", path)
    prompt, remarks = read_prompt(path)
    assert prompt.pitch == (71, 72, 67)
    assert remarks == ("chords.musicxml: only the top note is taken of 1 chord",)
    prompt, remarks = read_prompt(_abc(tmp_path, "X:1\nM:4/4\nL:1/4\nK:D\n{g}A[FAd]{ef}c2|\n"))
    assert prompt.pitch == (69, 74, 73)
    assert prompt.duration == (1, 1, 2)
    assert remarks == (
        "prompt.abc: only the top note is taken of 1 chord",
        "prompt.abc: 3 grace notes left out",
    )


def test_missing_signatures_are_assumed_with_a_remark(
    tmp_path: Path, midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    path = tmp_path / "bare.mid"
    path.write_bytes(midi(strike(67, 0, 120) + strike(69, 120, 240)))
    prompt, remarks = read_prompt(path)
    assert (prompt.pitch, prompt.metre, prompt.fifths, prompt.mode) == ((67, 69), (4, 4), 0, "major")
    assert remarks == ("bare.mid: it states no metre; 4/4 is assumed", "bare.mid: it states no key; C major is assumed")


def test_invalid_signatures_are_treated_as_missing(
    tmp_path: Path, midi: Callable[..., bytes], strike: Callable[..., list[tuple[int, bytes]]]
) -> None:
    path = tmp_path / "odd.mid"
    for metre in (b"\x00\x02", b"\x01\xff", b"\x04\x07"):
        signatures = [(0, b"\xff\x58\x04" + metre + b"\x18\x08"), (0, b"\xff\x59\x02\x64\x02")]
        path.write_bytes(midi([*signatures, *strike(67, 0, 120), *strike(69, 120, 240)]))
        prompt, remarks = read_prompt(path)
        assert (prompt.pitch, prompt.metre, prompt.fifths) == ((67, 69), (4, 4), 0)
        assert remarks == (
            "odd.mid: it states no metre; 4/4 is assumed",
            "odd.mid: it states no key; C major is assumed",
        )


def test_a_signature_without_a_mode_is_read_as_major(tmp_path: Path) -> None:
    part = stream.Part([key.KeySignature(2), meter.TimeSignature("6/8"), note.Note("D5", quarterLength=3)])
    path = tmp_path / "signature.musicxml"
    _score(part).write("musicxml", path)
    prompt, remarks = read_prompt(path)
    assert (prompt.fifths, prompt.mode, prompt.metre) == (2, "major", (6, 8))
    assert remarks == ("signature.musicxml: its key signature states no mode; D major is assumed",)


def test_changes_of_metre_and_key_are_remarked(tmp_path: Path) -> None:
    text = "X:1\nM:6/8\nL:1/8\nK:Bb\nd2d dcB|\nM:9/8\nK:F\nABc d2e f3|\n"
    prompt, remarks = read_prompt(_abc(tmp_path, text))
    assert (prompt.metre, prompt.fifths) == ((6, 8), -2)
    assert remarks == (
        "prompt.abc: its first metre is taken throughout, 6/8",
        "prompt.abc: its first key is taken throughout, Bb major",
    )


@pytest.mark.parametrize(
    ("tonic", "other", "mode", "named"),
    [
        ("E", "phrygian", "minor", "A minor"),
        ("F", "lydian", "major", "C major"),
        ("B", "locrian", "minor", "A minor"),
        ("A", "aeolian", "minor", "A minor"),
        ("C", "ionian", "major", "C major"),
    ],
)
def test_other_modes_keep_their_signature(tonic: str, other: str, mode: str, named: str, tmp_path: Path) -> None:
    part = stream.Part([key.Key(tonic, other), meter.TimeSignature("4/4"), note.Note("E4", quarterLength=4)])
    path = tmp_path / "mode.musicxml"
    _score(part).write("musicxml", path)
    prompt, remarks = read_prompt(path)
    assert (prompt.pitch, prompt.fifths, prompt.mode) == ((64,), 0, mode)
    assert remarks == (f"mode.musicxml: a tune in {other} is taken for one in {named}, which has the same signature",)


def test_modes_of_fiddle_tunes_are_kept(tmp_path: Path) -> None:
    for written, mode in (("Ador", "dorian"), ("Dmix", "mixolydian")):
        prompt, remarks = read_prompt(_abc(tmp_path, f"X:1\nM:4/4\nL:1/4\nK:{written}\nABcd|\n"))
        assert (prompt.fifths, prompt.mode, remarks) == (1, mode, ())


def test_rests_are_kept(tmp_path: Path) -> None:
    prompt, _ = read_prompt(_abc(tmp_path, "X:1\nM:4/4\nL:1/4\nK:C\nC2 z D|E4|\n"))
    assert prompt.pitch == (60, REST, 62, 64)


@pytest.mark.parametrize(
    ("name", "content", "remarks"),
    [
        ("empty.abc", b"", "none can be read"),
        ("empty.mid", b"", "none can be read"),
        ("silent.abc", b"X:1\nM:4/4\nK:C\nz4|\n", "there are no notes in it"),
        ("torn.musicxml", b"<score-partwise>", "none can be read"),
        ("tune.txt", b"ABc", "ends in .abc, .krn"),
    ],
)
def test_a_file_without_a_tune_is_rejected_in_one_line(name: str, content: bytes, remarks: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(BadInputError) as caught:
        read_prompt(path)
    assert remarks in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_rejected_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.abc is not"):
        read_prompt(tmp_path / "none.abc")


def test_the_jig_is_read_from_its_file(tmp_path: Path) -> None:
    prompt, _ = read_prompt(write(JIG, tmp_path, "jig", ["abc"])[0])
    assert (prompt.pitch, prompt.duration) == (JIG.pitch, JIG.duration)
