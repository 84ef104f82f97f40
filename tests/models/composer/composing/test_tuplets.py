"""Composed tuplets are readable, for all ways to fill a bar."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.tunes.notation import DIVISIONS, Tune
from data_prep.writers.bars import WrittenNote, bars, is_written
from data_prep.writers.score import to_musicxml
from models.composer.composing.note_rules import BarPosition, Bars, NoteRules, usable_tokens
from models.composer.composing.tune_composer import TuneComposer
from models.composer.composing.tuplets import Tuplets
from models.uses.request import SamplingRequest
from tests.hand_melodies import Tune as HandTune
from tests.models.toy_vocabulary import vocabulary_of
from tests.models.trained_composers import trained

LENGTHS = ["1/10", "1/6", "1/5", "1/4", "1/3", "3/8", "1/2", "2/3", "3/4", "1", "3/2"]
TRIPLETS = ["1/6", "1/4", "1/3", "3/8", "1/2", "2/3", "1", "3/2"]
ODD = st.sampled_from(["1/12", "1/10", "1/7", "2/7", "1/9", "1/36", "5/6", "4/3", "7/12", "3/10", "1/11", "5/8"])

Walk = tuple[Fraction, ...]


def rules(lengths: list[str], metre: tuple[int, int]) -> NoteRules:
    made = vocabulary_of([(60, number) for number in range(len(lengths))], [Fraction(text) for text in lengths])
    unit = DIVISIONS * 4 // metre[1]
    usable = usable_tokens(made, 0, 127, None)
    return NoteRules(made, usable, beat_in_tokens=False, resolution=DIVISIONS, unit=unit)


def walks(made: NoteRules, metre: tuple[int, int]) -> Iterator[Walk]:
    """Yield all ways to fill a bar that is followed by another bar."""
    length = DIVISIONS * 4 * metre[0] // metre[1]
    frame = Bars(length=length, pickup=0, end=2 * length)

    def further(onset: int, place: BarPosition, before: Walk) -> Iterator[Walk]:
        if onset == length:
            yield before
            return
        allowed = made.allowed(place, None)
        assert allowed.length is None, "allowed notes never lead to a dead end"
        for ticks in {int(value) for value in made.ticks[allowed.tokens]}:
            after = made.following(frame.place(onset + ticks), place)
            yield from further(onset + ticks, after, (*before, Fraction(ticks, DIVISIONS)))

    yield from further(0, made.following(frame.place(0), None), ())


def tuplets(tune: Tune) -> Iterator[list[WrittenNote]]:
    for bar in bars(tune):
        for number, members in groupby(bar.notes, key=lambda note: note.tuplet):
            if number >= 0:
                yield list(members)


def is_readable(members: list[WrittenNote], unit: Fraction) -> bool:
    """Return whether a tuplet has 3, 5 or 7 equal values, some joined or halved, in a unit or part of it."""
    begin, end = members[0].offset, members[-1].end
    actual = members[0].ratio.numerator
    parts = {note.length / (end - begin) for note in members}
    return (
        actual in (3, 5, 7)
        and begin // unit == (end - unit / 1000) // unit
        and all(odd(time / unit) == 1 for time in (begin, end))
        and all(odd(note.length) == actual for note in members)
        and all(is_written(note.value) for note in members)
        and all(note.note != other.note for note, other in pairwise(members))
        and max(parts) < 1
    )


def odd(number: Fraction) -> int:
    return number.denominator // (number.denominator & -number.denominator)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("metre", "lengths"),
    [
        ((1, 4), LENGTHS),
        ((2, 4), TRIPLETS),
        ((3, 8), [*TRIPLETS, "1/12"]),
        ((2, 2), ["1/3", "2/3", "1", "4/3", "2/5", "2"]),
    ],
    ids=["1/4", "2/4", "3/8", "2/2"],
)
def test_all_tuplets_of_all_ways_to_fill_a_bar_are_readable(metre: tuple[int, int], lengths: list[str]) -> None:
    actual = list(walks(rules(lengths, metre), metre))
    assert len(actual) == len(set(actual)) > 100
    num_tuplets = 0
    for walk in actual:
        assert sum(walk) == Fraction(4 * metre[0], metre[1])
        for members in tuplets(Tune((60,) * len(walk), walk, metre)):
            assert is_readable(members, Fraction(4, metre[1])), walk
            num_tuplets += 1
    assert num_tuplets > 50


def test_usual_tuplets_are_allowed_and_odd_ones_are_not() -> None:
    actual = set(walks(rules([*LENGTHS, "1/12", "5/6"], (1, 4)), (1, 4)))

    def is_there(text: str) -> bool:
        return tuple(Fraction(part) for part in text.split()) in actual

    usual = ["1/3 1/3 1/3", "2/3 1/3", "1/3 2/3", "1/6 1/6 1/6 1/2", "1/2 1/6 1/6 1/6", "1/6 1/6 1/3 1/3"]
    usual += ["1/3 1/3 1/6 1/6", "1/6 1/3 1/2", "1/5 1/5 1/5 1/5 1/5", "1/4 1/12 1/12 1/12 1/2", "1/3 1/6 1/6 1/6 1/6"]
    assert [text for text in usual if not is_there(text)] == []
    odd_ones = [
        "1/6 1/4 1/4 1/3",
        "1/6 3/8 3/8 1/12",
        "1/4 1/3 1/4 1/6",
        "1/6 5/6",
        "1/4 1/12 2/3",
        "1/3 1/5 1/5 1/6 1/10",
    ]
    assert [text for text in odd_ones if is_there(text)] == []


@settings(max_examples=60, deadline=None)
@given(st.lists(ODD, max_size=4, unique=True), st.sampled_from([(1, 4), (3, 8), (5, 16)]))
def test_tuplets_are_readable_for_any_known_lengths(lengths: list[str], metre: tuple[int, int]) -> None:
    for number, walk in enumerate(walks(rules(["1/4", *lengths], metre), metre)):
        for members in tuplets(Tune((60,) * len(walk), walk, metre)):
            assert is_readable(members, Fraction(4, metre[1])), walk
        if number > 300:
            break


def test_tuplets_are_read_back_by_music21() -> None:
    from music21.converter import parseData  # pyright: ignore[reportUnknownVariableType]

    actual = sorted(walks(rules(TRIPLETS, (2, 4)), (2, 4)))[::11]
    durations = tuple(length for walk in actual for length in walk)
    score: Any = parseData(to_musicxml(Tune((60,) * len(durations), durations, (2, 4))), format="musicxml")
    assert tuple(Fraction(note.duration.quarterLength) for note in score.stripTies().recurse().notes) == durations
    for measure in score.recurse().getElementsByClass("Measure"):
        kinds = [tuplet.type for note in measure.notes for tuplet in note.duration.tuplets]
        assert [kind for kind in kinds if kind] == ["start", "stop"] * (len([kind for kind in kinds if kind]) // 2)


def test_a_composer_completes_tuplets_also_those_of_a_prompt(tmp_path: Path) -> None:
    third, sixth, half = Fraction(1, 3), Fraction(1, 6), Fraction(1, 2)
    pattern = [
        third,
        third,
        third,
        half,
        half,
        sixth,
        sixth,
        sixth,
        half,
        Fraction(1),
        Fraction(1, 11),
        Fraction(10, 11),
    ]
    notes = [(60 + number % 7, length) for number, length in enumerate(pattern * 6)]
    tunes = [HandTune(notes[shift:], fold=shift % 2) for shift in range(8)]
    composer = TuneComposer.load(trained(tmp_path / "model.pt", tunes))
    prompts = [None, *(Tune((60,) * count, (third,) * count) for count in (1, 2)), Tune((60, 62), (sixth, sixth))]
    num_tuplets = 0
    for prompt in prompts:
        for tune in composer.compose(SamplingRequest(bars=6, prompt=prompt, temperature=5.0), count=8, seed=1):
            assert sum(tune.duration) == 6 * tune.bar_length
            for members in tuplets(tune):
                num_tuplets += 1
                assert is_readable(members, Fraction(1)), [note.length for note in members]
    assert num_tuplets > 50


def test_plain_places_are_reached_by_halving() -> None:
    quarter = Tuplets(DIVISIONS)
    for text, plain in {
        "0": True,
        "1/2": True,
        "7/32": True,
        "1/3": False,
        "5/12": False,
        "1/5": False,
        "9": True,
    }.items():
        assert quarter.is_plain(int(Fraction(text) * DIVISIONS)) == plain
