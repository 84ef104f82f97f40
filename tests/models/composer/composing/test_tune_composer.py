"""Tunes of trained composers: full bars, fulfilled requests, reproducible seeds, frequencies, refused requests."""

from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_prep.errors import BadInputError
from data_prep.melodies.votes import find_votes
from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from models.composer.composing import tune_composer as composing
from models.composer.composing.tune_composer import TuneComposer
from models.composer.model import ComposerModel
from models.training import checkpoint
from models.uses.request import MAX_BARS, SamplingRequest
from tests.hand_melodies import Tune as HandTune
from tests.models.trained_composers import as_before_copying, trained

HALF, ONE = Fraction(1, 2), Fraction(1)
NAMES = ("beat", "reading", "transpose", "layers", "copying", "factorisation")
KINDS = [
    *product(("off", "input", "target"), ("sounding", "literal"), (False, True), (1,), ("match+bars",), ("joint",)),
    ("input", "sounding", False, 2, "match", "joint"),
    ("target", "sounding", True, 1, "off", "joint"),
    ("target", "sounding", False, 1, "match+bars", "rhythm_first"),
]


@pytest.fixture(scope="module", params=KINDS, ids=str)
def composer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TuneComposer:
    settings = dict(zip(NAMES, request.param, strict=True))
    return TuneComposer.load(trained(tmp_path_factory.mktemp("model") / "model.pt", **settings))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> TuneComposer:
    return TuneComposer.load(trained(tmp_path_factory.mktemp("model") / "model.pt"))


def crossings(tune: Tune) -> int:
    """Return the number of notes that cross a bar line."""
    notes = zip(tune.onsets(), tune.duration, strict=True)
    return sum((onset - tune.pickup) % tune.bar_length + duration > tune.bar_length for onset, duration in notes)


def test_bars_are_full_and_the_last_note_is_the_tonic(composer: TuneComposer) -> None:
    for bars in (1, 2, 9):
        for tune in composer.compose(SamplingRequest(bars=bars), count=5, seed=3):
            assert sum(tune.duration) == bars * tune.bar_length
            assert min(tune.duration) > 0
            assert crossings(tune) == 0
            assert tune.pitch[-1] % 12 == tune.tonic
            assert tune.metre in composer.vocabulary.metres
            assert tune.num_prompt == 0
            assert -7 <= tune.fifths <= 7


def test_requests_are_fulfilled(composer: TuneComposer) -> None:
    request = SamplingRequest(
        bars=6, key="G", metre="3/4", lowest="F#3", highest="C6", temperature=1.4, top_k=20, top_p=0.95
    )
    for tune in composer.compose(request, count=6, seed=1):
        assert (tune.metre, tune.fifths, tune.mode) == ((3, 4), 1, "major")
        sounding = [pitch for pitch in tune.pitch if pitch != REST]
        assert {pitch % 12 for pitch in sounding} <= tune.scale
        assert min(sounding) >= 54
        assert max(sounding) <= 84
        assert tune.pitch[-1] % 12 == 7
        assert sum(tune.duration) == 18


def test_a_tune_does_not_depend_on_the_count(composer: TuneComposer) -> None:
    request = SamplingRequest(bars=4)
    many = composer.compose(request, count=11, seed=7)
    for count in (1, 2, 4, 5):
        assert composer.compose(request, count=count, seed=7) == many[:count]
    assert len(set(many)) > 1
    assert composer.compose(request, seed=8) != many[:1]


def test_a_prompt_is_continued(composer: TuneComposer) -> None:
    prompt = composer.compose(SamplingRequest(bars=8, key="D", metre="4/4"), seed=2)[0]
    request = SamplingRequest(bars=5, prompt=prompt, prompt_notes=5)
    assert not any("nearest" in remark for remark in composer.remarks(request))
    first, second = composer.compose(request, count=2, seed=4)
    for tune in (first, second):
        assert tune.num_prompt == 5
        assert tune.pitch[:5] == prompt.pitch[:5]
        assert tune.duration[:5] == prompt.duration[:5]
        assert (tune.metre, tune.pickup, tune.fifths, tune.mode) == ((4, 4), prompt.pickup, 2, "major")
        assert sum(tune.duration) == 5 * tune.bar_length
        assert tune.pitch[-1] % 12 == 2
    assert first != second


def test_unknown_notes_of_a_prompt_are_replaced_with_a_remark(composer: TuneComposer) -> None:
    prompt = Tune((61, 62, 127, REST), (Fraction(1, 7), ONE, HALF, Fraction(5)), fifths=2)
    request = SamplingRequest(bars=6, prompt=prompt)
    (remark,) = composer.remarks(request)
    assert "of the prompt's 4 notes" in remark
    (tune,) = composer.compose(request)
    assert tune.num_prompt == 4
    assert set(tune.duration[:4]) <= set(composer.vocabulary.durations)
    assert sum(tune.duration) == 24


def test_a_metre_of_no_training_piece_causes_a_remark_and_is_composed(composer: TuneComposer) -> None:
    request = SamplingRequest(bars=3, metre="7/8")
    assert composer.remarks(request) == ["no piece that the model was trained on is in 7/8"]
    (tune,) = composer.compose(request)
    assert sum(tune.duration) == 3 * Fraction(7, 2)
    assert crossings(tune) == 0
    assert composer.remarks(SamplingRequest(metre="4/4")) == []


PROMPTS = {
    "a note": Tune((60,), (ONE,)),
    "two notes": Tune((60, 62), (ONE, HALF)),
    "rests": Tune((REST,) * 6, (HALF,) * 6),
    "a rest, then a note": Tune((REST, 61), (HALF, ONE)),
    "unknown notes": Tune((0, 127, REST), (Fraction(1, 7), Fraction(5), Fraction(1, 64))),
    "an unknown metre": Tune((60, 62, 64), (HALF,) * 3, metre=(7, 8), pickup=HALF),
}


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=list(PROMPTS))
def test_prompts_without_matches_are_continued(composer: TuneComposer, prompt: Tune) -> None:
    for form in (None, "AABA"):
        request = SamplingRequest(bars=8, prompt=prompt, form=form)
        many = composer.compose(request, count=5)
        assert composer.compose(request) == many[:1]
        for tune in many:
            assert tune.num_prompt == prompt.num_notes
            assert sum(tune.duration) == 8 * tune.bar_length
            assert min(tune.duration) > 0


def test_the_most_likely_tune_does_not_depend_on_the_seed(composer: TuneComposer) -> None:
    for form in (None, "AB"):
        request = SamplingRequest(bars=4, prompt=PROMPTS["two notes"], form=form, temperature=0)
        (tune,) = composer.compose(request)
        assert composer.compose(request, count=6, seed=2) == [tune] * 6


def test_a_tune_of_maximum_length_is_composed(plain: TuneComposer) -> None:
    (tune,) = plain.compose(SamplingRequest(bars=MAX_BARS, form="AABB"))
    assert sum(tune.duration) == MAX_BARS * tune.bar_length


def reference(composer: TuneComposer, saved: checkpoint.Checkpoint, tune: Tune) -> list[float]:
    """Return the log probability of each event of a tune under the model, run by torch over the tune."""
    from models.composer.copy_gate import Copies, gate_features, mixed
    from models.folded.torch_typing import tensor

    vocabulary = composer.vocabulary
    model = ComposerModel(composer.spec, vocabulary, seed=0, trial=0)
    model.load_state_dict(dict(saved.training))
    durations, positions = list(vocabulary.durations), list(vocabulary.positions)
    tokens: list[int] = []
    places: list[int] = []
    onset = Fraction(0)
    for pitch, duration in zip(tune.pitch, tune.duration, strict=True):
        place = positions.index((onset - tune.pickup) % tune.bar_length)
        event = (128 if pitch == REST else pitch, durations.index(duration))
        pairs = zip(vocabulary.token_pitch.tolist(), vocabulary.token_duration.tolist(), strict=True)
        tokens.append(list(pairs).index(event))
        places.append(place)
        onset += duration
    rows = np.where(vocabulary.seen_position[:, places], places, len(positions))
    past = torch.tensor([model.begin, *tokens[:-1]]).expand(vocabulary.num_folds, -1)[..., None]
    asked = torch.tensor(tokens).expand(vocabulary.num_folds, -1)[..., None, None]
    pitch, start = np.array(tune.pitch, np.int16), np.array([0, tune.num_notes])
    duration = np.array([durations.index(length) for length in tune.duration], np.int16)
    votes = find_votes(pitch, duration, start, durations, [tune.bar_length])
    bars = np.array([(onset - tune.pickup) // tune.bar_length for onset in tune.onsets()], np.int32)
    copies = Copies(
        features=tensor(gate_features(votes, bars, np.arange(tune.num_notes)))[:, None].expand(
            past.shape[0], -1, 1, -1
        ),
        present=tensor(votes["length"] >= 0)[:, None].expand(past.shape[0], -1, 1, -1),
        hits=tensor((votes["hits"] / np.maximum(votes["votes"], 1)).astype(np.float32))[:, None],
    )
    log_p, gate = model.log_probabilities(past, tensor(rows.astype(np.int64))[..., None], asked, copies=copies)
    assert gate is not None
    chances: list[float] = (
        mixed(log_p[..., 0], gate, copies.hits)[:, :, 0].double().exp().mean(0).log().numpy().tolist()
    )
    return chances


def test_a_model_from_before_copying_composes_the_same_tunes(tmp_path: Path) -> None:
    path = trained(tmp_path / "model.pt", copying="off")
    made = TuneComposer.load(path).compose(SamplingRequest(bars=8), count=3)
    again = TuneComposer.load(as_before_copying(path))
    assert again.spec.copies == "off"
    assert again.compose(SamplingRequest(bars=8), count=3) == made


def test_greedy_tunes_take_the_most_likely_allowed_notes(tmp_path: Path) -> None:
    # With two events of one length in one metre, only the end is restricted.
    tunes = [HandTune([(60 + 2 * (note % 3 == 0), HALF) for note in range(24)], fold=fold) for fold in (0, 1, 0, 1)]
    path = trained(tmp_path / "model.pt", tunes, epochs=3, lr=0.05)
    composer, saved = TuneComposer.load(path), checkpoint.load(path)
    request = SamplingRequest(bars=2, temperature=0, end_on_tonic=False)
    (tune,) = composer.compose(request)
    assert composer.compose(request, seed=99) == [tune]
    assert tune.num_notes == 16
    chosen = reference(composer, saved, tune)
    for note in range(tune.num_notes):
        other = 62 if tune.pitch[note] == 60 else 60
        changed = replace(tune, pitch=(*tune.pitch[:note], other, *tune.pitch[note + 1 :]))
        assert chosen[note] > reference(composer, saved, changed)[note]


def test_tunes_have_the_probabilities_of_the_model(tmp_path: Path) -> None:
    tunes = [HandTune([(60 + 2 * (note % 3 == 0), ONE) for note in range(24)], fold=fold) for fold in (0, 1, 0, 1)]
    path = trained(tmp_path / "model.pt", tunes, lr=0.02)
    composer, saved = TuneComposer.load(path), checkpoint.load(path)
    num_tunes = 1000
    made = composer.compose(SamplingRequest(bars=1, temperature=1, end_on_tonic=False), count=num_tunes, seed=1)
    counts = Counter(tune.pitch for tune in made)
    chances_of: dict[tuple[int, ...], Any] = {
        pitch: np.exp(reference(composer, saved, replace(made[0], pitch=pitch)))
        for pitch in product((60, 62), repeat=4)
    }
    total = 0.0
    for pitch, chances in chances_of.items():
        p = 1.0
        for note, chance in enumerate(chances):  # experts may also vote for a 64, which has no token
            other = chances_of[*pitch[:note], 122 - pitch[note], *pitch[note + 1 :]][note]
            p *= chance / (chance + other)
        total += p
        deviation = np.sqrt(num_tunes * p * (1 - p))
        assert abs(counts[pitch] - num_tunes * p) < 4 * deviation + 1
    assert total == pytest.approx(1.0, abs=1e-5)


def test_metres_and_pickups_have_the_frequencies_of_the_training_pieces(plain: TuneComposer) -> None:
    made = plain.compose(SamplingRequest(bars=1), count=600)
    counts = plain.vocabulary.bar_counts
    shares = (counts / counts.sum(axis=(1, 2), keepdims=True)).mean(axis=0)
    for metre, pickup in np.argwhere(shares):
        heading = (plain.vocabulary.metres[int(metre)], plain.vocabulary.positions[int(pickup)])
        p = float(shares[metre, pickup])
        count = sum((tune.metre, tune.pickup) == heading for tune in made)
        assert abs(count - 600 * p) < 4 * np.sqrt(600 * p * (1 - p))


def test_models_in_c_compose_in_the_keys_of_their_training_pieces(tmp_path: Path) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt", transpose=True))
    made = composer.compose(SamplingRequest(bars=1), count=300)
    shares = composer.vocabulary.tonic_counts / composer.vocabulary.tonic_counts.sum(axis=1, keepdims=True)
    frequencies = np.bincount([tune.tonic for tune in made], minlength=12) / len(made)
    np.testing.assert_allclose(frequencies, shares.mean(axis=0), atol=0.12)
    assert (frequencies[shares.mean(axis=0) == 0] == 0).all()


@pytest.mark.parametrize("transpose", [False, True])
def test_a_range_without_known_notes_is_refused(transpose: bool, tmp_path: Path) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt", transpose=transpose))
    with pytest.raises(BadInputError, match="has none in the scale of D from MIDI pitch 0 to 12"):
        composer.compose(SamplingRequest(key="D", highest="C0"))


def test_tunes_in_narrow_ranges_and_odd_metres_end(composer: TuneComposer) -> None:
    pitch = int(np.median(composer.vocabulary.token_pitch))
    for metre in ("1/32", "5/16", "32/8"):
        request = SamplingRequest(bars=3, metre=metre, lowest=pitch - 6, highest=pitch + 6, temperature=9.0)
        for tune in composer.compose(request, count=3):
            assert sum(tune.duration) == 3 * tune.bar_length
            assert all(note == REST or abs(note - pitch) <= 6 for note in tune.pitch)


@pytest.mark.parametrize("count", [0, -1, 1001])
def test_counts_outside_the_limits_are_refused(count: int, plain: TuneComposer) -> None:
    with pytest.raises(BadInputError, match=f"from 1 to {composing.MAX_COUNT} tunes .* got {count}"):
        plain.compose(SamplingRequest(), count=count)


def test_a_prompt_must_be_shorter_than_the_tune(plain: TuneComposer) -> None:
    prompt = Tune((60,) * 8, (HALF,) * 8)
    with pytest.raises(BadInputError, match="its 8 notes take 1 bar of 1; ask for more bars"):
        plain.compose(SamplingRequest(bars=1, prompt=prompt))
    assert plain.compose(SamplingRequest(bars=1, prompt=prompt, prompt_notes=7))[0].num_prompt == 7


@pytest.mark.parametrize("pickup", ["0", "1/4", "1/3", "1/2", "1", "7/2"])
def test_a_tune_has_the_pickup_of_its_prompt(pickup: str, plain: TuneComposer) -> None:
    length = Fraction(pickup)
    prompt = Tune((60, 62, 64, 65), (length or ONE, ONE, HALF, ONE), pickup=length)
    (tune,) = plain.compose(SamplingRequest(bars=4, prompt=prompt))
    assert tune.pickup == length
    assert sum(tune.duration) == 16
