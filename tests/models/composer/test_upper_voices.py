"""A composer that hears the higher voices of a score: its inputs, its distribution, and what it learns."""

from dataclasses import replace
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from data_prep.corpora.selection import select
from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import NO_VOICE, no_voices
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.prepared.refitting import for_refit, for_test
from data_prep.tunes import notation
from models.composer.composing.steps import ComposerSteps
from models.composer.composing.tune_composer import TuneComposer
from models.composer.family import Composer
from models.composer.memorising import lesson_spec
from models.composer.objective import piece_costs
from models.composer.scoring import score_tunes
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.composer.upper_voices import UpperVoices, upper_rows
from models.folded.torch_typing import tensor
from models.training import checkpoint
from models.training.loop import LockstepTraining
from models.uses.request import SamplingRequest
from tests.hand_melodies import Tune, melodies, random_tunes, two_voices
from tests.models.closeness import assert_close
from tests.models.trained_composers import trained

G = 3
HALF, ONE = Fraction(1, 2), Fraction(1)


def raised(tune: Tune) -> Tune:
    """Return a tune three semitones higher."""
    return replace(tune, notes=[(pitch if pitch == REST else pitch + 3, length) for pitch, length in tune.notes])


def task(data: Melodies, **settings: Any) -> ComposerTask:
    small = {"size": 5, "embedding": 4, "copying_units": 4, "batch_size": 4, "length": 8}
    spec = ComposerSpec.model_validate({**small, "conditioning": "upper_voices", **settings})
    made = ComposerTask(spec, data, seed=3, trial=1, device="cpu")
    made.model.double()
    assert made.model.upper is not None
    torch.nn.init.normal_(made.model.upper.table, generator=torch.Generator().manual_seed(1))
    return made


def log_p(made: ComposerTask) -> np.ndarray[Any, np.dtype[np.float64]]:
    return made.note_log_probabilities(made.encoding.sequences)[0]


def test_the_sum_of_rows_equals_a_loop() -> None:
    module = UpperVoices(2, 3).double()
    table = torch.nn.init.normal_(module.table, generator=torch.Generator().manual_seed(0))
    rows = torch.randint(-1, table.shape[1], (2, 5, 4, 9), generator=torch.Generator().manual_seed(1))
    expected = torch.zeros(2, 5, 4, 3, dtype=torch.float64)
    for fold, step, sequence, place in np.ndindex(*rows.shape):
        row = int(rows[fold, step, sequence, place])
        if row >= 0:
            expected[fold, step, sequence] += table[fold, row].detach()
    assert_close(module(rows), expected)
    module(rows).sum().backward()
    used = torch.zeros_like(table)
    for fold in range(2):
        used[fold].index_add_(0, rows[fold][rows[fold] >= 0], torch.ones(int((rows[fold] >= 0).sum()), 3).double())
    assert table.grad is not None
    assert_close(table.grad, used)


def test_rows_tell_everything_that_is_heard_apart() -> None:
    upper = no_voices(8)
    upper[1, 0] = (60, 62, 1.0, True)
    upper[2, 0] = (60, 62, 1.0, False)
    upper[3, 0] = (60, 62, 0.5, True)
    upper[4, 0] = (60, REST, 1.0, True)
    upper[5, 0] = (REST, 62, 1.0, True)
    upper[6, 0] = (60, NO_VOICE, 1.0, True)
    upper[7, 1] = (60, 62, 1.0, True)
    rows = upper_rows(upper, np.zeros(8, np.int64))
    assert (rows[0] < 0).all()
    assert len({tuple(sorted(of_note[of_note >= 0])) for of_note in rows}) == 8
    assert (rows >= 0).sum(axis=1).tolist() == [0, 3, 3, 3, 3, 3, 2, 3]


def test_rows_are_transposed_with_the_notes() -> None:
    upper = no_voices(3)
    upper[0, 0], upper[1, 0] = (60, REST, 1.0, True), (127, 0, 1.0, True)
    moved = no_voices(3)
    moved[0, 0], moved[1, 0] = (63, REST, 1.0, True), (2, 3, 1.0, True)
    expected = upper_rows(moved, np.zeros(3, np.int64))
    np.testing.assert_array_equal(upper_rows(upper, np.full(3, 3)), expected)
    np.testing.assert_array_equal(upper_rows(upper, np.array(3)), expected)


@pytest.mark.parametrize("copying", ["off", "match+bars"])
def test_probabilities_of_the_next_event_sum_to_one(copying: str) -> None:
    """The events of a lower voice differ in length, so that their successors would hear different notes."""
    top = Tune([(72, HALF), (74, ONE), (REST, HALF), (76, ONE), (77, HALF), (79, ONE)], metre=(1, 4))
    past = [(60, HALF), (62, ONE), (60, HALF), (62, HALF)]
    events = list(product([REST, *range(NUM_PITCHES)], (HALF, ONE)))
    known = [replace(Tune([*past, (61, ONE)], 1, metre=(1, 4)), above=[top]), Tune(past, 1, metre=(1, 4))]
    for size in (1, 2, 4):
        tunes = [
            Tune([*past[:size], *more], 0, metre=(1, 4), above=[top]) for more in ([], *([event] for event in events))
        ]
        made = task(melodies([*known, *tunes]), copying=copying)
        nats = piece_costs(made.encoding, made.encoding.sequences, log_p(made))[2:]
        assert np.exp(nats[0] - nats[1:]).sum() == pytest.approx(1.0, abs=1e-9)


def test_the_header_is_charged_as_voices_that_disagree_in_it_are_not_heard() -> None:
    data = melodies(two_voices(6, G), num_folds=G)
    off, beat = (task(data, beat=beat, copying="off").encoding.sequences.header_cost for beat in ("off", "input"))
    np.testing.assert_array_equal(off, beat)
    assert (off > 0).all()


def test_notes_depend_on_what_they_hear_and_on_no_later_note() -> None:
    tunes = two_voices(6, G)
    made = task(melodies(tunes, num_folds=G))
    before = log_p(made)
    data = made.encoding.melodies
    upper = data.upper.copy()
    changed = int(data.start[1]) + 5  # a note of the first lower voice
    upper["next"][changed, 0] = 100
    after = log_p(task(replace(data, upper=upper)))
    rows = np.flatnonzero(before != after)
    assert rows.min() == changed
    assert rows.max() < data.start[2]


def test_what_is_heard_moves_with_the_frame_of_a_piece() -> None:
    """A trained model predicts a score in the frame three semitones above as it predicts the score three higher."""
    tunes = two_voices(6, G)
    up = [replace(raised(tune), above=[raised(top) for top in tune.above]) for tune in tunes]
    made = task(melodies(tunes, num_folds=G), transpose=True, copying="off")
    known = MelodyVocabulary.from_json(made.vocabulary)
    moved = ComposerTask(made.spec, melodies(up, num_folds=G), seed=3, trial=1, device="cpu", known=known)
    moved.model.double().load_state_dict(made.model.state_dict())
    one, _ = made.note_log_probabilities(made.encoding.at_shift(3))
    other, _ = moved.note_log_probabilities(moved.encoding.at_shift(0))
    assert np.isfinite(one).any()
    np.testing.assert_allclose(one, other)


@pytest.mark.parametrize("settings", [{"embedding": 16}, {"augment": 2, "input": "token"}], ids=str)
def test_training_learns_from_the_voice_above(settings: dict[str, Any]) -> None:
    data = melodies(two_voices(40, 2), num_folds=2)
    lower = np.arange(data.num_pieces) % 2 == 1
    nats: dict[str, float] = {}
    for conditioning in ("off", "upper_voices"):
        values = {"size": 24, "lr": 0.02, "batch_size": 4, "epochs": 10, "dropout": 0.0, "copying": "off", **settings}
        spec = ComposerSpec.from_values({**values, "conditioning": conditioning})
        made = ComposerTask(spec, data, seed=0, trial=0, device="cpu")
        for _ in LockstepTraining(made, spec).epochs():
            pass
        cost = piece_costs(made.encoding, made.encoding.sequences, log_p(made)) / np.diff(data.start)
        nats[conditioning] = float(cost[lower].mean())
    assert nats["upper_voices"] < nats["off"] - 0.5


def test_scores_of_unseen_scores_equal_those_of_the_test_set(tmp_path: Path) -> None:
    """One network that all pieces train is scored on its own, and as part of its corpus."""
    data = melodies(two_voices(12, 2), num_folds=2)
    learnt, sealed = select(data, range(16)), select(data, range(16, 24))
    spec = ComposerSpec.from_values(
        {"size": 8, "embedding": 6, "epochs": 1, "batch_size": 4, "conditioning": "upper_voices"}
    )
    made = ComposerTask(spec, for_test(learnt, sealed), seed=0, trial=0, device="cpu")
    for _ in LockstepTraining(made, spec).epochs():
        pass
    cost = piece_costs(made.encoding, made.encoding.sequences, log_p(made))[16:] / np.diff(sealed.start)
    path = saved(tmp_path / "model.pt", made, spec)
    np.testing.assert_allclose(score_tunes(path, sealed, None).values, cost, rtol=1e-4)
    deaf = replace(sealed, upper=no_voices(sealed.num_notes))
    without = score_tunes(path, deaf, None).values
    np.testing.assert_allclose(without[::2], cost[::2], rtol=1e-4)
    assert (without[1::2] != cost[1::2]).all()


def saved(path: Path, made: ComposerTask, spec: ComposerSpec) -> Path:
    """Save the trained networks of a task."""
    extra = {"family": "composer", "seed": 0, "trial": 0, "vocabulary": dict(made.vocabulary)}
    checkpoint.save(path, made.model.state_dict(), spec, extra)
    return path


def test_a_single_tune_is_a_top_voice(composer: TuneComposer) -> None:
    request = SamplingRequest(bars=4, metre="4/4")
    tunes = composer.compose(request, count=3, seed=2)
    assert all(sum(tune.duration) == 16 for tune in tunes)
    assert len({tune.pitch for tune in tunes}) == 3
    (remark,) = composer.remarks(request)
    assert remark.startswith("the model predicts a voice from the higher voices of its score")


@pytest.mark.parametrize("kind", ["token", "factored"])
def test_steps_of_composing_equal_the_model(kind: str) -> None:
    made = task(melodies(two_voices(6, G), num_folds=G), input=kind, copying="off", beat="off")
    heard_rows = upper_rows(made.encoding.melodies.upper[[3, 20, 40, 60, 5, 14]], np.zeros(6, np.int64)).reshape(
        3, 2, 9
    )
    assert (heard_rows >= 0).any()
    assert (heard_rows < 0).any()
    tokens = torch.tensor([[made.model.begin] * 2, [0, 1], [1, 2]]).expand(G, -1, -1)
    asked = torch.arange(made.encoding.num_tokens).expand(G, 3, 2, -1)
    steps = ComposerSteps(made.model, made.encoding.vocabulary)
    for rows in (heard_rows, None):
        numbers = np.full((3, 2, 9), -1) if rows is None else rows
        upper = tensor(numbers).expand(G, -1, -1, -1)
        log_p, _ = made.model.log_probabilities(tokens, tokens, asked, upper=upper)
        expected = (torch.logsumexp(log_p, dim=0) - np.log(G)).numpy()
        known = made.encoding.seen.any(axis=0)
        state = steps.start(2)
        for step in range(3):
            row = None if rows is None else rows[step]
            actual = steps.step(tokens[0, step].numpy(), np.zeros(2, np.int64), state, upper=row)
            np.testing.assert_allclose(actual[:, known], expected[step][:, known], atol=1e-4)


@pytest.fixture(scope="module")
def composer(tmp_path_factory: pytest.TempPathFactory) -> TuneComposer:
    """A composer that has learnt that a lower voice moves with the voice above, eight semitones below."""
    settings: dict[str, Any] = {
        "size": 24,
        "embedding": 64,
        "lr": 0.02,
        "epochs": 14,
        "dropout": 0.0,
        "copying": "off",
        "augment": 2,
    }
    path = tmp_path_factory.mktemp("composer") / "model.pt"
    return TuneComposer.load(trained(path, two_voices(40, 2), **settings, conditioning="upper_voices"))


def test_the_voices_of_a_score_hear_each_other(composer: TuneComposer) -> None:
    request = SamplingRequest(bars=4, voices=2, temperature=0.5, end_on_tonic=False)
    tunes = composer.compose(request, count=6, seed=3)
    assert len(tunes) == 12
    follows = list[bool]()
    for top, below in zip(tunes[::2], tunes[1::2], strict=True):
        assert (top.metre, top.pickup, top.fifths, top.mode) == (below.metre, below.pickup, below.fifths, below.mode)
        assert sum(top.duration) == sum(below.duration) == 4 * top.bar_length
        sounding = dict(zip(top.onsets(), top.pitch, strict=True))
        follows += [
            sounding.get(onset) == (pitch if pitch == REST else pitch + 8)
            for onset, pitch in zip(below.onsets(), below.pitch, strict=True)
        ]
    assert np.mean(follows) > 0.5
    assert composer.compose(request, count=2, seed=3) == tunes[:4]
    assert not composer.remarks(request)


def test_a_voice_below_given_voices(composer: TuneComposer) -> None:
    above = Tune([(72, ONE), (74, ONE), (76, ONE)] * 4)
    given = notation.Tune(tuple(p for p, _ in above.notes), tuple(n for _, n in above.notes), (3, 4), fifths=1)
    (tune,) = composer.compose(SamplingRequest(bars=4, above=(given,)), seed=1)
    assert (tune.metre, tune.fifths, sum(tune.duration)) == ((3, 4), 1, 12)
    (alone,) = composer.compose(SamplingRequest(bars=4, metre="3/4", key="G"), seed=1)
    assert tune.pitch != alone.pitch


def test_too_many_voices_and_voices_without_notes() -> None:
    with pytest.raises(BadInputError, match="a score has from 1 to 4 voices: got 5"):
        SamplingRequest(voices=5)
    with pytest.raises(BadInputError, match="a score has from 1 to 4 voices: got 0"):
        SamplingRequest(voices=0)
    with pytest.raises(BadInputError, match="a voice above has at least one note"):
        SamplingRequest(above=(notation.Tune((), ()),))


def test_a_model_that_hears_nothing_composes_no_scores(tmp_path: Path) -> None:
    deaf = TuneComposer.load(trained(tmp_path / "model.pt"))
    rule = "scores of several voices need a model that hears the voices above.*; compose single tunes, or train"
    with pytest.raises(BadInputError, match=rule):
        deaf.compose(SamplingRequest(voices=2))


def test_a_refit_on_all_pieces_hears() -> None:
    made = task(for_refit(melodies(two_voices(6, G), num_folds=G), 2))
    assert made.num_folds == 2
    assert not made.holds_out


def test_a_corpus_of_single_voices_is_refused() -> None:
    rule = "conditioning = upper_voices needs scores with several voices: by hand has none .*; set conditioning = off"
    with pytest.raises(BadInputError, match=rule):
        task(melodies(random_tunes(6, G), num_folds=G))


def test_a_search_of_single_voices_is_told_before_its_trials_fail() -> None:
    tried = {"reading": ["sounding"], "copying": ["off"], "conditioning": ["off", "upper_voices"]}
    remark = "no piece of by hand has a voice above it: conditioning = upper_voices will fail"
    assert list(Composer().remarks(tried, melodies(random_tunes(6, G)))) == [remark]
    assert not Composer().remarks(tried, melodies(two_voices(6)))
    assert not Composer().remarks({**tried, "conditioning": ["off"]}, melodies(random_tunes(6, G)))


def test_settings_that_exclude_the_conditioning() -> None:
    with pytest.raises(BadInputError, match=r"conditioning = upper_voices changes nothing here.*reading = sounding"):
        ComposerSpec.from_values({"conditioning": "upper_voices", "reading": "literal", "copying": "off"})
    with pytest.raises(BadInputError, match=r"conditioning cannot be chosen here.*one voice.*leave out conditioning"):
        lesson_spec({"conditioning": "upper_voices"}, 8, 10)


def test_settings_stored_before_the_conditioning_are_read() -> None:
    stored = ComposerSpec().model_dump()
    del stored["conditioning"]
    assert ComposerSpec.from_stored(stored) == ComposerSpec()
