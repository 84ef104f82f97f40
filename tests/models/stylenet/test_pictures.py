"""Pictures of a trial show held-out performances only."""

from pathlib import Path

import numpy as np

from data_prep.performances.arrays import Performance
from data_prep.prepared.corpus import prepare
from data_prep.storage.urls import store_at
from models.families import family
from models.stylenet.pictures import held_out
from models.uses.offers import ExampleFamily
from search.trials.files import TrialFiles, model_path
from search.trials.training import train_trial
from tests import hand_midi
from tunesmith.playing.music import music_of_performance

VELOCITIES = ("velocities", "distinct_velocities")


def test_a_trial_with_a_single_split_is_drawn_with_its_held_out_performances(tmp_path: Path) -> None:
    for number in range(12):
        style = tmp_path / "performances" / "ab"[number % 2]
        style.mkdir(parents=True, exist_ok=True)
        (style / f"{number}.mid").write_bytes(hand_midi.performance(number, length=66))
    data = prepare(
        str(tmp_path / "performances"), kind="performances", num_folds=4, holdout=True, cache=tmp_path / "cache"
    ).data
    for style in range(2):
        pieces = held_out(data, style)
        assert len(pieces)
        assert not np.any(data.fold[pieces])
    stylenet, files = family("stylenet"), TrialFiles(store_at(tmp_path))
    spec = stylenet.spec_type(epochs=1, size=4, length=64)
    train_trial(stylenet, spec, data, lambda _: None, seed=0, number=0, files=files, device="cpu")
    names = [name for name, _ in stylenet.pictures(model_path(tmp_path, 0), data)]
    assert names == ["snapshot_a", "piano_roll_a", "encoding", "snapshot_b", "piano_roll_b", *VELOCITIES]
    assert isinstance(stylenet, ExampleFamily)
    examples = stylenet.examples(model_path(tmp_path, 0), data)
    assert [list(example.versions) for example in examples] == [["flat", "by the model", "as played"]] * 2
    assert [example.title.count(style) for example, style in zip(examples, "ab", strict=True)] == [1, 1]
    for example in examples:
        flat, model, person = (version for version in example.versions.values() if isinstance(version, Performance))
        assert np.array_equal(flat.onset, person.onset)
        assert np.array_equal(model.pitch, person.pitch)
        assert 0 < np.ptp(flat.onset) < 32
        assert np.ptp(flat.velocity) == 0 < np.ptp(person.velocity)
        [(first, *_), *_] = music_of_performance(model, "").notes
        assert first == 0
        assert [velocity for *_, velocity in music_of_performance(model, "").notes] == model.velocity.tolist()
