"""Score unseen tunes by a trained composer on the objective of searches.

The probability of a note is the mean over the composer's G networks, mixed with one floor that is estimated from all
training pieces (``objective``). The grid of the floor has every pitch with every duration of the training corpus and of
the scored tunes; durations that only the scored tunes have count as unseen. So each note's cost is finite, and the
probabilities of all tunes on that grid sum to one. The same holds for unseen metres and pickups.

Symbols: P tunes, G networks, M kept notes of the tunes.
"""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.encodings.tokens import MelodyEncoding
from data_prep.encodings.vocabulary import MelodyVocabulary
from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.prepared.alphabets import under
from data_prep.prepared.refitting import for_every_fold, for_refit
from models.composer.model import ComposerModel
from models.composer.objective import mixed_costs, piece_costs
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask, melody_options
from models.family import Lack, Scored
from models.training import checkpoint

_TOKENS = ("token_pitch", "token_duration", "token_position", "durations", "positions", "metres")
"""The parts of a vocabulary that define how notes are numbered."""


def score_tunes(trained: Path, melodies: Melodies, learnt: Melodies | None) -> Scored:
    """Score tunes by a trained composer; see ``models.family.Family.score``.

    Args:
        trained: The composer's file.
        melodies: The tunes, under any alphabets.
        learnt: The open pieces of the training corpus, for a composer without a floor; None if unavailable.

    Returns:
        [P] nats per note, and the numbers of notes and tunes that only the floor covers.

    Raises:
        BadInputError: If the file is not a complete composer, or it has no floor and the training pieces are
            unavailable or have changed.
    """
    saved = checkpoint.load_trained(trained, "composer")
    try:
        spec = ComposerSpec.from_stored(saved.spec)
        vocabulary = with_floor(MelodyVocabulary.from_json(saved.extra["vocabulary"]), spec, learnt)
        checkpoint.check_weights(partial(ComposerModel, spec, vocabulary, seed=0, trial=0), saved.training)
        task = scoring_task(spec, vocabulary, melodies)
        task.model.load_state_dict(dict(saved.training))
    except BadInputError as error:
        raise BadInputError(f"{trained}: {error}") from None
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise checkpoint.incomplete_model(trained, "composer", error) from error
    return Scored(tune_scores(task), lacks(task))


def with_floor(vocabulary: MelodyVocabulary, spec: ComposerSpec, learnt: Melodies | None) -> MelodyVocabulary:
    """Return a vocabulary with a floor; one of an earlier version has none and gets that of the training pieces."""
    if vocabulary.floor is not None and vocabulary.token_fifths is not None:
        return vocabulary
    if learnt is None:
        raise BadInputError(
            "a composer of an earlier version needs its training corpus for the probability of unknown notes",
            "the corpus is not available",
            remedy="restore the corpus, or train the model again",
        )
    refitted = MelodyEncoding(for_refit(learnt), melody_options(spec)).vocabulary
    for name in _TOKENS:
        if not np.array_equal(getattr(refitted, name), getattr(vocabulary, name)):
            raise BadInputError(
                "a composer of an earlier version is scored with its training pieces",
                f"{learnt.corpus} has other {name.removeprefix('token_')}s now",
                remedy="restore its files, or train the model again",
            )
    return replace(vocabulary, token_fifths=refitted.token_fifths, floor=refitted.floor)


def scoring_task(spec: ComposerSpec, vocabulary: MelodyVocabulary, melodies: Melodies) -> ComposerTask:
    """Prepare tunes for a trained composer: a copy of each tune for every network, under the composer's alphabets.

    Args:
        spec: The composer's settings.
        vocabulary: The composer's vocabulary, with a floor.
        melodies: The P tunes.

    Returns:
        The task of G * P pieces; its weights must be loaded afterwards.
    """
    known = {name: getattr(vocabulary, name) for name in ("durations", "positions", "metres")}
    copies = for_every_fold(under(melodies, known), vocabulary.num_folds)
    return ComposerTask(spec, copies, seed=0, trial=0, device="cpu", known=vocabulary)


def tune_scores(task: ComposerTask) -> NDArray[np.float64]:
    """Score tunes under the mean probability of all networks, mixed over the frames with the priors of the frames.

    Args:
        task: Output of ``scoring_task``, with the composer's weights.

    Returns:
        [P] nats per note; lower is better.
    """
    costs = [
        piece_costs(task.encoding, frame, mean_of_networks(task.note_log_probabilities(frame)[0], task.num_folds))
        for frame in task.frames()
    ]
    start = task.encoding.melodies.start
    num_tunes = (len(start) - 1) // task.num_folds
    return (mixed_costs(costs) / np.diff(start))[:num_tunes]


def mean_of_networks(log_p: NDArray[np.float64], num_networks: int) -> NDArray[np.float64]:
    """Return [G * M] for each copy of a note the log of the networks' mean probability, one network for each copy."""
    mean = np.logaddexp.reduce(log_p.reshape(num_networks, -1), axis=0) - np.log(num_networks)
    return np.tile(mean, num_networks)


def lacks(task: ComposerTask) -> list[Lack]:
    """Count the notes and tunes of a task with properties that the composer does not know.

    Only notes and rests that the composer's reading keeps are counted.

    Args:
        task: Output of ``scoring_task``.

    Returns:
        The counts.
    """
    encoding, sequences = task.encoding, task.encoding.sequences
    vocabulary, melodies = encoding.vocabulary, encoding.melodies
    num_tunes = melodies.num_pieces // task.num_folds  # the others are copies
    num_notes = int(sequences.start[num_tunes])
    event, position = sequences.event[:num_notes], sequences.position[:num_notes]
    carried = np.bincount(encoding.token_event[vocabulary.seen.any(axis=0)], minlength=encoding.num_events) > 0
    pitch, duration = np.divmod(event, encoding.num_durations)
    carried = carried.reshape(-1, encoding.num_durations)
    new_duration = np.logical_not(np.count_nonzero(carried, axis=0)[duration])
    counts = [
        _lack("unknown_durations", "notes", "with a duration that the model lacks", new_duration),
        _lack(
            "unknown_pitches",
            "notes",
            "with a pitch that the model lacks with their duration",
            ~carried[pitch, duration] & ~new_duration,
        ),
    ]
    if encoding.options.beat != "off":
        new_position = np.logical_not(np.count_nonzero(encoding.seen_position, axis=0)[position])
        counts.append(
            _lack("unknown_positions", "notes", "that begin at a place in the bar that the model lacks", new_position)
        )
    if encoding.options.beat != "off" or encoding.options.bars:
        known_metres = np.flatnonzero(vocabulary.bar_counts.sum(axis=(0, 2)))  # the model's come first in the alphabet
        new_metre = ~np.isin(melodies.metre[:num_tunes], known_metres)
        counts.append(_lack("unknown_metres", "pieces", "in a metre that the model lacks", new_metre))
    return counts


def _lack(name: str, noun: str, condition: str, missing: NDArray[np.bool_]) -> Lack:
    return Lack(name, noun, condition, int(missing.sum()), len(missing))
