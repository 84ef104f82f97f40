# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportAttributeAccessIssue=false
# (music21 has no types for the parts that are used here)
"""Scores and MusicXML as written, and as readers read them."""

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from music21 import converter
from music21.key import KeySignature

from data_prep.pitches import REST
from data_prep.readers.scores import read
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import tune_of
from data_prep.writers.score import COMPOSED_MARK, PROMPT_COLOUR, PROMPT_MARK, to_music21, to_musicxml
from tests.hand_tunes import JIG, REEL, SLIP_JIG, TUNES, sung, tunes, without_last_rest


def _parsed(tune: Tune) -> Any:
    return converter.parse(to_musicxml(tune), format="musicxml", forceSource=True)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tune=tunes())
def test_our_reader_reads_what_was_written(tune: Tune, tmp_path: Path) -> None:
    path = tmp_path / "tune.musicxml"
    path.write_text(to_musicxml(tune), encoding="utf-8")
    reading = read(path)
    assert not reading.unread
    restored = tune_of(reading.pieces[0])
    assert sung(restored) == without_last_rest(sung(tune))
    assert (restored.metre, restored.tonic, restored.mode, restored.title) == (
        tune.metre,
        tune.tonic,
        tune.mode,
        tune.title,
    )
    if sum(tune.duration) > tune.bar_length:
        assert restored.pickup == tune.pickup


@settings(max_examples=25)
@given(tunes())
def test_spelling_signatures_and_tempo_are_written(tune: Tune) -> None:
    part = _parsed(tune).parts[0]
    (key,) = part.recurse().getElementsByClass("KeySignature")
    (metre,) = part.recurse().getElementsByClass("TimeSignature")
    (tempo,) = part.recurse().getElementsByClass("MetronomeMark")
    assert (key.sharps, key.mode) == (tune.fifths, tune.mode)
    assert (metre.numerator, metre.denominator) == tune.metre
    assert tempo.getQuarterBPM() == pytest.approx(tune.quarters_per_minute, abs=0.05)
    altered = {pitch.name for pitch in key.alteredPitches}
    for note in part.recurse().notes:
        if note.pitch.pitchClass in tune.scale:
            assert (note.pitch.name in altered) == bool(note.pitch.alter)


@settings(max_examples=25)
@given(tunes())
def test_written_accidentals_determine_every_pitch(tune: Tune) -> None:
    """Read the pitches by the signature and the earlier accidentals in the bar at each octave."""
    key = {pitch.step: pitch.alter for pitch in KeySignature(tune.fifths).alteredPitches}
    for measure in to_music21(tune).parts[0].getElementsByClass("Measure"):
        in_force: dict[tuple[str, int], float] = {}
        for note in measure.notes:
            place = (note.pitch.step, note.pitch.octave)
            if note.pitch.accidental is not None and note.pitch.accidental.displayStatus:
                in_force[place] = note.pitch.accidental.alter
            elif note.tie is None or note.tie.type == "start":
                assert in_force.get(place, key.get(note.pitch.step, 0)) == note.pitch.alter


@pytest.mark.parametrize("tune", TUNES.values(), ids=TUNES)
def test_measures_are_full_except_pickup_and_end(tune: Tune) -> None:
    measures = list(_parsed(tune).parts[0].getElementsByClass("Measure"))
    assert measures[0].number == (0 if tune.pickup else 1)
    assert measures[0].highestTime == (tune.pickup or tune.bar_length)
    assert all(measure.highestTime == tune.bar_length for measure in measures[1:-1])
    assert measures[-1].rightBarline.type == "final"


def test_a_jig_is_beamed_in_threes_and_a_reel_in_fours() -> None:
    def beams(tune: Tune, number: int) -> list[str]:
        notes = _parsed(tune).parts[0].measure(number).notes
        return ["/".join(beam.type for beam in note.beams.beamsList) or "-" for note in notes]

    assert beams(JIG, 1) == ["-", "-", "start", "continue", "stop"]
    assert beams(JIG, 3) == ["start", "continue", "stop"] * 2
    assert beams(REEL, 1) == ["start", "continue", "continue", "stop"] * 2
    assert beams(REEL, 8) == ["start", "continue", "stop"] * 2 + ["-"]
    assert beams(REEL, 9)[:4] == ["start", "stop/partial"] * 2
    assert beams(REEL, 10)[:3] == ["start/start", "continue/stop", "stop"]


def test_triplets_without_a_beam_have_brackets() -> None:
    tuplets = [
        element.duration.tuplets[0] for element in to_music21(REEL).recurse().notesAndRests if element.duration.tuplets
    ]
    assert [tuplet.type for tuplet in tuplets] == ["start", None, "stop"] * 2
    assert not any(tuplet.bracket for tuplet in tuplets)
    third = REEL.duration[REEL.pitch.index(REST) + 5] * 2
    apart = Tune((60, 62, 64), (third,) * 3)
    assert all(element.duration.tuplets[0].bracket for element in to_music21(apart).recurse().notes)


def test_the_prompt_is_marked_and_coloured() -> None:
    part = _parsed(REEL).parts[0]
    marks = {
        text.content: text.getOffsetInHierarchy(part) for text in part.recurse().getElementsByClass("TextExpression")
    }
    assert marks == {PROMPT_MARK: 0, COMPOSED_MARK: REEL.onsets()[REEL.num_prompt]}
    heads = [note for note in part.recurse().notes if note.tie is None or note.tie.type == "start"]
    assert [note.style.color == PROMPT_COLOUR for note in heads[:20]] == [True] * 16 + [False] * 4
    assert not list(_parsed(SLIP_JIG).recurse().getElementsByClass("TextExpression"))


@pytest.mark.parametrize("title", ["A < B & C", ""])
def test_musicxml_has_neither_composer_nor_date(title: str) -> None:
    text = to_musicxml(Tune(JIG.pitch, JIG.duration, JIG.metre, title=title))
    assert "<creator" not in text
    assert "encoding-date" not in text
    assert (_parsed(JIG).metadata.composer, _parsed(JIG).metadata.movementName) == (None, JIG.title)
    assert ("movement-title" in text, "Music21" in text) == (bool(title), False)
    assert text == to_musicxml(Tune(JIG.pitch, JIG.duration, JIG.metre, title=title))


def test_lines_break_after_four_bars() -> None:
    text = to_musicxml(JIG)
    broken = re.findall(r'number="(\d+)">\s*<print new-system="yes"', text)
    assert broken == ["5", "9", "13"]


def test_a_tuplet_that_shares_its_beam_has_a_bracket() -> None:
    third, sixth = Fraction(1, 3), Fraction(1, 6)
    durations = (third, third, third, sixth, sixth, sixth, Fraction(1, 2))
    notes = list(to_music21(Tune((60,) * 7, durations, metre=(2, 4))).recurse().notes)
    assert [bool(tuplet.bracket) for note in notes for tuplet in note.duration.tuplets] == [False] * 3 + [True] * 3
