"""Pieces that a model has seen: the same, in another key, in part, or through a third piece; and unseen pieces."""

from dataclasses import replace
from fractions import Fraction

import numpy as np

from data_prep.corpora.selection import select
from data_prep.pitches import REST
from data_prep.prepared.seen_pieces import seen_pieces
from data_prep.randomness import stream
from tests.hand_melodies import Tune, melodies
from tests.models.toy_performances import random_performances

HALF = Fraction(1, 2)


def tune(seed: int, size: int = 40) -> list[tuple[int, Fraction]]:
    return [(int(pitch), HALF) for pitch in stream(seed, "a line").integers(60, 80, size)]


def test_tunes_that_a_model_has_seen() -> None:
    known = tune(1)
    other_key_and_rhythm = [(pitch + 5, Fraction(1, 3)) for pitch, _ in known]
    rests_between = [note for pair in zip(known, [(REST, HALF)] * len(known), strict=True) for note in pair]
    bridge = [*tune(7)[:20], *known[:20]]
    new = {
        "itself": (known, True),
        "in another key and rhythm": (other_key_and_rhythm, True),
        "with rests": (rests_between, True),
        "another": (tune(2), False),
        "one phrase of it": ([*tune(3), *known[5:21]], True),
        "too little of it": ([*tune(4), *known[5:12]], False),
        "kin to what is kin to it": (tune(7), True),
        "that": (bridge, True),
        "as short as one that it knows": ([(60, HALF)], True),
        "as short": ([(60, Fraction(1))], False),
    }
    learnt = melodies([Tune(known), Tune(tune(9)), Tune([(60, HALF)])])
    found = seen_pieces(learnt, melodies([Tune(notes) for notes, _ in new.values()]))
    assert dict(zip(new, found.tolist(), strict=True)) == {name: seen for name, (_, seen) in new.items()}


def test_performances_that_a_model_has_seen() -> None:
    data = random_performances(16, size=(40, 60), chords=0.0)
    heard = select(data, np.flatnonzero(data.fold > 0))
    found = seen_pieces(heard, data)
    np.testing.assert_array_equal(found, data.fold > 0)
    louder = replace(data, velocity=np.minimum(data.velocity + 10, 127).astype(np.int16))
    np.testing.assert_array_equal(seen_pieces(heard, louder), found)
