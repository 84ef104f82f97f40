"""Parsing of requests, and refusal of illegal ones."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from music21 import key as m21_key
from music21 import pitch as m21_pitch

from data_prep.errors import BadInputError
from data_prep.tunes.notation import MODES, Tune
from models.uses.request import RequestedKey, SamplingRequest, parse_key, parse_metre, parse_pitch

LETTERS = st.sampled_from("CDEFGAB")
ACCIDENTALS = st.sampled_from(["", "#", "b"])


@given(LETTERS, ACCIDENTALS, st.sampled_from(MODES))
def test_keys_agree_with_music21(letter: str, accidental: str, mode: Any) -> None:
    actual = parse_key(f"{letter}{accidental} {mode}")
    expected = m21_key.Key(letter + accidental.replace("b", "-"), mode)
    tune = Tune((), (), fifths=actual.fifths, mode=actual.mode)
    assert actual.mode == mode
    assert tune.tonic == expected.tonic.pitchClass
    if abs(expected.sharps) <= 7:
        assert actual.fifths == expected.sharps
    else:
        assert abs(actual.fifths) <= 6


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("D", RequestedKey(2, "major")),
        ("Am", RequestedKey(0, "minor")),
        ("F#m", RequestedKey(3, "minor")),
        ("bb", RequestedKey(-2, "major")),
        ("E dorian", RequestedKey(2, "dorian")),
        ("Amix", RequestedKey(2, "mixolydian")),
        (" g Minor ", RequestedKey(-2, "minor")),
        ("E♭", RequestedKey(-3, "major")),
    ],
)
def test_common_spellings_of_keys_are_parsed(text: str, expected: RequestedKey) -> None:
    assert parse_key(text) == expected


@given(LETTERS, ACCIDENTALS, st.integers(0, 8))
def test_pitches_agree_with_music21(letter: str, accidental: str, octave: int) -> None:
    expected = int(m21_pitch.Pitch(f"{letter}{accidental.replace('b', '-')}{octave}").ps)
    assert parse_pitch(f"{letter}{accidental}{octave}") == expected
    assert parse_pitch(expected) == parse_pitch(str(expected)) == expected


def test_the_lowest_and_the_highest_pitch_are_parsed() -> None:
    assert (parse_pitch("C-1"), parse_pitch("G9")) == (0, 127)


def test_metres_are_parsed() -> None:
    assert parse_metre(" 6/8 ") == (6, 8)
    assert parse_metre("12/16") == (12, 16)


TUNE = Tune((60,), (Tune((), ()).bar_length,))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"bars": 0}, "1 to 1000 bars: got 0"),
        ({"bars": 1001}, "got 1001"),
        ({"temperature": -0.1}, "temperature must be .* at least 0: got -0.1"),
        ({"temperature": float("nan")}, "got nan"),
        ({"temperature": float("inf")}, "got inf"),
        ({"top_p": 0.0}, "top-p .* got 0.0"),
        ({"top_p": 1.5}, "got 1.5"),
        ({"top_k": -1}, "top-k .* got -1"),
        ({"key": "H"}, "a key is written like D, .* got 'H'"),
        ({"key": "D lydian"}, "got 'D lydian'"),
        ({"key": ""}, "got ''"),
        ({"metre": "4"}, "a metre is written like 6/8.* got '4'"),
        ({"metre": "0/4"}, "got '0/4'"),
        ({"metre": "4/5"}, "got '4/5'"),
        ({"metre": "32/1"}, "at most 16 quarters"),
        ({"lowest": "H3"}, "a pitch is written like G3.* got 'H3'"),
        ({"highest": 128}, "got 128"),
        ({"lowest": "C-2"}, "got 'C-2'"),
        ({"lowest": "C5", "highest": "C4"}, "lowest pitch is not above"),
        ({"prompt": Tune((), ())}, "at least one note"),
        ({"prompt": TUNE, "prompt_notes": 0}, "at least one note: got 0 of 1"),
    ],
)
def test_illegal_requests_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message) as refused:
        SamplingRequest(**wrong)
    assert "\n" not in str(refused.value)


def test_a_prompt_determines_key_and_metre_unless_they_are_requested() -> None:
    prompt = Tune((60,), (TUNE.bar_length,), metre=(3, 4), fifths=1, mode="dorian")
    assert (SamplingRequest(prompt=prompt).asked_key, SamplingRequest(prompt=prompt).asked_metre) == (
        RequestedKey(1, "dorian"),
        (3, 4),
    )
    request = SamplingRequest(prompt=prompt, key="D", metre="6/8")
    assert (request.asked_key, request.asked_metre) == (RequestedKey(2, "major"), (6, 8))
    assert (SamplingRequest().asked_key, SamplingRequest().asked_metre) == (None, None)
