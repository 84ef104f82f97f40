"""Add dynamics to flat MIDI: replace the velocities of a file's notes with a model's predictions.

Symbols: n notes of a piano.
"""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import io
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.performances.arrays import Performance
from data_prep.performances.filters import RULES
from data_prep.performances.reader import read
from data_prep.pitches import MAX_VELOCITY, NUM_KEYS, NUM_PITCHES, has_key
from data_prep.randomness import stream
from data_prep.readers.midi import file as midi_file
from data_prep.writers.velocities import with_velocities
from models.uses.offers import PerformingModel
from models.uses.styles import Mix

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

Floats: TypeAlias = NDArray[np.float64]
MidiT = TypeVar("MidiT", bound="bytes | PrettyMIDI")

FLAT = 64
"""The velocity of every note of a flat performance."""

MAX_AMOUNT = 100.0
"""The largest amount: a hundredth of a velocity then counts as much as 1 does."""


def perform(midi: MidiT, model: PerformingModel, style: Mix, *, amount: float = 1.0) -> MidiT:
    """Return a piece its dynamics.

    Args:
        midi: A MIDI file's contents, or a PrettyMIDI.
        model: What predicts the velocities.
        style: One of its styles, or shares of several.
        amount: How far velocities go from the piece's predicted mean: 0 is flat, 1 as predicted, more is bolder;
            MAX_AMOUNT at most.

    Returns:
        The same with new velocities for the piano's notes within its 88 keys. Of a file's contents every other byte
        stays.

    Raises:
        BadInputError: If the file cannot be read, has no piano, or the model does not know the style; or for shares or
            an amount that cannot be.
    """
    check_amount(amount)
    if not isinstance(midi, bytes):
        return cast("MidiT", _as_pretty_midi(perform(_as_bytes(midi), model, style, amount=amount)))
    performance = played(midi)
    return replace_velocities(midi, performance, scaled(model.velocities(performance, style), amount))


def played(midi: bytes) -> Performance:
    """Read the piano's notes of a file that is to be performed; a BadInputError says why it cannot be."""
    try:
        performance = read(midi).performance
    except ValueError as error:
        raise BadInputError("a MIDI file with a piano is needed", str(error)) from None
    if not has_key(performance.pitch).any():
        raise BadInputError("a MIDI file with a piano is needed", f"no note in it is among a piano's {NUM_KEYS} keys")
    return performance


def doubts(midi: bytes) -> tuple[str, ...]:
    """Return why a file's bars and beats may not be what a model takes them for, each reason in one line."""
    file = read(midi)
    reasons = (RULES[rule](file, file.performance, None) for rule in ("not in 4/4", "dummy tempo"))
    return tuple(reason.partition(";")[0] for reason in reasons if reason is not None)


def check_amount(amount: float) -> None:
    """Raise BadInputError for an amount that is not from 0 to MAX_AMOUNT."""
    if not 0 <= amount <= MAX_AMOUNT:
        raise BadInputError(f"the amount is a number from 0 (flat) to {MAX_AMOUNT:g}", f"got {amount:g}")


def scaled(velocity: Floats, amount: float) -> Floats:
    """Move velocities away from, or to, their mean: 0 is flat, 1 changes nothing."""
    check_amount(amount)
    mean = np.nanmean(velocity) if np.isfinite(velocity).any() else 0.0
    return mean + amount * (velocity - mean)


def flat(performance: Performance) -> Floats:
    """Return the same velocity for every note, the first baseline of a performance."""
    return np.full(performance.num_notes, float(FLAT))


def at_random(performance: Performance, seed: int) -> Floats:
    """Return a random velocity for every note, the baseline of Malik and Ek (2017)."""
    return stream(seed, "random performance").integers(1, MAX_VELOCITY + 1, performance.num_notes).astype(np.float64)


def replace_velocities(midi: bytes, performance: Performance, velocity: Floats) -> bytes:
    """Write velocities into a file.

    Args:
        midi: The file's contents.
        performance: Its piano's notes, as ``played`` reads them.
        velocity: [n] their velocities, rounded and clipped to 1..127 here; NaN leaves a note as it is.

    Returns:
        The file with no other byte changed.
    """
    ons = midi_file.read(midi).notes
    key, asked = (one.tick * NUM_PITCHES + one.pitch for one in (performance, ons))
    at = np.minimum(np.searchsorted(key, asked), len(key) - 1)
    new = velocity[at]
    changed = ons.is_piano & (key[at] == asked) & np.isfinite(new)
    rounded = np.clip(np.rint(np.where(changed, new, ons.velocity)), 1, MAX_VELOCITY).astype(np.int64)
    return with_velocities(midi, ons, np.where(changed, rounded, ons.velocity))


def num_changed(before: bytes, after: bytes) -> int:
    """Count the velocities that differ between a file and its performance."""
    return int(np.count_nonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)))


def _as_bytes(midi: "PrettyMIDI") -> bytes:
    buffer = io.BytesIO()
    midi.write(buffer)
    return buffer.getvalue()


def _as_pretty_midi(midi: bytes) -> "PrettyMIDI":
    from pretty_midi import PrettyMIDI

    return PrettyMIDI(io.BytesIO(midi))
