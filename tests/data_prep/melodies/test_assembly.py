"""Melodies against a naive assembly, and selections of them."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any, TypeAlias

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_prep.corpora.selection import select
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.assembly import assemble, positions
from data_prep.melodies.votes import VOTE
from data_prep.prepared.file import from_bytes, to_bytes
from data_prep.readers.notes import Piece

Specs: TypeAlias = list[tuple[list[tuple[int, Fraction]], tuple[int, int] | None, Fraction]]

durations = st.sampled_from([Fraction(0), Fraction(1, 8), Fraction(1, 3), Fraction(1, 2), Fraction(3, 4), Fraction(4)])
tunes = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(-1, 127), durations), min_size=1, max_size=9).filter(
            lambda notes: any(duration for _, duration in notes)
        ),
        st.sampled_from([(4, 4), (6, 8), (9, 8), (5, 16), None]),
        st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(1, 3)]),
    ),
    min_size=1,
    max_size=4,
)


def _assemble(pieces: list[Piece]) -> Melodies:
    ids = [f"tune{index}" for index in range(len(pieces))]
    return assemble(pieces, ids, [i % 2 for i in range(len(pieces))], num_folds=2, fingerprint="f", corpus="c")


@settings(max_examples=60)
@given(tunes)
def test_every_note_equals_that_of_a_naive_assembly(piece: Callable[..., Piece], specs: Specs) -> None:
    pieces = [
        piece([pitch for pitch, _ in notes], [d for _, d in notes], metre=metre, pickup=pickup)
        for notes, metre, pickup in specs
    ]
    melodies = _assemble(pieces)
    assert melodies.start.tolist()[0] == 0
    for index, (notes, metre, pickup) in enumerate(specs):
        rows = slice(melodies.start[index], melodies.start[index + 1])
        beats, unit = metre or (4, 4)
        now = Fraction(0)
        expected: list[tuple[int, Fraction, Fraction, str]] = []
        for pitch, duration in notes:
            if duration:
                expected.append((pitch, duration, (now - pickup) % Fraction(4 * beats, unit), f"p{pitch}"))
            now += duration
        actual: list[tuple[int, Fraction, Fraction, str]] = [
            (int(pitch), melodies.durations[int(d)], melodies.positions[int(p)], melodies.spellings[int(s)])
            for pitch, d, p, s in zip(
                melodies.pitch[rows],
                melodies.duration[rows],
                melodies.position[rows],
                melodies.spelling[rows],
                strict=True,
            )
        ]
        assert actual == expected
        assert melodies.metres[melodies.metre[index]] == (beats, unit)
        assert melodies.positions[melodies.pickup[index]] == pickup
    for alphabet in (melodies.durations, melodies.positions, melodies.spellings, melodies.metres):
        assert list(alphabet) == sorted(set(alphabet))


@settings(max_examples=30)
@given(tunes)
def test_positions_follow_from_metre_pickup_and_past_durations(piece: Callable[..., Piece], specs: Specs) -> None:
    for notes, metre, pickup in specs:
        made = piece([p for p, _ in notes], [d for _, d in notes], metre=metre, pickup=pickup)
        bars, place, resolution = positions(made)
        beats, unit = metre or (4, 4)
        now = -pickup
        for bar, where, (_, duration) in zip(bars, place, notes, strict=True):
            assert (int(bar), Fraction(int(where), resolution)) == divmod(now, Fraction(4 * beats, unit))
            now += duration


def test_dtypes_and_read_only_arrays(oneills: Callable[[str, str], Piece]) -> None:
    melodies = _assemble([oneills("0201-0300.abc", "202"), oneills("0101-0200.abc", "135")])
    expected = {
        "pitch": np.int16,
        "duration": np.int16,
        "position": np.int16,
        "bar": np.int32,
        "votes": VOTE,
        "spelling": np.int16,
        "in_chord": np.bool_,
        "start": np.int64,
        "fold": np.int8,
        "tonic": np.int8,
        "one_key": np.bool_,
        "metre": np.int16,
        "pickup": np.int16,
    }
    for name, dtype in expected.items():
        assert getattr(melodies, name).dtype == dtype, name
        assert not getattr(melodies, name).flags.writeable, name
    assert melodies.tonic.tolist() == [9, 7]
    assert melodies.in_chord.sum() == 6
    assert melodies.piece_of_note.tolist() == [0] * melodies.start[1] + [1] * (melodies.num_notes - melodies.start[1])


def test_grace_notes_are_left_out(oneills: Callable[[str, str], Piece]) -> None:
    tune = oneills("0201-0300.abc", "202")
    assert _assemble([tune]).num_notes == tune.num_timed < len(tune.pitch)


def test_several_keys(oneills: Callable[[str, str], Piece]) -> None:
    melodies = _assemble([oneills("0001-0050.abc", "8"), oneills("0201-0300.abc", "203")])
    assert melodies.one_key.tolist() == [False, True]


def test_a_selection_keeps_the_alphabets(oneills: Callable[[str, str], Piece]) -> None:
    melodies = _assemble([oneills("0201-0300.abc", number) for number in ("201", "202", "203")])
    chosen = select(melodies, [2, 0])
    assert chosen.ids == ("tune2", "tune0")
    assert (chosen.durations, chosen.positions) == (melodies.durations, melodies.positions)
    assert np.array_equal(chosen.pitch[: chosen.start[1]], melodies.pitch[melodies.start[2] :])
    assert np.array_equal(chosen.pitch[chosen.start[1] :], melodies.pitch[: melodies.start[1]])
    assert select(melodies, []).num_notes == 0


def test_melodies_are_restored_from_the_store(oneills: Callable[[str, str], Piece]) -> None:
    melodies = _assemble([oneills("0201-0300.abc", "201"), oneills("0001-0050.abc", "8")])
    again, extra = from_bytes(to_bytes(melodies, {"a": [1]}), "here", Melodies)
    assert extra == {"a": [1]}
    values: dict[str, Any] = vars(melodies)
    for name, value in values.items():
        if hasattr(value, "dtype"):
            assert np.array_equal(getattr(again, name), value), name
            assert getattr(again, name).dtype == value.dtype, name
            assert not getattr(again, name).flags.writeable, name
        else:
            assert getattr(again, name) == value, name


def test_an_alphabet_with_too_many_members_is_rejected(piece: Callable[..., Piece]) -> None:
    def made(size: int) -> Melodies:
        long = piece([60] * size, [Fraction(ticks, 4096) for ticks in range(1, size + 1)])
        return assemble([long], ["long"], [0], num_folds=2, fingerprint="", corpus="x")

    largest = made(8192)  # its places in the bar are all different too
    assert np.array_equal(largest.duration, np.arange(8192))
    with pytest.raises(BadInputError, match=r"at most 32768 distinct durations.*this one has 32769"):
        made(2**15 + 1)
