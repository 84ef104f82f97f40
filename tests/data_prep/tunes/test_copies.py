"""Copies, compared with a naive search."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.melodies.assembly import assemble
from data_prep.pitches import REST
from data_prep.readers.notes import Piece
from data_prep.tunes.copies import MIN_COPY, CorpusIndex
from data_prep.tunes.from_melodies import corpus_tunes
from data_prep.tunes.notation import Tune
from tests import hand_melodies

Notes = Sequence[tuple[int, Fraction]]

NOTE = st.tuples(st.sampled_from([60, 60, 62, 64, REST]), st.sampled_from([Fraction(1, 2), Fraction(1)]))
PIECE = st.lists(NOTE, min_size=1, max_size=30).filter(lambda piece: any(pitch != REST for pitch, _ in piece))
CORPUS = st.lists(PIECE, min_size=1, max_size=5)
COMPOSED = st.tuples(
    st.sampled_from([59, 60, 62, 64, 67, REST]), st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(1, 3)])
)


def index_of(pieces: Sequence[Notes]) -> CorpusIndex:
    melodies = hand_melodies.melodies([hand_melodies.Tune(piece) for piece in pieces])
    return CorpusIndex(melodies, [f"piece {number}" for number in range(len(pieces))])


def tune_of(notes: Notes, num_prompt: int = 0) -> Tune:
    pitch, duration = tuple(pitch for pitch, _ in notes), tuple(duration for _, duration in notes)
    return Tune(pitch, duration, num_prompt=num_prompt)


def same(first: Notes, second: Notes) -> bool:
    """Return whether two runs that begin with a note are transpositions of each other."""
    higher = first[0][0] - second[0][0]
    return all(
        length == other
        and (pitch == REST) == (pitch_there == REST)
        and (pitch == REST or pitch - pitch_there == higher)
        for (pitch, length), (pitch_there, other) in zip(first, second, strict=True)
    )


def slowly(notes: Notes, pieces: Sequence[Notes]) -> list[int]:
    """Return the longest copy from every note on, by trying every length at every place of every piece."""
    best = [0] * len(notes)
    for begin, (pitch, _) in enumerate(notes):
        for piece in pieces:
            for there, (pitch_there, _) in enumerate(piece):
                if REST in {pitch, pitch_there}:
                    continue
                longest = min(len(notes) - begin, len(piece) - there)
                fitting = [
                    length
                    for length in range(1, longest + 1)
                    if same(notes[begin : begin + length], piece[there : there + length])
                ]
                best[begin] = max([best[begin], *fitting])
    return best


def share(notes: Notes, lengths: Sequence[int]) -> float:
    copied = [
        any(length >= MIN_COPY and begin <= row < begin + length for begin, length in enumerate(lengths))
        for row in range(len(notes))
    ]
    return float(np.mean([copy for copy, (pitch, _) in zip(copied, notes, strict=True) if pitch != REST]))


@given(CORPUS, st.lists(COMPOSED, min_size=1, max_size=20), st.data())
def test_copies_equal_those_of_a_naive_search(
    pieces: list[Notes], composed: list[tuple[int, Fraction]], data: st.DataObject
) -> None:
    piece = data.draw(st.sampled_from(pieces))  # part of a piece, so that there are long copies
    part = piece[data.draw(st.integers(0, len(piece))) :]
    notes = [*composed, *((pitch if pitch == REST else pitch + 3, length) for pitch, length in part)]
    num_prompt = data.draw(st.integers(0, len(notes)))
    tune, rest = tune_of(notes, num_prompt), notes[num_prompt:]
    copied = index_of(pieces).copied(tune)
    if all(pitch == REST for pitch, _ in rest):
        assert copied is None
        return
    lengths = slowly(rest, pieces)
    assert copied is not None
    assert copied.share == pytest.approx(share(rest, lengths))
    assert (copied.longest.length if copied.longest else 0) == max(lengths)
    if copied.longest:
        copy = copied.longest
        there = pieces[int(copy.piece.split()[1])][copy.piece_note : copy.piece_note + copy.length]
        assert same(notes[copy.note : copy.note + copy.length], there)
        assert copy.note >= num_prompt
        assert copy.semitones == notes[copy.note][0] - there[0][0]
        assert copy.title == copy.piece.replace("tune", "piece")


@given(CORPUS)
def test_pieces_are_compared_with_all_others(pieces: list[Notes]) -> None:
    longest, shares = index_of(pieces).among_themselves()
    for number, piece in enumerate(pieces):
        lengths = slowly(piece, [other for place, other in enumerate(pieces) if place != number])
        assert longest[number] == max(lengths)
        assert shares[number] == pytest.approx(share(piece, lengths))


def test_a_copy_at_the_same_pitch_is_preferred_to_a_transposed_one() -> None:
    half = Fraction(1, 2)
    phrase = [(60, half), (64, half), (62, half), (67, half)]
    higher = [(pitch + 5, length) for pitch, length in phrase]
    copied = index_of([higher, [(60, half), *phrase]]).copied(tune_of([(30, half), *phrase]))
    assert copied is not None
    assert copied.longest is not None
    assert (copied.longest.piece, copied.longest.piece_note, copied.longest.note) == ("tune 1", 1, 1)
    assert (copied.longest.semitones, copied.longest.length) == (0, 4)


def test_a_tune_with_unknown_durations_has_no_copy() -> None:
    copied = index_of([[(60, Fraction(1)), (62, Fraction(1))]]).copied(tune_of([(60, Fraction(2)), (62, Fraction(2))]))
    assert copied is not None
    assert (copied.longest, copied.share) == (None, 0.0)


def test_real_tunes_are_found_as_copies_in_any_key(oneills: Callable[[str, str], Piece]) -> None:
    numbers = ["214", "215", "216", "219"]
    pieces = [oneills("0201-0300.abc", number) for number in numbers]
    melodies = assemble(pieces, numbers, [0] * 4, num_folds=1, fingerprint="none", corpus="four tunes")
    index = CorpusIndex(melodies, [piece.heading.title for piece in pieces])
    for number, piece, tune in zip(numbers, pieces, corpus_tunes(melodies), strict=True):
        for semitones in (0, 2, -7):
            copied = index.copied(tune.transposed(semitones))
            assert copied is not None
            assert copied.longest is not None
            assert (copied.longest.length, copied.share) == (tune.num_notes, 1.0)
            assert (copied.longest.piece, copied.longest.piece_note) == (number, 0)
            assert (copied.longest.title, copied.longest.semitones) == (piece.heading.title, semitones)
        cut = index.copied(replace(tune, num_prompt=10))
        assert cut is not None
        assert cut.longest is not None
        assert (cut.longest.length, cut.longest.note) == (tune.num_notes - 10, 10)
