"""Votes of the copy experts, compared with a naive search and in an example."""

from collections import Counter
from fractions import Fraction
from typing import TypeAlias

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from data_prep.melodies.repetition import LONGEST
from data_prep.melodies.votes import BARS_BACK, EXPERTS, any_look_back, find_votes
from data_prep.pitches import REST
from data_prep.randomness import stream

DURATIONS = (Fraction(1, 3), Fraction(1, 2), Fraction(1))
Piece: TypeAlias = list[tuple[int, int]]
notes = st.tuples(st.sampled_from([REST, 0, 1, 60, 62, 127]), st.integers(0, len(DURATIONS) - 1))
pieces_of_notes = st.lists(
    st.tuples(st.lists(notes, max_size=14), st.sampled_from([None, Fraction(1), Fraction(3, 2)])),
    min_size=1,
    max_size=3,
)


def votes_of(pieces: list[Piece], bars: list[Fraction | None]) -> NDArray[np.void]:
    rows = [note for piece in pieces for note in piece]
    start = np.cumsum([0, *map(len, pieces)])
    pitch, duration = (np.array([row[part] for row in rows], np.int16) for part in (0, 1))
    return find_votes(pitch, duration, start, DURATIONS, bars)


def matched(text: list[object], t: int) -> tuple[int, Counter[object]]:
    """Return the length of the longest match before position t, and the events that followed it."""
    for length in range(min(t - 1, LONGEST), -1, -1):
        followers = Counter(text[s] for s in range(length, t) if text[s - length : s] == text[t - length : t])
        if followers:
            return length, followers
    return -1, Counter()


def expected(piece: Piece, bar: Fraction | None) -> list[list[tuple[int, int, int, int]]]:
    """Compute the votes of every expert naively, as (length, votes, top, hits)."""
    onsets = [sum((DURATIONS[d] for _, d in piece[:t]), Fraction(0)) for t in range(len(piece))]
    sounding = [t for t, (pitch, _) in enumerate(piece) if pitch != REST]
    begin = sounding[0] + 1 if sounding else len(piece)
    intervals: list[object] = []
    for t in range(begin, len(piece)):
        latest = [piece[s][0] for s in sounding if s < t][-1]
        pitch, duration = piece[t]
        intervals.append((REST if pitch == REST else (pitch - latest) % 128 + 1000, duration))
    rows: list[list[tuple[int, int, int, int]]] = []
    for t, event in enumerate(piece):
        texts = [(list[object](piece), t), (intervals, t - begin)]
        row: list[tuple[int, int, int, int]] = []
        for text, at in texts:
            length, followers = matched(text, at) if at >= 0 else (-1, Counter[object]())
            row.append(
                (length, followers.total(), max(followers.values(), default=0), followers[text[at]] if at >= 0 else 0)
            )
        for lag in BARS_BACK:
            sought = None if bar is None else onsets[t] - lag * bar
            if sought is None or sought not in onsets[:t]:
                row.append((-1, 0, 0, 0))
                continue
            s, length = onsets.index(sought), 0
            while length < s and piece[s - 1 - length] == piece[t - 1 - length]:
                length += 1
            row.append((min(length, LONGEST), 1, 1, int(piece[s] == event)))
        rows.append(row)
    return rows


@given(pieces_of_notes)
def test_votes_equal_those_of_a_naive_search(pieces: list[tuple[Piece, Fraction | None]]) -> None:
    votes = votes_of([piece for piece, _ in pieces], [bar for _, bar in pieces])
    assert votes.tolist() == [row for piece, bar in pieces for row in expected(piece, bar)]


@given(pieces_of_notes, st.integers(-127, 127))
def test_votes_are_the_same_in_every_key(pieces: list[tuple[Piece, Fraction | None]], shift: int) -> None:
    moved = [[(p if p == REST else (p + shift) % 128, d) for p, d in piece] for piece, _ in pieces]
    bars = [bar for _, bar in pieces]
    assert np.array_equal(votes_of([piece for piece, _ in pieces], bars), votes_of(moved, bars))


def test_votes_in_an_example_tune() -> None:
    """Four bars of two quarters: A, A again, A a whole tone higher, and A."""
    phrase = [(60, 2), (64, 1), (62, 1)]
    higher = [(62, 2), (66, 1), (64, 1)]
    votes = votes_of([[*phrase, *phrase, *higher, *phrase]], [Fraction(2)])
    length, hits = votes["length"].T.tolist(), (votes["hits"] / np.maximum(votes["votes"], 1)).T.tolist()
    by_name = dict(zip(EXPERTS, zip(length, hits, strict=True), strict=True))
    # After C E D | C E D the vote is for C, but D follows; then it is for E, whose length differs from that of F sharp.
    assert by_name["match"][0] == [-1, 0, 0, 0, 1, 2, 3, 0, 0, 1, 1, 2]
    assert by_name["match"][1][4:7] == [1, 1, 0]
    # (third up, eighth) and (second down, eighth) occurred once before the higher phrase.
    assert by_name["transposed match"][0][7:9] == [0, 1]
    assert by_name["transposed match"][1][8] == 1
    assert by_name["1 bar back"][0] == [-1, -1, -1, 0, 1, 2, 3, 0, 0, 0, 0, 0]
    assert by_name["1 bar back"][1] == [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]
    assert by_name["2 bars back"][1] == [0] * 9 + [1, 1, 1]
    assert by_name["4 bars back"][0] == [-1] * 12


def test_experts_look_bars_back_only_with_a_metre() -> None:
    phrase = [(60, 2)] * 4
    assert any_look_back(votes_of([phrase, phrase], [None, Fraction(2)]))
    assert not any_look_back(votes_of([phrase, phrase], [None, None]))
    assert not any_look_back(votes_of([], []))


def test_a_long_piece_of_one_repeated_note_is_fast() -> None:
    """The limit on the length of matches avoids quadratic time for a repeated note."""
    size = 20_000
    pitches = stream(0, "a long piece").integers(60, 72, size)
    same, random = (votes_of([[(int(p), 1) for p in pitch]], [Fraction(2)]) for pitch in ([60] * size, pitches))
    assert same[-1].tolist() == [(LONGEST, size - LONGEST - 1 - n, size - LONGEST - 1 - n, size - LONGEST - 1 - n)
                                 for n in (0, 1)] + [(LONGEST, 1, 1, 1)] * len(BARS_BACK)  # fmt: skip
    assert random["length"][:, :2].max() < 16
