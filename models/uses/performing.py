"""Add dynamics to flat MIDI: replace the velocities of a file's piano notes with a model's predictions.

Symbols: n piano notes.
"""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar, cast, get_args

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError, unknown
from data_prep.performances.arrays import Performance
from data_prep.performances.filters import RULES
from data_prep.performances.reader import read
from data_prep.pitches import MAX_VELOCITY, NUM_KEYS, NUM_PITCHES, has_key
from data_prep.randomness import stream
from data_prep.readers.midi import files as midi_file
from data_prep.writers.velocities import with_velocities
from models.uses.offers import PerformingModel
from models.uses.styles import Mix

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

Floats: TypeAlias = NDArray[np.float64]
MidiT = TypeVar("MidiT", bound="bytes | PrettyMIDI")

FLAT = 64
"""Velocity of every note of a flat performance."""

MAX_AMOUNT = 100.0
"""The largest amount: a deviation of 0.01 velocity units is scaled to 1."""


_CONSTANT = 1e-6
"""Spread of predictions (velocity units) that differ by rounding errors only."""

Spread: TypeAlias = Literal["predicted", "human"]
SPREADS: tuple[Spread, ...] = get_args(Spread)
"""How far predictions are from their mean: as predicted, or as far as the velocities of people."""


@dataclass(frozen=True)
class Shaping:
    """How the velocities of a piece follow from those that are predicted for its style.

    Attributes:
        amount: Factor of the deviations from the piece's mean: 0 is flat, 1 as predicted, at most MAX_AMOUNT.
        spread: "human" first scales these deviations so that their standard deviation is that of the style's
            performances in training.
        keep_accents: Share, 0 to 1, of the file's own deviations from its level that is added.
    """

    amount: float = 1.0
    spread: Spread = "predicted"
    keep_accents: float = 0.0

    def __post_init__(self) -> None:
        """Raise BadInputError if a value is illegal."""
        check_amount(self.amount)
        if self.spread not in SPREADS:  # a word of the user
            raise unknown("spread", self.spread, SPREADS)
        if not 0 <= self.keep_accents <= 1:
            raise BadInputError(
                "the share of accents to keep is a number from 0 (none) to 1 (all)", f"got {self.keep_accents:g}"
            )


def perform(
    midi: MidiT,
    model: PerformingModel,
    style: Mix,
    *,
    amount: float = 1.0,
    spread: Spread = "predicted",
    keep_accents: float = 0.0,
) -> MidiT:
    """Add dynamics to a piece.

    Args:
        midi: A MIDI file's contents, or a PrettyMIDI.
        model: The model that predicts the velocities.
        style: One of its styles, or shares of several.
        amount: Factor of the deviations from the piece's predicted mean: 0 is flat, 1 as predicted, at most MAX_AMOUNT.
        spread: "predicted", or "human" for the spread of human velocities within a piece; see ``Shaping``.
        keep_accents: Share, 0 to 1, of the file's own deviations from its level that is added.

    Returns:
        The piece with new velocities for the piano's notes within its 88 keys. In a file's contents every other byte is
        unchanged.

    Raises:
        BadInputError: If the file cannot be read or has no piano, the model does not know the style or the human
            spread, or a number is illegal.
    """
    shaping = Shaping(amount, spread, keep_accents)
    if isinstance(midi, bytes):
        performance = played(midi)
        return replace_velocities(midi, performance, dynamics(performance, model, style, shaping))
    from pretty_midi import PrettyMIDI

    file = io.BytesIO()
    midi.write(file)
    performed = perform(file.getvalue(), model, style, amount=amount, spread=spread, keep_accents=keep_accents)
    return cast("MidiT", PrettyMIDI(io.BytesIO(performed)))


def dynamics(performance: Performance, model: PerformingModel, style: Mix, shaping: Shaping) -> Floats:
    """Predict the velocities of a piece and shape them.

    Args:
        performance: The notes with the file's own velocities.
        model: The model.
        style: One of its styles, or shares of several.
        shaping: How the predictions are shaped.

    Returns:
        [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

    Raises:
        BadInputError: For an unknown style, an unknown human spread, or a piece that is too long.
    """
    velocity = model.velocities(performance, style)
    if shaping.spread == "human":
        velocity = with_spread(velocity, model.human_spread(style))
    return with_accents(scaled(velocity, shaping.amount), performance, shaping.keep_accents)


def played(midi: bytes) -> Performance:
    """Return the piano's notes of a file; raise BadInputError if it cannot be read or has no piano."""
    try:
        performance = read(midi).performance
    except ValueError as error:
        raise BadInputError("a readable MIDI file with piano notes is needed", str(error)) from None
    if not has_key(performance.pitch).any():
        raise BadInputError(
            "a readable MIDI file with piano notes is needed", f"no note in it is among a piano's {NUM_KEYS} keys"
        )
    return performance


def doubts(midi: bytes) -> tuple[str, ...]:
    """Return reasons, one line each, why a file's bars and beats may differ from those that a model assumes."""
    file = read(midi)
    reasons = (RULES[rule](file, file.performance, None) for rule in ("not in 4/4", "dummy tempo"))
    return tuple(reason.partition(";")[0] for reason in reasons if reason is not None)


def check_amount(amount: float) -> None:
    """Raise BadInputError if an amount is not from 0 to MAX_AMOUNT."""
    if not 0 <= amount <= MAX_AMOUNT:
        raise BadInputError(f"the amount is a number from 0 (flat) to {MAX_AMOUNT:g}", f"got {amount:g}")


def scaled(velocity: Floats, amount: float) -> Floats:
    """Scale the deviations of velocities from their mean: 0 is flat, 1 changes nothing."""
    check_amount(amount)
    mean = np.nanmean(velocity) if np.isfinite(velocity).any() else 0.0
    return mean + amount * (velocity - mean)


def with_spread(velocity: Floats, spread: float) -> Floats:
    """Scale the deviations of velocities from their mean to a standard deviation; equal velocities stay equal."""
    own = float(np.nanstd(velocity)) if np.isfinite(velocity).any() else 0.0
    return velocity if own < _CONSTANT else np.nanmean(velocity) + spread / own * (velocity - np.nanmean(velocity))


def with_accents(velocity: Floats, performance: Performance, share: float) -> Floats:
    """Add a share of the deviations of a file's own velocities from its level, the median over the piano's keys.

    A note at the level of its file is unchanged, and so are all notes of a flat file.
    """
    own = performance.velocity.astype(np.float64)
    return velocity + share * (own - np.median(own[has_key(performance.pitch)])) if share else velocity


def flat(performance: Performance) -> Floats:
    """Return the same velocity for every note, the simplest baseline."""
    return np.full(performance.num_notes, float(FLAT))


def at_random(performance: Performance, seed: int) -> Floats:
    """Return a random velocity for every note, the baseline of Malik and Ek (2017)."""
    return stream(seed, "random performance").integers(1, MAX_VELOCITY + 1, performance.num_notes).astype(np.float64)


def replace_velocities(midi: bytes, performance: Performance, velocity: Floats) -> bytes:
    """Replace the velocities in a file.

    Args:
        midi: The file's contents.
        performance: The notes that ``played`` returned for the file.
        velocity: [n] their velocities, rounded and clipped to 1..127 here; NaN leaves a note unchanged.

    Returns:
        The file's contents with no other byte changed.
    """
    ons = midi_file.read(midi).notes
    known, keys = (notes.tick * NUM_PITCHES + notes.pitch for notes in (performance, ons))
    index = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    new = velocity[index]
    changed = ons.is_piano & (known[index] == keys) & np.isfinite(new)
    rounded = np.clip(np.rint(np.where(changed, new, ons.velocity)), 1, MAX_VELOCITY).astype(np.int64)
    return with_velocities(midi, ons, np.where(changed, rounded, ons.velocity))


def num_changed(before: bytes, after: bytes) -> int:
    """Return the number of velocities that differ between a file and its performance."""
    return int(np.count_nonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8)))
