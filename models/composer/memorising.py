"""Train a composer on one tune alone and let it continue the tune's beginning.

Source: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", section 4.1 and figure 4. Their network learnt Mary Had
a Little Lamb and continued its first four bars. It took the most likely note each time, and saw only the last N notes,
as in training. Differences here: 128 units instead of 512, one-hot notes instead of numbers, and all notes of a
training window are predicted instead of only the last.

Symbols: N notes that the model sees, n notes of the tune, g notes of the prompt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.progress import Progress
from data_prep.tunes.lessons import Lesson
from data_prep.tunes.notation import Tune
from data_prep.wording import counted
from models.composer.composing.steps import ComposerSteps
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.spec import Value
from models.training.loop import LockstepTraining
from models.uses.offers import Recollection

DEFAULTS: Mapping[str, Value] = {
    "cell": "lstm",
    "size": 128,
    "input": "token",
    "head": "token",
    "initial": "tensorflow",
    "dropout": 0.0,
    "copying": "off",
    "beat": "off",
    "optimiser": "rmsprop",
    "lr": 1e-3,
    "schedule": "constant",
    "clip": 0.0,
    "batch_size": 1,
}
"""Default settings."""

FIXED = ("reading", "copying", "conditioning", "length", "windows_per_epoch", "epochs")
"""Settings that cannot be chosen: one voice is read with all its notes, nothing is copied, N and the iterations
determine the rest."""


def lesson_bounds() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the fewest and most inputs, and the fewest and most iterations."""
    inputs, iterations = (ComposerSpec.settings()[name].whole_bounds for name in ("length", "epochs"))
    return inputs, iterations


def lesson_spec(values: Mapping[str, Value], num_inputs: int, iterations: int, where: str = "") -> ComposerSpec:
    """Return the settings of a model that learns one tune.

    Args:
        values: Settings that differ from DEFAULTS.
        num_inputs: N, the length of a training window.
        iterations: Steps of one batch; an epoch is one step.
        where: Source of the values, for the error.

    Returns:
        The settings.

    Raises:
        BadInputError: If a setting of FIXED is among the values, or ``ComposerSpec.from_values`` raises it.
    """
    for name in FIXED:
        if name in values:
            raise BadInputError(
                f"{name} cannot be chosen here",
                "the number of inputs is the length of a window, an epoch is one iteration, all notes of one "
                "voice are read, and nothing is copied",
                where,
                f"leave out {name} = {values[name]}",
            )
    chosen = ComposerSpec.changed(DEFAULTS, values)
    fixed = {"length": num_inputs, "windows_per_epoch": chosen["batch_size"], "epochs": iterations}
    return ComposerSpec.from_values({**chosen, **fixed}, where)


def memorise(
    lesson: Lesson, spec: ComposerSpec, iterations: Sequence[int], *, seed: int, progress: Progress
) -> Iterator[Recollection]:
    """Train a model on one tune, and continue the tune's first bars after some of the iterations.

    Args:
        lesson: The tune.
        spec: Output of ``lesson_spec``.
        iterations: Iterations after which to continue the tune, ascending; the last is the spec's number of epochs.
        seed: Seed of initial weights, windows and dropout.
        progress: Advances with each iteration.

    Yields:
        A recollection for each number of iterations.

    Raises:
        BadInputError: If the training diverges.
    """
    task = ComposerTask(spec, lesson.melodies, seed=seed, trial=0, device="cpu")
    training = LockstepTraining(task, spec)
    waiting = list(iterations)
    for report in training.epochs():
        progress.advance(1)
        if not all(values.is_finite for values in report.metrics.values()):
            raise BadInputError(
                "a loss must stay finite",
                f"with {counted(spec.length, 'input')} it is not finite after {counted(report.epoch, 'iteration')}",
                remedy=f"choose a smaller lr ({spec.lr:g}), or clip gradients",
            )
        if report.epoch == waiting[0]:
            waiting.pop(0)
            yield _recollect(lesson.tune, task, report.epoch)


def _recollect(tune: Tune, task: ComposerTask, iterations: int) -> Recollection:
    encoding, num_inputs = task.encoding, task.spec.length
    learnt = encoding.sequences.token.astype(np.int64)
    steps = ComposerSteps(task.model, encoding.vocabulary)
    clock = Clock(encoding.vocabulary, tune.bar_length, tune.pickup)
    tokens = continuation(steps, clock, learnt[: tune.num_prompt], len(learnt), num_inputs)
    pitch, duration, _ = encoding.decode(tokens, int(encoding.sequences.shift[0]))
    return Recollection(
        num_inputs=num_inputs,
        iterations=iterations,
        tune=replace(
            tune,
            pitch=tuple(pitch.tolist()),
            duration=tuple(encoding.vocabulary.durations[int(number)] for number in duration),
        ),
        right=tuple((tokens == learnt)[tune.num_prompt :].tolist()),
    )


class Clock:
    """Tracks the bar position of the next note while a tune is made token by token."""

    def __init__(self, vocabulary: MelodyVocabulary, bar_length: Fraction, pickup: Fraction) -> None:
        """Start at the beginning of the tune.

        Args:
            vocabulary: The tokens.
            bar_length: Length of a full bar (quarter notes).
            pickup: Length of the pickup (quarter notes).
        """
        self._duration = [vocabulary.durations[int(number)] for number in vocabulary.token_duration]
        self._number = {position: number for number, position in enumerate(vocabulary.positions)}
        self._bar_length = bar_length
        self._onset = -pickup

    @property
    def position(self) -> int:
        """Number of the bar position; the number of positions if the vocabulary lacks it."""
        return self._number.get(self._onset % self._bar_length, len(self._number))

    def advance(self, token: int) -> None:
        """Advance by a token's duration."""
        self._onset += self._duration[token]


def continuation(
    steps: ComposerSteps, clock: Clock, prompt: NDArray[np.int64], num_notes: int, num_inputs: int
) -> NDArray[np.int64]:
    """Continue a tune with the most likely token each time, by a model that sees only the last N inputs.

    Args:
        steps: The model.
        clock: The clock at the beginning of the tune.
        prompt: [g] tokens of the prompt.
        num_notes: n.
        num_inputs: N; the begin symbol counts as an input too, as in training.

    Returns:
        [n] tokens, including the prompt.
    """
    inputs, positions = [steps.begin], [clock.position]
    for index in range(num_notes):
        if index < len(prompt):
            token = int(prompt[index])
        else:
            token = _most_likely(steps, inputs[-num_inputs:], positions[-num_inputs:])
        clock.advance(token)
        inputs.append(token)
        positions.append(clock.position)
    return np.array(inputs[1:], np.int64)


def _most_likely(steps: ComposerSteps, inputs: Sequence[int], positions: Sequence[int]) -> int:
    """Return the most likely token after some inputs, from a zero state."""
    state, log_p = steps.start(1), np.zeros((1, 1))
    for token, position in zip(inputs, positions, strict=True):
        log_p = steps.step(np.array([token]), np.array([position]), state)
    return int(log_p[0].argmax())
