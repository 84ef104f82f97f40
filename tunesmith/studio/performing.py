"""Performing in a studio: MIDI files that were dropped on the page, flat, in a style, or between styles."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from data_prep.errors import BadInputError
from data_prep.performances.arrays import Performance
from data_prep.wording import counted
from models.uses import performing
from models.uses.offers import PerformingModel
from tunesmith.playing.music import Music, music_of_midi
from tunesmith.studio.tunes import Id, Latest, Strict, new_id

_MOST_PIECES = 8
_MOST_PERFORMANCES = 32
_MOST_NOTES = 30_000
"""Notes of a piece that a page draws and plays without delay."""


class PerformanceOptions(Strict):
    """How a piece is performed.

    Attributes:
        piece: The piece.
        mix: Share of each style; empty for a flat performance.
        amount: Strength of the dynamics.
        human: Whether velocities are spread as far as those of people.
    """

    piece: Id
    mix: dict[str, float] = Field(max_length=100)
    amount: float = Field(1.0, ge=0, le=performing.MAX_AMOUNT)
    human: bool = False


@dataclass
class _Piece:
    midi: bytes
    performance: Performance
    music: Music
    predicted: dict[str, NDArray[np.float64]] = field(default_factory=dict[str, NDArray[np.float64]])


class PerformingService:
    """A model and the pieces that were given to it."""

    def __init__(self, model: PerformingModel) -> None:
        """Perform with a model."""
        self._model = model
        self._pieces: Latest[_Piece] = Latest(_MOST_PIECES)
        self._performed: Latest[bytes] = Latest(_MOST_PERFORMANCES)

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles of the model."""
        return self._model.styles

    def add(self, midi: bytes) -> dict[str, Any]:
        """Read a piece.

        Args:
            midi: The contents of a MIDI file.

        Returns:
            Its ID, the number of its notes, and reasons why its bars may differ from those that the model assumes.

        Raises:
            BadInputError: If the file cannot be read, or its piano's part is too long.
        """
        performance = performing.played(midi)
        if performance.num_notes > _MOST_NOTES:
            rule = f"the studio performs pieces of at most {counted(_MOST_NOTES, 'note', ',')}"
            raise BadInputError(rule, f"it has {performance.num_notes:,}", remedy="use 'tunesmith perform'")
        self._model.check_length(performance)
        name = new_id()
        self._pieces.add(name, _Piece(midi, performance, _music(midi)))
        return {"piece": name, "notes": performance.num_notes, "doubts": performing.doubts(midi)}

    def perform(self, options: PerformanceOptions) -> dict[str, Any]:
        """Perform a piece.

        Args:
            options: The piece, and how it is performed.

        Returns:
            The ID of the performance, and what the player needs.

        Raises:
            BadInputError: If the piece was dropped from memory, or the model lacks a style or the human spread.
        """
        piece = self._pieces.get(options.piece)
        if piece is None:
            raise BadInputError("a piece that was dropped on this page is needed", "this one is gone; drop it again")
        velocity = self._velocities(piece, options)
        midi = performing.replace_velocities(piece.midi, piece.performance, velocity)
        name = new_id()
        self._performed.add(name, midi)
        return {"performance": name, "music": _music(midi).plain()}

    def performed(self, name: str) -> bytes | None:
        """Return the MIDI file of a performance; None if there is none of that ID."""
        return self._performed.get(name)

    def _velocities(self, piece: _Piece, options: PerformanceOptions) -> NDArray[np.float64]:
        """Return velocities as ``performing.dynamics`` does; a style is predicted once for each piece."""
        if not options.mix:
            return performing.flat(piece.performance)
        shares = self._model.shares(options.mix)
        for style in shares:
            if style not in piece.predicted:
                piece.predicted[style] = self._model.velocities(piece.performance, style)
        velocity = sum((share * piece.predicted[style] for style, share in shares.items()), start=np.zeros(1))
        if options.human:
            velocity = performing.with_spread(velocity, self._model.human_spread(options.mix))
        return performing.scaled(velocity, options.amount)


def _music(midi: bytes) -> Music:
    """Return a file for the player; raise BadInputError if pretty_midi cannot read it."""
    try:
        return music_of_midi(midi, "the performance")
    except Exception as error:  # a parser may raise anything
        raise BadInputError("a readable MIDI file with piano notes is needed", str(error)[:200]) from error
