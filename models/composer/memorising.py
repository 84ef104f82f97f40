"""How a composer that learnt one tune alone continues its beginning.

Source: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", section 4.1 and figure 4. Their network learnt Mary Had
a Little Lamb and continued its first four bars. It took the most likely note each time, and saw no more than the last
N notes, as in training. Ours differs: it has 128 units for 512, a note enters as a one-hot and not as a number, and all
notes of a training window are predicted and not only its last.

Symbols: N notes that the model sees, n notes of the tune, g of them given, V tokens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from types import MappingProxyType

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

DEFAULTS: Mapping[str, Value] = MappingProxyType(
    {
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
)
"""The settings unless others are chosen."""

FIXED = ("reading", "copying", "length", "windows_per_epoch", "epochs")
"""Settings that cannot be chosen: every note is read, nothing is copied, and N and the iterations give the rest."""


def lesson_bounds() -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the fewest and most inputs, and the fewest and most iterations."""
    inputs, iterations = (ComposerSpec.settings()[name].whole_bounds for name in ("length", "epochs"))
    return inputs, iterations


def lesson_spec(values: Mapping[str, Value], num_inputs: int, iterations: int, where: str = "") -> ComposerSpec:
    """Return the settings of a model that learns one tune.

    Args:
        values: Settings that differ from DEFAULTS.
        num_inputs: N, the length of a training window.
        iterations: Steps, each of as many windows as a batch has; an epoch is one.
        where: Where the values come from, for the error.

    Returns:
        The settings.

    Raises:
        BadInputError: For one of FIXED, and as ``ComposerSpec.from_values``.
    """
    for name in FIXED:
        if name in values:
            raise BadInputError(
                f"{name} cannot be chosen here",
                "the number of inputs is the length of a window, an epoch is one iteration, every note is read, and "
                "nothing is copied",
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
        spec: What ``lesson_spec`` gave.
        iterations: After which iterations, ascending; the last is the spec's number of epochs.
        seed: Names the streams of initial weights, windows and dropout.
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
                f"with {counted(spec.length, 'input')} it is not after {counted(report.epoch, 'iteration')}",
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
            pitch=tuple(int(one) for one in pitch),
            duration=tuple(encoding.vocabulary.durations[int(one)] for one in duration),
        ),
        right=tuple(bool(one) for one in (tokens == learnt)[tune.num_prompt :]),
    )


class Clock:
    """Where in the bar the next note begins of a tune that is made token by token."""

    def __init__(self, vocabulary: MelodyVocabulary, bar_length: Fraction, pickup: Fraction) -> None:
        """Start at the beginning.

        Args:
            vocabulary: What tokens mean.
            bar_length: Of a full bar, in quarter notes.
            pickup: Of the tune, in quarter notes.
        """
        self._duration = [vocabulary.durations[int(one)] for one in vocabulary.token_duration]
        self._number = {position: number for number, position in enumerate(vocabulary.positions)}
        self._bar_length = bar_length
        self._onset = -pickup

    @property
    def position(self) -> int:
        """The number of the bar position, one beyond the vocabulary's if that lacks it."""
        return self._number.get(self._onset % self._bar_length, len(self._number))

    def advance(self, token: int) -> None:
        """Advance by a token's duration."""
        self._onset += self._duration[token]


def continuation(
    steps: ComposerSteps, clock: Clock, given: NDArray[np.int64], num_notes: int, num_inputs: int
) -> NDArray[np.int64]:
    """Continue with the most likely token each time, of a model that sees only the last N.

    Args:
        steps: The model.
        clock: At the beginning of the tune.
        given: [g] the first tokens.
        num_notes: n.
        num_inputs: N; what begins a piece counts as an input too, as in training.

    Returns:
        [n] tokens, the given ones included.
    """
    inputs, positions = [steps.begin], [clock.position]
    for index in range(num_notes):
        if index < len(given):
            token = int(given[index])
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
