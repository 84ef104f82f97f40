"""Memorising one tune: it succeeds after enough steps, and a model sees only its N inputs."""

from fractions import Fraction
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from data_prep.errors import BadInputError
from data_prep.progress import Silent
from data_prep.randomness import stream
from data_prep.tunes.lessons import Lesson, read_lesson
from data_prep.writers.files import write
from models.composer.composing.steps import ComposerSteps
from models.composer.memorising import Clock, Recollection, continuation, lesson_spec, memorise
from models.composer.task import ComposerTask
from models.spec import Value
from tests.hand_tunes import JIG

QUICK: dict[str, Value] = {"size": 64, "optimiser": "adam", "lr": 5e-3}
"""Settings that learn a tune in a few hundred steps."""


@pytest.fixture(scope="module")
def mary() -> Lesson:
    return read_lesson(None, 4)[0]


def recollections(lesson: Lesson, inputs: int, iterations: list[int], **values: Value) -> list[Recollection]:
    spec = lesson_spec(values, inputs, iterations[-1])
    return list(memorise(lesson, spec, iterations, seed=0, progress=Silent()))


def test_eight_inputs_memorise_the_tune_and_one_does_not(mary: Lesson) -> None:
    early, late = recollections(mary, 8, [10, 400], **QUICK)
    assert (early.iterations, late.iterations) == (10, 400)
    assert early.share < 1.0
    assert late.share == 1.0
    assert late.tune == mary.tune
    assert late.tune.num_prompt == 13
    (single,) = recollections(mary, 1, [200], **QUICK)
    assert single.share < 1.0  # D, E or G follows E
    assert single.tune.pitch[:13] == mary.tune.pitch[:13]


def test_with_one_input_the_next_note_depends_only_on_the_previous_one(mary: Lesson) -> None:
    (single,) = recollections(mary, 1, [40], **QUICK)
    made = list(zip(single.tune.pitch, single.tune.duration, strict=True))[mary.tune.num_prompt - 1 :]
    follower: dict[tuple[int, Fraction], tuple[int, Fraction]] = {}
    for before, after in pairwise(made):
        assert follower.setdefault(before, after) == after


@pytest.mark.parametrize("beat", ["off", "input", "target"])
@pytest.mark.parametrize("num_inputs", [1, 3, 7, 40])
def test_the_continuation_equals_the_model_run_on_each_window(beat: str, num_inputs: int, tmp_path: Path) -> None:
    (path,) = write(JIG, tmp_path, "jig", ["abc"])
    lesson, _ = read_lesson(path, 2)
    spec = lesson_spec({"beat": beat, "size": 12, "layers": 2, "cell": "peephole"}, num_inputs, 1)
    task = ComposerTask(spec, lesson.melodies, seed=4, trial=0, device="cpu")
    encoding, tune = task.encoding, lesson.tune
    prompt = encoding.sequences.token[: tune.num_prompt].astype(np.int64)
    steps = ComposerSteps(task.model, encoding.vocabulary)
    clock = Clock(encoding.vocabulary, tune.bar_length, tune.pickup)
    actual = continuation(steps, clock, prompt, 30, num_inputs)
    tokens = prompt.tolist()
    while len(tokens) < 30:  # the network of the training on windows of N inputs
        inputs = ([task.model.begin, *tokens])[-num_inputs:]
        lengths = [encoding.melodies.durations[int(encoding.token_duration[token])] for token in tokens]
        onsets = accumulate(lengths, initial=Fraction(0))
        places = [(onset - tune.pickup) % tune.bar_length for onset in onsets][-num_inputs:]
        known = encoding.melodies.positions
        rows = [known.index(place) if place in known else len(known) for place in places]
        asked = torch.arange(encoding.num_tokens).expand(1, len(inputs), 1, -1)
        window = [torch.tensor(values)[None, :, None] for values in (inputs, rows)]
        log_p = task.model.log_probabilities(window[0], window[1], asked)[0][0, -1, 0]
        tokens.append(int(log_p.argmax()))
    assert actual.tolist() == tokens


def test_notes_before_the_window_have_no_effect(mary: Lesson) -> None:
    task = ComposerTask(lesson_spec({"size": 16}, 5, 1), mary.melodies, seed=1, trial=0, device="cpu")
    steps, vocabulary = ComposerSteps(task.model, task.encoding.vocabulary), task.encoding.vocabulary
    prompt = task.encoding.sequences.token[:13].astype(np.int64)
    other = prompt.copy()
    other[:8] = stream(0, "other beginning").permutation(other[:8])
    assert (other != prompt).any()
    made = [
        continuation(steps, Clock(vocabulary, Fraction(4), Fraction(0)), tokens, 40, 5)[13:]
        for tokens in (prompt, other)
    ]
    assert made[0].tolist() == made[1].tolist()


def test_a_recollection_does_not_depend_on_earlier_ones(mary: Lesson) -> None:
    several = recollections(mary, 4, [3, 10, 20], size=8)
    (alone,) = recollections(mary, 4, [20], size=8)
    assert several[-1] == alone
    assert [recollection.iterations for recollection in several] == [3, 10, 20]


def test_a_model_in_c_continues_in_the_tunes_key(tmp_path: Path) -> None:
    (path,) = write(JIG, tmp_path, "jig", ["abc"])
    lesson, _ = read_lesson(path, 4)
    (late,) = recollections(lesson, 16, [150], **QUICK, transpose=True, beat="target")
    assert late.tune.pitch[: lesson.tune.num_prompt] == lesson.tune.pitch[: lesson.tune.num_prompt]
    assert late.share > 0.5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"length": 4}, r"length cannot be chosen here: .* \(--set\); leave out length = 4"),
        ({"reading": "literal"}, "reading cannot be chosen here"),
        ({"siez": 4}, "did you mean 'size'"),
        ({"cell": "gru", "initial": "tensorflow"}, "initial = tensorflow changes nothing here: it needs cell = rnn"),
        ({"batch_size": 0}, "batch_size = 0 is not legal"),
    ],
)
def test_illegal_settings_are_refused(values: dict[str, Value], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        lesson_spec(values, 8, 10, "--set")


def test_defaults_that_do_not_matter_under_the_chosen_settings_are_left_out(mary: Lesson) -> None:
    spec = lesson_spec({"cell": "gru", "input": "factored", "size": 8}, 2, 3)
    assert (spec.cell, spec.input, spec.initial, spec.length, spec.epochs) == ("gru", "factored", "torch", 2, 3)
    assert len(list(memorise(mary, spec, [3], seed=0, progress=Silent()))) == 1


def test_diverging_training_raises(mary: Lesson) -> None:
    with pytest.raises(BadInputError, match=r"a loss must stay finite: with 8 inputs .* choose a smaller lr \(10\)"):
        recollections(mary, 8, [60], size=8, optimiser="adamw", lr=10.0, weight_decay=10.0)
