"""Lessons: single tunes that a model memorises by training on all notes, with the first bars as the prompt."""

from dataclasses import dataclass, replace
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np

from data_prep.errors import BadInputError
from data_prep.melodies.arrays import Melodies
from data_prep.melodies.assembly import assemble
from data_prep.tunes.notation import Tune
from data_prep.tunes.prompts import read_voice, tune_of

MAX_NOTES = 1000
"""Notes and rests of a lesson; the model reads all of them again for each note that it composes."""

_EXAMPLE = "examples/mary_had_a_little_lamb.abc"


@dataclass(frozen=True)
class Lesson:
    """A tune in two forms.

    Attributes:
        tune: The tune, whose first ``num_prompt`` notes are the prompt.
        melodies: The same notes as one piece, on which one fold trains and which no fold holds out.
    """

    tune: Tune
    melodies: Melodies


def read_lesson(path: Path | None, bars: int) -> tuple[Lesson, tuple[str, ...]]:
    """Read a tune to be memorised.

    Args:
        path: An ABC, MIDI, MusicXML or kern file; None for Mary Had a Little Lamb.
        bars: Number of bars in the prompt, in addition to a pickup.

    Returns:
        The lesson, and a line for each thing in the file that was left out or assumed.

    Raises:
        BadInputError: If there is no such file, it cannot be read, or it has too few or too many notes.
    """
    if path is None:
        with as_file(files("data_prep").joinpath(_EXAMPLE)) as example:
            return read_lesson(example, bars)
    piece, remarks = read_voice(path, "a lesson")
    tune = tune_of(piece)
    if tune.num_notes > MAX_NOTES:
        raise BadInputError(
            f"a lesson has at most {MAX_NOTES} notes and rests",
            f"{path} has {tune.num_notes}",
            remedy="name a shorter tune",
        )
    end = tune.pickup + bars * tune.bar_length
    num_prompt = int(np.count_nonzero([onset < end for onset in tune.onsets()]))
    if num_prompt == tune.num_notes:
        raise BadInputError(
            "a tune must have notes after the bars that are given",
            f"{path} has no note after {bars} of them",
            remedy="name a longer tune, or give fewer bars",
        )
    melodies = assemble([piece], [path.name], [1], num_folds=1, fingerprint="", corpus=str(path))
    return Lesson(replace(tune, num_prompt=num_prompt), melodies), remarks
