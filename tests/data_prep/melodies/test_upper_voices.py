"""What lower voices hear, compared with naive loops and with music21."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import music21
import numpy as np
import pytest
from numpy.typing import NDArray

from data_prep.corpora.named import corpora
from data_prep.melodies.upper_voices import NO_VOICE, find_upper, hears_any, no_voices
from data_prep.pitches import REST
from data_prep.prepared.corpus import Prepared, prepare
from data_prep.readers.note_table import from_bytes, to_bytes
from data_prep.readers.notes import Heading, Metre, Piece, Reading
from data_prep.readers.scores import read
from tests.hand_melodies import Tune, heard, random_tunes

MakePiece = Callable[..., Piece]
M21: Any = music21  # it is only partly typed


def of_tune(tune: Tune, make: MakePiece) -> Piece:
    pitches, durations = zip(*tune.notes, strict=True)
    return make(pitches, durations, metre=tune.metre, pickup=tune.pickup, num_parts=4)


def listed(upper: NDArray[np.void], voice: int = 0) -> list[tuple[int, int, float, bool]]:
    return upper[:, voice].tolist()


def test_random_voices_equal_a_count_note_by_note(piece: MakePiece) -> None:
    tunes = [replace(tune, metre=(4, 4), pickup=Fraction(0)) for tune in random_tunes(24, seed=5)]
    scores = [tunes[first : first + 4] for first in range(0, 24, 4)]
    lower = [replace(score[number], above=score[:number]) for score in scores for number in range(4)]
    actual = find_upper(
        [of_tune(tune, piece) for tune in lower],
        [[of_tune(voice, piece) for voice in tune.above] for tune in lower],
    )
    assert hears_any(actual)
    np.testing.assert_array_equal(actual, np.concatenate([heard(tune) for tune in lower]))


def test_a_voice_with_triplets_below_one_with_sixteenths(piece: MakePiece) -> None:
    third, sixteenth = Fraction(1, 3), Fraction(1, 4)
    actual = find_upper([piece([60] * 3, [third] * 3)], [[piece([72, 74, REST, 76], [sixteenth] * 4)]])
    left = [entry[2] for entry in listed(actual)]
    assert listed(actual) == [(72, 74, left[0], True), (74, REST, left[1], False), (REST, 76, left[2], False)]
    np.testing.assert_allclose(left, [1 / 4, 1 / 6, 1 / 12], rtol=1e-6)


def test_a_voice_is_heard_only_between_its_first_and_its_last_note(piece: MakePiece) -> None:
    late = piece([72, 74])
    late = replace(late, heading=replace(late.heading, begin=Fraction(4)))
    below = piece([60] * 8)
    nothing = (NO_VOICE, NO_VOICE, 0.0, False)
    sounding = [(72, 74, 1.0, True), (74, NO_VOICE, 1.0, True)]
    assert listed(find_upper([below], [[late]])) == [nothing] * 4 + sounding + [nothing] * 2
    assert listed(find_upper([late], [[below]])) == [(60, 60, 1.0, True)] * 2


def test_grace_notes_are_not_heard_and_do_not_hear(piece: MakePiece) -> None:
    upper, lower = piece([72, 79, 74], [1, 0, 1]), piece([60, 55, 62], [1, 0, 1])
    assert listed(find_upper([lower], [[upper]])) == [(72, 74, 1.0, True), (74, NO_VOICE, 1.0, True)]


def test_voices_that_disagree_or_are_left_out_are_not_heard(piece: MakePiece) -> None:
    lower, upper = piece([60, 62]), piece([72, 74])
    others = [piece([72, 74], metre=(3, 4)), piece([72, 74], pickup=1), piece([72, 74], metre=None), None]
    for other in others:
        assert not hears_any(find_upper([lower], [[other]]))
        both = find_upper([lower], [[other, upper]])
        assert (both[:, 0] == no_voices(2)[:, 0]).all()
        assert listed(both, 1) == [(72, 74, 1.0, True), (74, NO_VOICE, 1.0, True)]


def test_voices_without_a_common_clock_are_not_heard(piece: MakePiece) -> None:
    primes = [2**31 - 1, 2**29 - 3]
    lower, upper = (piece([60, 62], [1 + Fraction(1, prime)] * 2) for prime in primes)
    assert not hears_any(find_upper([lower], [[upper]]))


def test_only_the_three_highest_voices_are_heard(piece: MakePiece) -> None:
    actual = find_upper([piece([50])], [[piece([pitch]) for pitch in (79, 76, 72, 67)]])
    assert actual["pitch"].tolist() == [[79, 76, 72]]


@pytest.mark.parametrize("file", ["bwv269.mxl", "bwv66.6.mxl"])
def test_chorales_equal_music21(file: str) -> None:
    """Music21 counts the quarter notes from the beginning of the score itself."""
    path = corpora()["chorales"].folder / file
    pieces = read(path).pieces
    parts = [part.flatten().stripTies().notesAndRests.stream() for part in M21.converter.parse(path).parts]
    assert len(pieces) == len(parts) == 4
    for number, piece in enumerate(pieces):
        upper = find_upper([piece], [pieces[:number]])
        own = [element for element in parts[number] if not element.isRest]
        rows = upper[piece.pitch[piece.duration > 0] != REST]
        assert len(rows) == len(own) > 20
        for above in range(number):
            for entry, element in zip(listed(rows, above), own, strict=True):
                there = parts[above].getElementAtOrBefore(element.offset)
                assert entry[0] == there.pitch.midi
                assert entry[2] == there.offset + there.quarterLength - element.offset
                assert entry[3] == (there.offset == element.offset)


def test_the_beginning_of_a_voice_is_stored(piece: MakePiece) -> None:
    late = replace(piece([72, 74]).heading, begin=Fraction(7, 2))
    (stored,) = from_bytes(to_bytes(Reading((replace(piece([72, 74]), heading=late),), ())), "x").pieces
    assert stored.heading == late
    assert Heading("", "", "", "", 1, (Metre(Fraction(0), 4, 4),), (), Fraction(0)).begin == 0


VOICES = "X:{number}\nT:{title}\nM:4/4\nL:1/4\nK:C\nV:1\n{one}|\nV:2\n{two}|\nV:3\n{three}|\n"


def line(seed: int) -> str:
    letters = np.random.default_rng(seed).choice(list("CDEFGABcdefg"), 16)
    return "|".join("".join(letters[bar : bar + 4]) for bar in range(0, 16, 4))


def prepared_scores(tmp_path: Path, last: str = "") -> Prepared:
    """Prepare eight scores of three voices, two tunes, and a last file, with which no test set is drawn."""
    folder = tmp_path / "scores"
    folder.mkdir()
    for number in range(8):
        lines = {"one": line(3 * number), "two": line(3 * number + 1), "three": line(3 * number + 2)}
        text = VOICES.format(number=1, title=f"Score {number}", **lines)
        (folder / f"score{number}.abc").write_text(text)
    for number in range(2):
        tune = f"X:1\nT:Tune {number}\nM:4/4\nL:1/4\nK:C\n{line(90 + number)}|\n"
        (folder / f"tune{number}.abc").write_text(tune)
    if last:
        (folder / "z.abc").write_text(last)
    return prepare(str(folder), cache=tmp_path / "cache", num_folds=None if last else 2)


def test_each_voice_of_a_prepared_corpus_hears_those_above_it_in_its_score(tmp_path: Path) -> None:
    prepared = prepared_scores(tmp_path)
    data, origins = prepared.data, prepared.origins
    place = {(origin.score, origin.voice): number for number, origin in enumerate(origins)}
    assert {origin.voice for origin in origins} == {0, 1, 2}
    for number, origin in enumerate(origins):
        upper = data.upper[data.start[number] : data.start[number + 1]]
        assert not (upper["pitch"][:, origin.voice :] != NO_VOICE).any()
        for above in range(origin.voice):
            other = place[origin.score, above]
            assert data.fold[other] == data.fold[number]
            sounding = data.pitch[data.start[other] : data.start[other + 1]]
            assert upper["pitch"][:, above].tolist() == sounding.tolist()
            assert upper["begins"][:, above].all()


def test_a_voice_that_is_left_out_is_not_heard(tmp_path: Path) -> None:
    """The first voice of the last score repeats that of another one."""
    last = VOICES.format(number=1, title="Last", one=line(0), two=line(101), three=line(102))
    prepared = prepared_scores(tmp_path, last)
    assert prepared.left_out["duplicates"] == 1
    data = prepared.data
    for name, heard_voices in (("z.abc#1:2", [False, False, False]), ("z.abc#1:3", [False, True, False])):
        number = data.ids.index(name)
        rows = slice(data.start[number], data.start[number + 1])
        assert (data.upper[rows]["pitch"] != NO_VOICE).all(axis=0).tolist() == heard_voices


def test_tunes_with_the_same_number_hear_nothing(tmp_path: Path) -> None:
    two = "X:7\nT:{title}\nM:4/4\nL:1/4\nK:C\n{line}|\n"
    prepared = prepared_scores(tmp_path, "\n".join(two.format(title=seed, line=line(seed)) for seed in (201, 202)))
    data = prepared.data
    found = [number for number, name in enumerate(data.ids) if name.startswith("z.abc#7")]
    assert len(found) == 2
    for number in found:
        assert not hears_any(data.upper[data.start[number] : data.start[number + 1]])
