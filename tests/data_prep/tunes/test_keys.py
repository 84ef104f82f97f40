from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.corpora.named import corpora
from data_prep.melodies.filters import broken_rule
from data_prep.pitches import REST
from data_prep.readers.notes import Key, Piece
from data_prep.readers.scores import read
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import MODES, Mode, Tune, signature

STEPS: dict[Mode, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
TUNES = st.lists(st.tuples(st.integers(48, 84) | st.just(REST), st.integers(1, 8)), max_size=30)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tonic", range(12))
def test_a_scale_up_and_down_with_its_triad_is_in_its_key(tonic: int, mode: Mode) -> None:
    up = [60 + tonic + step for step in (*STEPS[mode], 12)]
    pitches = [*up, *up[::-1], up[0], up[2], up[4], up[2], up[0]]
    assert estimate_key(pitches, [Fraction(1, 2)] * len(pitches)) == (signature(tonic, mode), mode)
    assert estimate_key(pitches, [Fraction(1, 2)] * len(pitches), tonic) == (signature(tonic, mode), mode)


@given(TUNES, st.integers(-12, 12), st.integers(1, 5))
def test_transposing_moves_the_tonic_and_slower_notes_change_nothing(
    tune: list[tuple[int, int]], semitones: int, slower: int
) -> None:
    pitches, durations = [pitch for pitch, _ in tune], [duration for _, duration in tune]
    fifths, mode = estimate_key(pitches, durations)
    scores = {estimate_key(pitches, durations, tonic) for tonic in range(12)}
    assert (fifths, mode) in scores
    assert estimate_key(pitches, [Fraction(slower * length, 4) for length in durations]) == (fifths, mode)
    moved = [pitch if pitch == REST else pitch + semitones for pitch in pitches]
    tonic = Tune((), (), fifths=fifths, mode=mode).tonic
    if any(pitch != REST for pitch in pitches):
        given_tonic = estimate_key(moved, durations, (tonic + semitones) % 12)
        assert given_tonic[1] == estimate_key(pitches, durations, tonic)[1]


@given(TUNES, st.integers(0, 11))
def test_a_known_tonic_is_kept_and_rests_are_ignored(tune: list[tuple[int, int]], tonic: int) -> None:
    fifths, mode = estimate_key([pitch for pitch, _ in tune], [duration for _, duration in tune], tonic)
    assert Tune((), (), fifths=fifths, mode=mode).tonic == tonic
    sounding = [(pitch, duration) for pitch, duration in tune if pitch != REST]
    again = estimate_key([pitch for pitch, _ in sounding], [duration for _, duration in sounding], tonic)
    assert again == (fifths, mode)


def test_silence_is_in_c_major() -> None:
    assert estimate_key([], []) == estimate_key([REST], [Fraction(4)]) == (0, "major")


def test_a_jig_in_g(oneills: Callable[[str, str], Piece]) -> None:
    piece = oneills("0201-0300.abc", "214")
    assert piece.heading.keys == (Key(Fraction(0), 7, "major"),)
    assert estimate_key(piece.pitch.tolist(), piece.duration.tolist()) == (1, "major")


@pytest.mark.slow
def test_real_tunes_have_the_signature_that_they_state() -> None:
    corpus = corpora()["oneills"]
    agree: list[bool] = []
    for file in ("0201-0300.abc", "0501-0550.abc", "0701-0720.abc"):
        for piece in read(corpus.folder / file).pieces:
            keys = piece.heading.keys
            if broken_rule(piece, corpus.rules) is None and keys and keys[0].mode in MODES:
                fifths, _ = estimate_key(piece.pitch.tolist(), piece.duration.tolist())
                agree.append(fifths == signature(keys[0].tonic, keys[0].mode))
    assert len(agree) > 60
    assert np.mean(agree) > 0.9
