"""Votes of the experts for growing tunes compared with those for complete tunes."""

from fractions import Fraction
from math import lcm
from typing import Literal

import numpy as np
import pytest

from data_prep.encodings.tokens import MelodyEncoding, MelodyOptions
from data_prep.melodies.votes import NUM_MATCHES
from data_prep.pitches import REST
from models.composer.composing.copy_experts import CopyExperts
from models.composer.composing.note_rules import Bars
from models.composer.copy_gate import NUM_EXPERTS, Copying, gate_features
from tests.hand_melodies import Tune, bar_length, melodies, places, random_tunes

LENGTH = 90
"""Notes of each tune, more than the initial capacity of a text."""


def long_tunes() -> list[Tune]:
    """Return tunes of equal length with exact and transposed repetitions, in several metres."""
    tunes: list[Tune] = []
    for number, tune in enumerate(random_tunes(6, least=12, most=20)):
        higher = [(p if p == REST else p + 2, d) for p, d in tune.notes]
        notes = [*tune.notes, *tune.notes[:9], *higher, *tune.notes[3:]] * 3
        lead = [(REST, Fraction(1, 2))] * (number % 2)
        tunes.append(Tune([*lead, *notes][:LENGTH], number % 2, metre=tune.metre, pickup=tune.pickup))
    return tunes


@pytest.mark.parametrize("copying", ["match", "match+bars"])
@pytest.mark.parametrize("beat", ["off", "target"])
def test_votes_for_growing_tunes_equal_those_of_complete_tunes(
    copying: Copying, beat: Literal["off", "target"]
) -> None:
    tunes = long_tunes()
    data = melodies(tunes)
    encoding = MelodyEncoding(data, MelodyOptions(beat=beat))
    resolution = lcm(*(time.denominator for time in (*data.durations, *data.positions)))
    bars = [Bars(int(bar_length(tune) * resolution), int(tune.pickup * resolution), 10**6) for tune in tunes]
    onsets = [np.cumsum([0, *(int(d * resolution) for _, d in tune.notes)]).tolist() for tune in tunes]
    experts = CopyExperts(encoding.vocabulary, copying, bars, beat_in_tokens=beat == "target")
    tokens = encoding.sequences.token.reshape(len(tunes), LENGTH).astype(np.int64)
    position = data.position.reshape(len(tunes), LENGTH).astype(np.int64)
    votes = data.votes[:, : NUM_EXPERTS[copying]].reshape(len(tunes), LENGTH, -1)
    for note in range(LENGTH):
        onset = [of_tune[note] for of_tune in onsets]
        actual = experts.look(onset, position[:, note])
        bar = np.array([places(tune)[note][0] for tune in tunes], np.int32)
        expected = gate_features(votes[:, note], bar, np.full(len(tunes), note))
        np.testing.assert_array_equal(actual.features, expected)
        np.testing.assert_array_equal(actual.present, votes[:, note]["length"] >= 0)
        shares = np.zeros((len(tunes), votes.shape[2], encoding.num_tokens))
        np.add.at(shares, (actual.row, actual.expert, actual.token), actual.share)
        share = votes[:, note]["hits"] / np.maximum(votes[:, note]["votes"], 1)
        np.testing.assert_allclose(shares[np.arange(len(tunes)), :, tokens[:, note]], share)
        assert (shares.sum(axis=2) < 1 + 1e-9).all()
        exact = shares[:, 0].sum(axis=1)[actual.present[:, 0]]
        if beat == "off":  # every event has a token at any bar position
            np.testing.assert_allclose(exact, 1)
        experts.add(tokens[:, note], onset)
    assert (votes["length"][:, -20:, :NUM_MATCHES] > 10).any()


def test_experts_for_bars_are_absent_if_the_corpus_has_no_metre() -> None:
    data = melodies(long_tunes())
    data.votes["length"][:, NUM_MATCHES:] = -1
    vocabulary = MelodyEncoding(data, MelodyOptions()).vocabulary
    assert not vocabulary.looks_back
    experts = CopyExperts(vocabulary, "match+bars", [Bars(2, 0, 100)], beat_in_tokens=False)
    for note in range(6):
        assert not experts.look([note], np.array([0])).present[0, NUM_MATCHES:].any()
        experts.add(np.array([0]), [note])
