"""Dynamics for flat MIDI: a trained StyleNet's velocities on a file's own notes, everything else as it was.

Symbols: n notes of a piano, S styles, G folds. What a trained model says is the mean over its G folds' networks.
"""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data_prep.encodings.velocity import LOWEST_PITCH, MAX_VELOCITY, NUM_KEYS
from data_prep.encodings.views import View
from data_prep.errors import BadInputError, unknown
from data_prep.performance_filter import RULES
from data_prep.performances import Performance, Performances
from data_prep.randomness import stream
from data_prep.readers.performance import read
from data_prep.velocities import note_ons, with_velocities
from models import checkpoint
from models.folded.torch_doors import tensor
from models.stylenet_model import Scales, StyleNetModel
from models.stylenet_spec import StyleNetSpec
from models.stylenet_views import make_view

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

Floats: TypeAlias = NDArray[np.float64]
Mix: TypeAlias = str | Mapping[str, float]
"""A style, or a share of each of several, which need not add to 1."""

MidiT = TypeVar("MidiT", bound="bytes | PrettyMIDI")

FLAT = 64
"""The velocity of every note of a flat performance."""

_NUM_PITCHES = 128


class Performer:
    """A trained StyleNet.

    Attributes:
        styles: What it can play in.
        spec: Its settings.
        model: The networks of all folds.
    """

    def __init__(self, saved: checkpoint.Checkpoint) -> None:
        """Build the networks of a trained model's file."""
        self.styles: tuple[str, ...] = tuple(saved.extra["vocabulary"]["styles"])
        self.spec = StyleNetSpec.model_validate(saved.spec)
        weights = saved.training
        num_folds, num_inputs = weights["mean"].shape
        scales = Scales.unknown(num_folds, num_inputs, len(self.styles))
        num_outputs = weights["head_bias.0"].shape[1]
        self.model = StyleNetModel(self.spec, scales, num_outputs, seed=0, trial=0)
        self.model.load_state_dict(dict(weights))

    @classmethod
    def load(cls, path: Path) -> "Performer":
        """Read a trained model.

        Args:
            path: The file.

        Returns:
            The performer.

        Raises:
            BadInputError: If it is no trained StyleNet, or one of a newer version.
        """
        try:
            saved = checkpoint.load(path)
        except FileNotFoundError:
            raise BadInputError(f"a trained model must be there, and {path} is not") from None
        if saved.extra.get("family") != "stylenet":
            raise BadInputError(f"only a trained stylenet can perform, and {path} is a {saved.extra.get('family')}")
        try:
            return cls(saved)
        except (KeyError, RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise BadInputError(f"{path} is no whole stylenet ({reason}); train the trial again") from error

    def velocities(self, performance: Performance, style: Mix, fold: int | None = None) -> Floats:
        """Predict how loud a piece's notes are.

        Args:
            performance: The notes; their velocities are not looked at.
            style: A style, or shares of several.
            fold: The fold whose network is asked, for a piece that it holds out; None for the mean of all.

        Returns:
            [n] velocities in MIDI units, not rounded; NaN for notes outside the piano's keys.

        Raises:
            BadInputError: For a style that the model does not know, or shares that are no mix.
        """
        shares = self.shares(style)
        found = np.zeros(performance.num_notes)
        for name, share in shares.items():
            of_folds = self._in_style(performance, self.styles.index(name))
            found += share * (of_folds.mean(axis=0) if fold is None else of_folds[fold])
        return found

    def interpretation(self, performance: Performance, fold: int) -> Floats | None:
        """Give what a fold's interpretation layer makes of a piece, [rows, units]; None if there is no such layer."""
        if self.model.interpretation is None:
            return None
        with torch.no_grad():
            hidden, _ = self.model.interpret(self.model.standardised(self._inputs(performance)[0]))
        return hidden[fold, :, 0].numpy().astype(np.float64)

    def shares(self, style: Mix) -> dict[str, float]:
        """Check a style or mix, and give each style's share of 1; see ``velocities``."""
        mix = {style: 1.0} if isinstance(style, str) else dict(style)
        for name in mix:
            if name not in self.styles:
                raise unknown("style", name, self.styles, "of this model")
        total = sum(mix.values())
        if not total > 0 or not all(share >= 0 for share in mix.values()):
            raise BadInputError(f"the shares of a mix are 0 or more and not all 0: got {mix}")
        return {name: share / total for name, share in mix.items()}

    def _inputs(self, performance: Performance) -> tuple[Tensor, View]:
        """[G, rows, 1, K] the same inputs for every fold, and the view that gave them."""
        view = make_view(self.spec, _alone(performance))
        inputs = tensor(view.inputs(np.arange(int(view.start[-1]))))
        return inputs[None, :, None].expand(len(self.model.mean), -1, -1, -1), view

    def _in_style(self, performance: Performance, style: int) -> Floats:
        """[G, n] what each fold's network predicts."""
        inputs, view = self._inputs(performance)
        lengths = torch.full((inputs.shape[0], 1), inputs.shape[1])
        with torch.no_grad():
            output, _ = self.model(inputs, lengths, style)
        outputs = output[:, :, 0].numpy().astype(np.float64)  # [G, rows, outputs]
        velocity = outputs[:, view.row, np.maximum(view.column, 0)] * MAX_VELOCITY
        level = self.model.level[:, style, None].numpy() * MAX_VELOCITY
        velocity += self.spec.level_shrink * (level - velocity.mean(axis=1, keepdims=True))
        return np.where(_on_keyboard(performance), velocity, np.nan)


def perform(
    midi: MidiT, model: Performer | Path, style: Mix, *, amount: float = 1.0
) -> MidiT:  # fmt: skip
    """Give a piece its dynamics.

    Args:
        midi: A MIDI file's contents, or a PrettyMIDI.
        model: A trained StyleNet, or its file.
        style: One of its styles, or shares of several.
        amount: How far velocities go from the piece's predicted mean: 0 is flat, 1 as predicted, more is bolder.

    Returns:
        The same with new velocities for the piano's notes within its 88 keys. Of a file's contents every other byte
        stays.

    Raises:
        BadInputError: If the file cannot be read, has no piano, or the model does not know the style.
    """
    performer = model if isinstance(model, Performer) else Performer.load(model)
    if not isinstance(midi, bytes):
        return cast("MidiT", _as_pretty_midi(perform(_as_bytes(midi), performer, style, amount=amount)))
    performance = played(midi)
    return replace_velocities(midi, performance, scaled(performer.velocities(performance, style), amount))


def played(midi: bytes) -> Performance:
    """Read the piano's notes of a file that is to be performed; a BadInputError says why it cannot be."""
    try:
        return read(midi).performance
    except ValueError as error:
        raise BadInputError(f"a MIDI file with a piano is needed: {error}") from None


def doubts(midi: bytes) -> tuple[str, ...]:
    """Say why a file's bars and beats may not be what a model takes them for, each reason in one line."""
    file = read(midi)
    reasons = (RULES[rule](file, file.performance, None) for rule in ("not in 4/4", "dummy tempo"))
    return tuple(reason.partition(";")[0] for reason in reasons if reason is not None)


def scaled(velocity: Floats, amount: float) -> Floats:
    """Move velocities away from, or to, their mean: 0 is flat, 1 changes nothing."""
    mean = np.nanmean(velocity) if np.isfinite(velocity).any() else 0.0
    return mean + amount * (velocity - mean)


def flat(performance: Performance) -> Floats:
    """Give every note the same velocity, the first baseline of a performance."""
    return np.full(performance.num_notes, float(FLAT))


def at_random(performance: Performance, seed: int) -> Floats:
    """Give every note a random velocity, S2's baseline."""
    return stream(seed, "random performance").integers(1, MAX_VELOCITY + 1, performance.num_notes).astype(np.float64)


def replace_velocities(midi: bytes, performance: Performance, velocity: Floats) -> bytes:
    """Write velocities into a file.

    Args:
        midi: The file's contents.
        performance: Its piano's notes.
        velocity: [n] their velocities, rounded and clipped to 1..127 here; NaN leaves a note as it is.

    Returns:
        The file with no other byte changed.

    Raises:
        BadInputError: If the file is too broken to be written to.
    """
    try:
        ons = note_ons(midi)
    except ValueError as error:
        raise BadInputError(f"velocities can be put on a whole MIDI file only: {error}") from None
    key, asked = (one.tick * _NUM_PITCHES + one.pitch for one in (performance, ons))
    at = np.minimum(np.searchsorted(key, asked), len(key) - 1)
    new = velocity[at]
    changed = ons.is_piano & (key[at] == asked) & np.isfinite(new)
    rounded = np.clip(np.rint(np.where(changed, new, ons.velocity)), 1, MAX_VELOCITY).astype(np.int64)
    return with_velocities(midi, ons, np.where(changed, rounded, ons.velocity))


def parse_mix(text: str) -> dict[str, float]:
    """Read a mix as it is typed, "classical=0.3,jazz=0.7"; a BadInputError says how it is written."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, separator, share = part.partition("=")
        try:
            mix[name.strip()] = float(share)
        except ValueError:
            separator = ""
        if not separator or not name.strip():
            raise BadInputError(f"a mix is written like classical=0.3,jazz=0.7: got {text!r}")
    return mix


def _on_keyboard(performance: Performance) -> NDArray[np.bool_]:
    return (performance.pitch >= LOWEST_PITCH) & (performance.pitch < LOWEST_PITCH + NUM_KEYS)


def _alone(performance: Performance) -> Performances:
    """Make a corpus of one performance, for its view."""
    nothing = np.zeros(1, np.int64)
    return Performances(
        pitch=performance.pitch,
        velocity=performance.velocity,
        onset=performance.onset,
        duration=performance.duration,
        seconds=performance.seconds,
        start=np.array([0, performance.num_notes]),
        fold=nothing.astype(np.int8),
        style=nothing.astype(np.int16),
        composition=nothing.astype(np.int32),
        styles=("any",),
        ids=("piece",),
        num_folds=1,
        fingerprint="",
        corpus="",
    )


def _as_bytes(midi: "PrettyMIDI") -> bytes:
    buffer = io.BytesIO()
    midi.write(buffer)
    return buffer.getvalue()


def _as_pretty_midi(midi: bytes) -> "PrettyMIDI":
    from pretty_midi import PrettyMIDI  # noqa: PLC0415  (only who brings one wants one back)

    return PrettyMIDI(io.BytesIO(midi))
