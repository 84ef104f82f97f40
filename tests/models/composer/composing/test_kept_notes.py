"""Kept bars: exactly kept, full bars around them, reproducible, and continuations that lead to them."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_prep.errors import BadInputError
from data_prep.pitches import REST
from data_prep.tunes.notation import Tune
from models.composer.composing import kept_notes
from models.composer.composing.batch import Batch
from models.composer.composing.draft import Draft, Given
from models.composer.composing.kept_notes import Gap, gaps
from models.composer.composing.tune_composer import TuneComposer
from models.uses.kept_bars import KeptBars
from models.uses.request import SamplingRequest
from tests.models.trained_composers import trained

ONE = Fraction(1)
KINDS: dict[str, dict[str, Any]] = {
    "bar positions in tokens": {"beat": "target"},
    "in C": {"transpose": True},
    "without rests": {"reading": "literal", "beat": "input"},
    "without copying": {"copying": "off"},
    "in all keys": {"augment": 3},
}
TUNE = Tune((60, 62, 64, 65), (ONE, 2 * ONE, 3 * ONE, 2 * ONE), metre=(2, 4), pickup=ONE)


@pytest.fixture(scope="module", params=KINDS)
def composer(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TuneComposer:
    return TuneComposer.load(trained(tmp_path_factory.mktemp("model") / "model.pt", **KINDS[request.param]))


def test_the_notes_of_kept_bars_stay_and_the_others_fill_the_bars(composer: TuneComposer) -> None:
    for seed, bars in enumerate([{1}, {2, 3}, {4, 8}, {1, 3, 5, 7}, {8}, set[int](), set(range(1, 9))]):
        (tune,) = composer.compose(SamplingRequest(bars=8), seed=seed)
        kept = KeptBars(tune, frozenset(bars))
        for length in (8, 11):
            new, other = composer.compose(SamplingRequest(bars=length, kept=kept), count=2, seed=7)
            assert set(kept.notes()) <= notes(new)
            assert sum(new.duration) == length * new.bar_length
            assert (new.metre, new.pickup, new.fifths, new.mode) == (tune.metre, tune.pickup, tune.fifths, tune.mode)
            assert composer.compose(SamplingRequest(bars=length, kept=kept), count=2, seed=7) == [new, other]
        assert (new != other) == (len(bars) < 8 or length > 8)


def notes(tune: Tune) -> set[tuple[Fraction, int, Fraction]]:
    return set(zip(tune.onsets(), tune.pitch, tune.duration, strict=True))


def test_rests_and_notes_across_bar_lines_are_kept_where_they_sound(composer: TuneComposer) -> None:
    tune = Tune((60, REST, 64, 67, 60), (ONE * 3, ONE * 2, ONE * 2, ONE * 5, ONE * 4))
    for bars in ({1}, {2}, {3}, {1, 4}):
        kept = KeptBars(tune, frozenset(bars))
        (new,) = composer.compose(SamplingRequest(bars=4, kept=kept, metre="4/4"), seed=3)
        assert set(kept.notes()) <= notes(new)
        assert sum(new.duration) == 16


def test_notes_count_in_every_bar_in_which_they_sound() -> None:
    assert KeptBars(TUNE, frozenset()).numbers == (0, 4)
    sounding = {bar: [pitch for _, pitch, _ in KeptBars(TUNE, frozenset({bar})).notes()] for bar in range(5)}
    assert sounding == {0: [60], 1: [62], 2: [64], 3: [64, 65], 4: [65]}


@given(st.sets(st.integers(0, 11)))
def test_gaps_are_what_is_not_kept(kept: set[int]) -> None:
    found = gaps({onset: Given(0, 60, 1) for onset in kept}, 12)
    free = [at for at in range(12) if at not in kept]
    if not free:
        assert found == [Gap(12, 12, 12)]
        return
    assert [gap.end for gap in found] == [at + 1 for at in free if at + 1 not in free]
    assert [gap.begin for gap in found] == [at for at in free if at - 1 not in free]
    for gap in found:
        assert set(range(gap.end, gap.until)) <= kept
        assert gap.until not in kept


@contextmanager
def candidates(number: int) -> Generator[list[float]]:
    """Set the number of candidates, and collect the log probabilities of what follows those that are chosen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kept_notes, "NUM_CANDIDATES", number)
        chosen: list[float] = []
        notes_of = Draft.notes

        def noted(draft: Draft) -> dict[int, Given]:
            chosen.append(draft.weight)
            return notes_of(draft)

        patch.setattr(Draft, "notes", noted)
        yield chosen


def test_the_kept_notes_are_likelier_after_the_best_of_several_candidates(tmp_path: Path) -> None:
    composer = TuneComposer.load(trained(tmp_path / "model.pt"))
    means: list[float] = []
    for number in (1, 16):
        with candidates(number) as chosen:
            for seed in range(12):
                (tune,) = composer.compose(SamplingRequest(bars=4), seed=seed)
                composer.compose(SamplingRequest(bars=4, kept=KeptBars(tune, frozenset({2, 4}))), seed=seed)
            means.append(sum(chosen) / len(chosen))
    assert means[1] > means[0] + 0.2


def test_requests_that_contradict_the_kept_bars_are_refused() -> None:
    kept = KeptBars(TUNE, frozenset({1}))
    for words, values in {
        "kept bars are in the metre of their tune, 2/4: got 6/8": {"metre": "6/8"},
        r"at least as long as before \(4 bars\): got 3 bars": {"bars": 3},
        "bars are kept of a single tune": {"voices": 2},
    }.items():
        with pytest.raises(BadInputError, match=words):
            replace(SamplingRequest(bars=4, kept=kept), **values)
    with pytest.raises(BadInputError, match="numbered 0 to 4: bar 5 is not"):
        KeptBars(TUNE, frozenset({2, 5}))
    with pytest.raises(BadInputError, match="at least one note"):
        KeptBars(Tune((), ()), frozenset())


def test_a_copy_of_a_tune_goes_on_as_if_all_its_notes_were_read_again(composer: TuneComposer) -> None:
    def read_again(_: Batch, drafts: Sequence[Draft]) -> Batch:
        fresh = [replace(draft, pitch=[], ticks=[], onset=0, _tokens={}) for draft in drafts]
        batch = Batch(composer.spec, composer.vocabulary, composer.steps, fresh)
        for note in drafts[0].notes().values():
            if note.token is not None:
                batch.log_probabilities()
                batch.add(np.full(len(fresh), note.token))
            for draft in fresh:
                draft.append(note)
        batch.drafts = drafts
        return batch

    (tune,) = composer.compose(SamplingRequest(bars=6), seed=2)
    request = SamplingRequest(bars=6, kept=KeptBars(tune, frozenset({2, 4, 5})))
    (expected,) = composer.compose(request, seed=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Batch, "repeat_first", read_again)
        assert composer.compose(request, seed=5) == [expected]
