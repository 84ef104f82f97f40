"""The served StyleNet: rows of notes in, velocities out."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.performances.arrays import Performance
from data_prep.pitches import NUM_PITCHES
from data_prep.wording import counted
from models.serving import Answer, Column, Row, Serving
from models.stylenet.performer import Performer
from models.uses.styles import parse_mix

_SECONDS_A_QUARTER = 0.5
"""The default tempo (seconds per quarter note): 120 quarter notes per minute."""

_FLAT = 64.0
"""Velocity of notes outside the piano's keys."""


def load(trained: Path) -> Answer:
    """Load a trained StyleNet and return the function that predicts the velocities of a row."""
    performer = Performer.load(trained)
    return lambda row: _perform(performer, row)


def _perform(performer: Performer, row: Row) -> Row:
    pitch, onset, duration = (np.asarray(row[name], np.float64) for name in ("pitch", "onset", "duration"))
    seconds = np.asarray(row.get("seconds", onset * _SECONDS_A_QUARTER), np.float64)
    _check(pitch, onset, duration, seconds)
    order = np.lexsort((pitch, onset))
    performance = Performance(
        pitch=pitch[order].astype(np.int16),
        velocity=np.full(len(pitch), _FLAT, np.int16),
        onset=onset[order],
        duration=duration[order],
        seconds=seconds[order],
        tick=np.arange(len(pitch)),
    )
    text = str(row.get("style", performer.styles[0]))
    velocity = np.empty(len(pitch))
    velocity[order] = performer.velocities(performance, parse_mix(text) if "=" in text else text)
    return {"velocity": np.where(np.isnan(velocity), _FLAT, velocity).tolist()}


def _check(*columns: NDArray[np.float64]) -> None:
    pitch, onset, duration, seconds = columns
    if not len(pitch) or len({len(column) for column in columns}) > 1:
        raise BadInputError(
            "a piece has at least one note, and as many onsets, durations (and seconds) as pitches",
            f"got {counted(len(pitch), 'pitch')}, {counted(len(onset), 'onset')}, {len(duration)} durations, "
            f"{counted(len(seconds), 'second')}",
        )
    if not all(np.isfinite(column).all() for column in columns):
        raise BadInputError("pitches and times are finite numbers")
    if pitch.min() < 0 or pitch.max() >= NUM_PITCHES or onset.min() < 0 or duration.min() <= 0:
        raise BadInputError(f"pitches are 0 to {NUM_PITCHES - 1}, onsets not negative, durations positive")


SERVING = Serving(
    load=load,
    inputs=(
        Column("pitch", "integer", is_list=True),
        Column("onset", "real", is_list=True),
        Column("duration", "real", is_list=True),
        Column("seconds", "real", is_list=True, required=False),
        Column("style", "text", required=False),
    ),
    outputs=(Column("velocity", "real", is_list=True),),
    examples=[{"pitch": [60, 64, 67, 72], "onset": [0.0, 0.5, 1.0, 1.5], "duration": [0.5, 0.5, 0.5, 2.0]}],
    explanation="""One row is one piece: arrays `pitch` (MIDI), `onset` and `duration` (quarter notes, in 4/4), and
optionally `seconds` (of the onsets; by default 120 quarter notes per minute) and `style` (a style, or a mix such as
classical=0.3,jazz=0.7; by default the first style). The answer has `velocity`, not rounded, in the order of the notes;
it is 64 for notes outside the piano's keys.""",
)
