"""Scores of unseen tunes: a proper code on any grid, the mean of networks, equal to the sealed test."""

import math
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.prepared.refitting import for_refit, for_test
from models.composer.family import Composer
from models.composer.objective import mixed_costs, piece_costs
from models.composer.scoring import scoring_task, tune_scores
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.training import checkpoint
from tests.hand_melodies import Tune, melodies, random_tunes
from tests.models.trained_composers import as_before_copying, trained

HALF, ONE = Fraction(1, 2), Fraction(1)
PITCHES = [REST, *range(NUM_PITCHES)]
KNOWN = [
    Tune([(60, HALF), (62, HALF), (REST, HALF)], 0, tonic=7, metre=(1, 4)),
    Tune([(66, HALF), (62, HALF), (62, HALF)], 1, tonic=1, metre=(1, 4), chords=frozenset({1})),
    Tune([(60, HALF), (61, HALF)], 1, one_key=False, metre=(1, 4)),
    Tune([(60, HALF), (64, HALF), (65, HALF)], 0, metre=(1, 4)),
]
"""Tunes in two folds with one duration, one metre and two positions in the bar."""

NAMES = ("beat", "transpose", "reading", "vocabulary", "copying")
BEATS, BOTH = ("off", "input", "target"), (False, True)
ENCODINGS = [
    *product(BEATS, BOTH, ("sounding", "literal"), ("training", "corpus"), ("off",)),
    *product(BEATS, BOTH, ("sounding",), ("training",), ("match", "match+bars")),
]

every_encoding = pytest.mark.parametrize(
    "settings", [dict(zip(NAMES, encoding, strict=True)) for encoding in ENCODINGS], ids=str
)


def networks(data: Melodies, **settings: Any) -> ComposerTask:
    """Return the task of untrained networks in float64 whose distributions are far from uniform."""
    made = ComposerTask(
        ComposerSpec.model_validate({"size": 3, "embedding": 2, "copying_units": 4, **settings}),
        data,
        seed=1,
        trial=0,
        device="cpu",
    )
    made.model.double()
    for parameter in made.model.parameters():
        parameter.data.mul_(3.0)
    return made


def scored(made: ComposerTask, tunes: Melodies) -> NDArray[np.float64]:
    """Return [P] the costs of unseen tunes (nats)."""
    vocabulary = MelodyVocabulary.from_json(made.vocabulary)
    task = scoring_task(made.spec, vocabulary, tunes)
    task.model.double()
    task.model.load_state_dict(made.model.state_dict())
    return tune_scores(task) * np.diff(tunes.start)


@every_encoding
def test_probabilities_of_one_note_tunes_under_all_headers_sum_to_one(settings: dict[str, Any]) -> None:
    """The grid has two durations, two metres and three positions, and the model lacks one of each."""
    made = networks(melodies(KNOWN), **settings)
    reads_bars = made.encoding.options.beat != "off" or made.encoding.options.bars
    headers = list(product([(1, 4), (7, 8)], [Fraction(0), HALF, Fraction(1, 3)])) if reads_bars else [((7, 8), ONE)]
    tunes = [
        Tune([(pitch, duration)], metre=metre, pickup=pickup)
        for metre, pickup in headers
        for pitch, duration in product(PITCHES, (HALF, ONE))
    ]
    # Bar positions of notes are part of the grid too; here all of them are also pickups.
    new = melodies(tunes, positions=[Fraction(0), HALF, Fraction(1, 3)])
    if reads_bars:
        new = only_positions(new)
    assert np.exp(-scored(made, new)).sum() == pytest.approx(1.0, abs=1e-9)


def only_positions(data: Melodies) -> Melodies:
    """Restrict the alphabet of positions to three; other positions become the first."""
    kept = (Fraction(0), HALF, Fraction(1, 3))
    number = np.array([kept.index(place) if place in kept else 0 for place in data.positions], np.int16)
    return replace(data, positions=kept, position=number[data.position], pickup=number[data.pickup])


@pytest.mark.slow
@pytest.mark.parametrize("beat", ["off", "input", "target"])
def test_probabilities_of_two_note_tunes_sum_to_one(beat: str) -> None:
    """Half of all notes have a duration that the model lacks."""
    made = networks(melodies(KNOWN), beat=beat, copying="off")
    events = list(product(PITCHES, (HALF, ONE)))
    new = melodies([Tune(notes, metre=(1, 4)) for notes in product(events, repeat=2)])
    header = 1.0
    if beat != "off":
        known = made.encoding.log_bar_prior[:, 0, 0]
        assert made.encoding.melodies.positions == new.positions
        header = float(np.exp(known).mean())
    assert np.exp(-scored(made, new)).sum() == pytest.approx(header, abs=1e-9)


@pytest.mark.parametrize("copying", ["off", "match", "match+bars"])
@pytest.mark.parametrize("beat", BEATS)
def test_probabilities_of_all_continuations_sum_to_that_of_the_past(beat: str, copying: str) -> None:
    """The past repeats itself, also in durations that the model lacks, so that experts vote for them."""
    made = networks(melodies(KNOWN), beat=beat, copying=copying)
    before = [(60, ONE), (62, HALF), (62, HALF), (60, ONE), (62, HALF)]
    notes = [before, *([*before, event] for event in product(PITCHES, (HALF, ONE)))]
    first, *followed = np.exp(-scored(made, melodies([Tune(tune, metre=(1, 4)) for tune in notes])))
    assert sum(followed) == pytest.approx(first, rel=1e-9)


def test_costs_equal_the_networks_mean_mixed_with_one_floor() -> None:
    known = random_tunes(12, 3)
    made = networks(melodies(known, num_folds=3), beat="input", copying="off")
    new = [
        *random_tunes(4, 1, seed=5),
        Tune([(60, Fraction(5, 7)), (62, ONE), (61, HALF), (100, HALF), (60, Fraction(3))], metre=(7, 8)),
        Tune([(60, HALF)]),
    ]
    data = melodies(new)
    costs = scored(made, data)
    naive = [naive_cost(made, known, tune, set(data.durations)) for tune in new]
    headers = costs - naive
    np.testing.assert_allclose(headers, naive_headers(made, new, data), rtol=1e-9)
    assert headers[4] == headers.max() > 4.0  # its metre is new


def naive_cost(made: ComposerTask, known: list[Tune], tune: Tune, more_durations: set[Fraction]) -> float:
    """Return the cost of a tune's notes, computed note by note (nats)."""
    encoding, learnt = made.encoding, [note for tune in known for note in tune.notes]
    durations = {*(length for _, length in learnt), *more_durations}
    pitch_counts, duration_counts = Counter(p for p, _ in learnt), Counter(length for _, length in learnt)
    eps = min(max(sum(count == 1 for count in Counter(learnt).values()), 1) / len(learnt), 0.5)
    tokens: list[tuple[int, Fraction]] = [
        (REST if pitch == 128 else pitch, encoding.melodies.durations[length])
        for pitch, length in zip(encoding.token_pitch.tolist(), encoding.token_duration.tolist(), strict=True)
    ]
    nats, past, onset = 0.0, [made.model.begin], Fraction(0)
    rows: list[int] = []
    for note in tune.notes:
        place = (onset - tune.pickup) % Fraction(4 * tune.metre[0], tune.metre[1])
        rows.append(encoding.melodies.positions.index(place) if place in encoding.melodies.positions else -1)
        p = [network_says(made, fold, past, rows) for fold in range(encoding.num_folds)]
        carried = sum(of_fold[tokens.index(note)] for of_fold in p) / len(p) if note in tokens else 0.0
        p0 = (pitch_counts[note[0]] + 1) / (len(learnt) + 129)
        p0 *= (duration_counts[note[1]] + 1) / (len(learnt) + len(durations))
        nats -= math.log((1 - eps) * carried + eps * p0)
        past.append(tokens.index(note) if note in tokens else made.model.unknown)
        onset += note[1]
    return nats


def network_says(made: ComposerTask, fold: int, past: list[int], rows: list[int]) -> NDArray[np.float64]:
    """Return [V] the probabilities of the next token under one network."""
    encoding = made.encoding
    seen = [row if row >= 0 and encoding.seen_position[fold, row] else encoding.num_positions for row in rows]
    inputs, beats = torch.zeros(2, encoding.num_folds, len(past), 1, dtype=torch.int64)
    inputs[fold, :, 0], beats[fold, :, 0] = torch.tensor(past), torch.tensor(seen)
    with torch.no_grad():
        hidden, _ = made.model.hidden(inputs, beats)
        weight, bias = made.model.head()
        return torch.softmax(hidden[fold, -1, 0] @ weight[fold].T + bias[fold], dim=0).numpy()


def naive_headers(made: ComposerTask, tunes: list[Tune], data: Melodies) -> list[float]:
    """Return the costs of metre and pickup on the grid of those that the model or the tunes have (nats)."""
    vocabulary = made.encoding.vocabulary
    size = len({*vocabulary.metres, *data.metres}) * len({*vocabulary.positions, *data.positions})
    costs: list[float] = []
    for tune in tunes:
        p = 0.0
        for counts in vocabulary.bar_counts:
            new = max(int((counts == 1).sum()), 1) / (int(counts.sum()) + 1)
            seen = 0
            if tune.metre in vocabulary.metres and tune.pickup in vocabulary.positions:
                seen = counts[vocabulary.metres.index(tune.metre), vocabulary.positions.index(tune.pickup)]
            p += ((1 - new) * seen / counts.sum() + new / size) / len(vocabulary.bar_counts)
        costs.append(-math.log(p))
    return costs


@every_encoding
def test_a_single_network_scores_like_the_sealed_test(settings: dict[str, Any]) -> None:
    known = melodies(random_tunes(12, 3, seed=1), durations=[ONE, Fraction(7)], metres=[(3, 4), (4, 4)])
    sealed = replace_alphabets(known, random_tunes(5, 1, seed=2))
    refit = networks(for_refit(known), **settings)
    tested = networks(for_test(known, sealed), **settings)
    frames = [piece_costs(tested.encoding, frame, tested.note_log_probabilities(frame)[0]) for frame in tested.frames()]
    np.testing.assert_allclose(scored(refit, sealed), mixed_costs(frames)[known.num_pieces :], rtol=1e-9)


def replace_alphabets(known: Melodies, tunes: list[Tune]) -> Melodies:
    """Return tunes under the alphabets of others, which must contain theirs."""
    data = melodies(tunes, 1, known.durations, known.positions, known.metres)
    assert data.durations == known.durations
    assert data.positions == known.positions
    assert data.metres == known.metres
    spellings = tuple(sorted({*known.spellings, *data.spellings}))
    assert set(data.spellings) <= set(known.spellings)
    number = np.array([spellings.index(name) for name in data.spellings], np.int16)
    return replace(data, spellings=spellings, spelling=number[data.spelling])


def trained_file(path: Path, data: Melodies, **changes: Any) -> Path:
    spec = ComposerSpec.model_validate({"size": 3, "embedding": 2, "beat": "input", "epochs": 1})
    training = Composer().start(spec, data, seed=0, trial=0, device="cpu")
    vocabulary = {name: value for name, value in {**training.vocabulary, **changes}.items() if value != "left out"}
    checkpoint.save(path, training.weights(), spec, {"family": "composer", "vocabulary": vocabulary})
    return path


def test_unknown_properties_of_tunes_are_counted(tmp_path: Path) -> None:
    path = trained_file(tmp_path / "model.pt", melodies(KNOWN))
    new = [
        Tune([(60, Fraction(5, 7)), (62, HALF), (REST, Fraction(3))], metre=(7, 8)),
        Tune([(60, HALF), (100, HALF)], metre=(1, 4)),
    ]
    actual = Composer().score(path, melodies(new), None)
    assert np.isfinite(actual.values).all()
    counts = {lack.name: (lack.count, lack.total) for lack in actual.lacks}
    assert counts == {
        "unknown_durations": (2, 5),
        "unknown_pitches": (1, 5),
        "unknown_positions": (2, 5),
        "unknown_metres": (1, 2),
    }
    assert str(actual.lacks[0]) == "notes with a duration that the model lacks: 2 of 5"


def test_an_earlier_composer_takes_its_floor_from_its_training_pieces(tmp_path: Path) -> None:
    data, new = melodies(random_tunes(12, 3), 3), melodies(random_tunes(4, 1, seed=5))
    now = Composer().score(trained_file(tmp_path / "now.pt", data), new, None)
    earlier = trained_file(tmp_path / "earlier.pt", data, floor="left out", fifths="left out")
    np.testing.assert_array_equal(Composer().score(earlier, new, data).values, now.values)
    with pytest.raises(BadInputError, match=r"earlier\.pt: .* the corpus is not available"):
        Composer().score(earlier, new, None)
    other = melodies([*random_tunes(12, 3), Tune([(99, Fraction(9))])], 3)
    with pytest.raises(BadInputError, match=r"by hand has other .* now"):
        Composer().score(earlier, new, other)


def test_a_composer_from_before_copying_has_the_same_scores(tmp_path: Path) -> None:
    tunes = random_tunes(16)
    path = trained(tmp_path / "model.pt", tunes, copying="off")
    new = melodies(random_tunes(4, 1, seed=5))
    now = Composer().score(path, new, None)
    actual = Composer().score(as_before_copying(path), new, melodies(tunes))
    np.testing.assert_array_equal(actual.values, now.values)


def test_a_damaged_composer_is_refused(tmp_path: Path) -> None:
    path = trained_file(tmp_path / "model.pt", melodies(KNOWN), floor={"eps": 0.1})
    with pytest.raises(BadInputError, match="not a complete composer"):
        Composer().score(path, melodies(KNOWN), None)
