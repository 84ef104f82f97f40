from fractions import Fraction
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.encodings.tokens import UNKNOWN, MelodyEncoding, MelodyOptions
from data_prep.pitches import REST
from tests.hand_melodies import Tune, melodies, random_tunes

HALF, ONE = Fraction(1, 2), Fraction(1)

OPTIONS = [
    MelodyOptions(beat=beat, transpose=transpose, reading=reading, vocabulary=vocabulary)
    for beat, transpose, reading, vocabulary in product(
        ("off", "input", "target"), (False, True), ("sounding", "literal"), ("training", "corpus")
    )
]
ALL_OPTIONS = [*OPTIONS, MelodyOptions(augment=6), MelodyOptions(beat="target", augment=2)]

tunes = st.builds(
    Tune,
    notes=st.lists(
        st.tuples(st.integers(0, 127) | st.just(REST), st.sampled_from([HALF, ONE, Fraction(1, 3)])), max_size=12
    ),
    fold=st.integers(0, 1),
    tonic=st.integers(0, 11),
    metre=st.sampled_from([(4, 4), (3, 4), (6, 8)]),
    pickup=st.sampled_from([Fraction(0), HALF]),
    chords=st.sets(st.integers(0, 11), max_size=2).map(frozenset),
)
BOTH_FOLDS = [Tune([(60, HALF)], fold=0), Tune([(62, ONE)], fold=1)]


@given(st.lists(tunes, max_size=5), st.sampled_from(ALL_OPTIONS))
def test_decoding_restores_the_kept_notes(drawn: list[Tune], options: MelodyOptions) -> None:
    data = melodies([*drawn, *BOTH_FOLDS])
    encoding = MelodyEncoding(data, options)
    sequences = encoding.sequences
    kept = (data.pitch != REST) & ~data.in_chord if options.reading == "literal" else np.ones_like(data.in_chord)
    for piece in range(data.num_pieces):
        own = slice(data.start[piece], data.start[piece + 1])
        token = sequences.token[sequences.start[piece] : sequences.start[piece + 1]]
        pitch, duration, position = encoding.decode(token, int(sequences.shift[piece]))
        np.testing.assert_array_equal(pitch, data.pitch[own][kept[own]])
        np.testing.assert_array_equal(duration, data.duration[own][kept[own]])
        if options.beat == "target":
            np.testing.assert_array_equal(position, data.position[own][kept[own]])


@given(st.lists(tunes, max_size=5), st.sampled_from(ALL_OPTIONS))
def test_every_note_has_a_token_of_its_event(drawn: list[Tune], options: MelodyOptions) -> None:
    encoding = MelodyEncoding(melodies([*drawn, *BOTH_FOLDS]), options)
    sequences = encoding.sequences
    np.testing.assert_array_equal(encoding.token_event[sequences.token], sequences.event)
    assert (encoding.event_tokens[sequences.event] == sequences.token[:, None]).sum(axis=1).tolist() == [1] * len(
        sequences.token
    )
    listed = encoding.event_tokens[encoding.event_tokens != UNKNOWN]
    assert sorted(listed.tolist()) == list(range(encoding.num_tokens))


@pytest.mark.parametrize("options", ALL_OPTIONS, ids=str)
def test_a_fold_has_seen_the_tokens_of_its_training_pieces(options: MelodyOptions) -> None:
    data = melodies(random_tunes(12, 3), num_folds=3)
    encoding = MelodyEncoding(data, options)
    sequences = encoding.sequences
    shifts = range(-options.augment, options.augment) if options.augment else [0]
    for fold in range(3):
        tokens: set[int] = set()
        positions: set[int] = set()
        for piece in np.flatnonzero((data.fold != fold) & encoding.trainable):
            for note in range(sequences.start[piece], sequences.start[piece + 1]):
                positions.add(int(sequences.position[note]))
                pitch, duration, position = encoding.decode([sequences.token[note]])
                for shift in shifts:
                    moved = 128 if pitch[0] == REST else (pitch[0] + shift) % 128
                    tokens |= {
                        token
                        for token in range(encoding.num_tokens)
                        if options.reading == "sounding"
                        and encoding.token_pitch[token] == moved
                        and encoding.token_duration[token] == duration[0]
                        and encoding.token_position[token] == position[0]
                    }
                if options.reading == "literal":
                    tokens.add(int(sequences.token[note]))
        if options.vocabulary == "corpus":
            tokens, positions = set(range(encoding.num_tokens)), set(range(encoding.num_positions))
        assert set(np.flatnonzero(encoding.seen[fold])) == tokens
        assert set(np.flatnonzero(encoding.seen_position[fold])) == positions


def test_pieces_are_transposed_to_the_nearest_c_or_always_down() -> None:
    data = melodies([Tune([(60 + tonic, ONE)], fold=tonic % 2, tonic=tonic) for tonic in range(12)])
    nearest = MelodyEncoding(data, MelodyOptions(transpose=True)).sequences
    assert nearest.shift.tolist() == [0, -1, -2, -3, -4, -5, 6, 5, 4, 3, 2, 1]
    down = MelodyEncoding(data, MelodyOptions(transpose=True, reading="literal"))
    assert down.sequences.shift.tolist() == [-tonic for tonic in range(12)]
    # Every tonic becomes the same spelled C4: one token.
    assert set(down.sequences.token) == {0}
    assert down.token_pitch.tolist() == [60]


def test_only_the_literal_reading_has_different_tokens_for_spellings() -> None:
    sharp, flat = Tune([(66, ONE)], fold=0, tonic=2), Tune([(66, ONE)], fold=1, tonic=8)
    data = melodies([sharp, flat])
    assert data.spellings == ("F#4", "G-4")
    assert MelodyEncoding(data, MelodyOptions()).num_tokens == 1
    literal = MelodyEncoding(data, MelodyOptions(reading="literal"))
    assert literal.num_tokens == 2
    assert (literal.event_tokens[literal.sequences.event[0]] >= 0).sum() == 2
    np.testing.assert_allclose(literal.sequences.log_variants, np.log(2.0))


def test_a_scale_in_flats_becomes_c_major_in_naturals() -> None:
    scale = [0, 2, 4, 5, 7, 9, 11]
    data = melodies(
        [Tune([(70 + step, ONE) for step in scale], 0, 10), Tune([(60 + step, ONE) for step in scale], 1, 0)]
    )
    tokens = MelodyEncoding(data, MelodyOptions(transpose=True, reading="literal")).sequences.token
    assert tokens[:7].tolist() == tokens[7:].tolist()


def test_the_literal_reading_does_not_train_on_pieces_in_several_keys() -> None:
    data = melodies([Tune([(60, ONE)], 0), Tune([(62, ONE)], 1, one_key=False), Tune([(64, ONE)], 1)])
    literal = MelodyEncoding(data, MelodyOptions(transpose=True, reading="literal"))
    assert literal.trainable.tolist() == [True, False, True]
    assert literal.seen[0].sum() == 1
    assert MelodyEncoding(data, MelodyOptions(transpose=True)).trainable.all()


def test_a_shift_that_wraps_is_undone() -> None:
    data = melodies([Tune([(127, ONE), (3, ONE), (REST, ONE)], 0, tonic=9), Tune([(60, ONE)], 1, tonic=5)])
    encoding = MelodyEncoding(data, MelodyOptions(transpose=True))
    assert encoding.token_pitch[encoding.sequences.token].tolist() == [2, 6, 128, 55]
    pitch, _, _ = encoding.decode(encoding.sequences.token[:3], int(encoding.sequences.shift[0]))
    assert pitch.tolist() == [127, 3, REST]


def test_tokens_outside_the_vocabulary_are_unknown_in_other_frames() -> None:
    encoding = MelodyEncoding(melodies([Tune([(60, ONE)], 0), Tune([(62, ONE)], 1)]), MelodyOptions(transpose=True))
    up = encoding.at_shift(2)
    assert up.token.tolist() == [encoding.sequences.token[1], UNKNOWN]
    assert (up.event // encoding.num_durations).tolist() == [62, 64]


def test_priors_of_headers_are_distributions() -> None:
    encoding = MelodyEncoding(melodies(random_tunes(9, 3), num_folds=3), MelodyOptions("input", transpose=True))
    np.testing.assert_allclose(np.exp(encoding.log_shift_prior).sum(axis=1), 1.0)
    np.testing.assert_allclose(np.exp(encoding.log_bar_prior).sum(axis=(1, 2)), 1.0)


def test_headers_are_charged_by_the_fold_that_holds_the_piece_out() -> None:
    data = melodies([Tune([(60, ONE)], 0), Tune([(60, ONE)], 1, tonic=7), Tune([(60, ONE)], 1, tonic=7)])
    cost = MelodyEncoding(data, MelodyOptions(transpose=True)).sequences.header_cost
    # Fold 0 was trained on two pieces in G and scores a piece in C; fold 1 vice versa.
    np.testing.assert_allclose(cost, -np.log([1 / 14, 1 / 13, 1 / 13]))
    assert not MelodyEncoding(data, MelodyOptions()).sequences.header_cost.any()


def test_metre_and_pickup_are_charged_if_the_beat_is_used() -> None:
    waltz = Tune([(60, ONE)], 0, metre=(3, 4), pickup=ONE)
    data = melodies([waltz, Tune([(60, ONE)], 1), Tune([(60, ONE)], 1), Tune([(60, ONE)], 1, metre=(3, 4))])
    encoding = MelodyEncoding(data, MelodyOptions(beat="target"))
    # Of three training pieces, one header is seen once: 1/4 is spread evenly over 2 metres and 3 positions.
    assert data.positions == (0, 1, 2)
    np.testing.assert_allclose(encoding.sequences.header_cost[0], -np.log(1 / 4 / 6))
    assert not MelodyEncoding(data, MelodyOptions()).sequences.header_cost.any()


def test_notes_that_the_literal_reading_leaves_out_cost_the_floor() -> None:
    data = melodies([Tune([(60, ONE), (REST, ONE), (62, ONE)], 0, chords=frozenset({2})), Tune([(60, ONE)] * 3, 1)])
    encoding = MelodyEncoding(data, MelodyOptions(reading="literal"))
    assert np.diff(encoding.sequences.start).tolist() == [1, 3]
    floor = encoding.log_p0[0, [128, 62]] + np.log(encoding.eps[0])
    np.testing.assert_allclose(encoding.sequences.dropped_cost, [-floor.sum(), 0.0])
