"""The served n-gram: rows of notes in, probabilities of the next note out."""

from fractions import Fraction
from pathlib import Path

from data_prep.errors import BadInputError
from models.serving import Answer, Column, Row, Serving
from tests.models.ngram_family.model import NgramModel


def load(trained: Path) -> Answer:
    """Load a trained model and return the function that answers a row."""
    model = NgramModel.load(trained)
    return lambda row: _answer(model, row)


def _answer(model: NgramModel, row: Row) -> Row:
    pitch, duration = row["pitch"], row["duration"]
    if len(pitch) != len(duration):
        raise BadInputError("a beginning has as many durations as pitches", f"got {len(duration)} and {len(pitch)}")
    past = [(int(key), Fraction(time).limit_denominator(96)) for key, time in zip(pitch, duration, strict=True)]
    following = model.following(past)
    return {
        "pitch": [pitch for pitch, _ in following],
        "duration": [float(duration) for _, duration in following],
        "probability": list(following.values()),
    }


SERVING = Serving(
    load=load,
    inputs=(Column("pitch", "integer", is_list=True), Column("duration", "real", is_list=True)),
    outputs=(
        Column("pitch", "integer", is_list=True),
        Column("duration", "real", is_list=True),
        Column("probability", "real", is_list=True),
    ),
    examples=[{"pitch": [62, 66], "duration": [1.0, 0.5]}],
    explanation="One row is the beginning of a tune: `pitch` (MIDI, -1 for a rest) and `duration` (quarter notes). The "
    "answer lists the notes that followed it in training, with their probabilities.",
)
