"""The vocabulary of a melody model: the meaning of its tokens and counts of its training pieces, without the corpus.

Symbols: V tokens (of all folds together), D durations, S bar positions, G folds.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from data_prep.limits import check_num_networks
from data_prep.melodies.events import NUM_GRID_PITCHES, base_of_marginals
from data_prep.wording import counted

NUM_TONICS = 12
"""Number of pitch classes."""

_MAX_COUNTS = 1 << 24
"""Largest table of counts of metres and pickups, which takes 128 MiB."""


@dataclass(frozen=True)
class Floor:
    """The probability of events that no token carries: eps * p0, as in ``data_prep.melodies.events``.

    The counts are of all pieces that any fold was trained on, in the frames of the model.

    Attributes:
        eps: The share of p0.
        pitches: [129] count of each pitch of the grid.
        durations: [D] count of each duration.
    """

    eps: float
    pitches: NDArray[np.int64]
    durations: NDArray[np.int64]

    def log_p0(self, num_durations: int) -> NDArray[np.float64]:
        """Return log p0 in nats, [129 * num_durations], where durations after the model's D have count 0."""
        unseen = num_durations - len(self.durations)
        return np.log(base_of_marginals(self.pitches, np.pad(self.durations, (0, unseen))))

    def as_json(self) -> dict[str, Any]:
        """Return the floor as JSON values."""
        return {"eps": self.eps, "pitches": self.pitches.tolist(), "durations": self.durations.tolist()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any], num_durations: int) -> "Floor":
        """Restore a floor from JSON values; raise ValueError if they are invalid."""
        pitches, durations = (np.array(content[name], np.int64) for name in ("pitches", "durations"))
        if (pitches.shape, durations.shape) != ((NUM_GRID_PITCHES,), (num_durations,)):
            raise ValueError(f"a floor counts {NUM_GRID_PITCHES} pitches and {num_durations} durations")
        if not (0 < content["eps"] < 1 and pitches.min() >= 0 and durations.min() >= 0):
            raise ValueError("a floor's share is between 0 and 1, and no count is negative")
        return cls(float(content["eps"]), pitches, durations)


@dataclass(frozen=True)
class MelodyVocabulary:
    """What a trained model needs in addition to its weights to read and write notes.

    Attributes:
        token_pitch: [V] each token's pitch in the model's frame, REST_PITCH for a rest.
        token_duration: [V] each token's duration, an index into ``durations``.
        token_position: [V] each token's bar position, an index into ``positions``; 0 unless beat = target.
        durations: The D durations in quarter notes, ascending.
        positions: The S bar positions and pickups in quarter notes, ascending.
        metres: (beats, beat unit) pairs.
        seen: [G, V] whether a fold knows the token.
        seen_position: [G, S] whether a fold knows the bar position.
        bar_counts: [G, metres, S] number of a fold's training pieces with each metre and pickup.
        tonic_counts: [G, 12] number of a fold's training pieces with each tonic.
        looks_back: Whether copy experts that look bars back vote in any piece, which requires a metre.
        token_fifths: [V] each token's place on the line of fifths, 0 if the reading does not spell. Scoring other
            pieces requires it and the floor; both are None in models of earlier versions.
        floor: The probability of events that no token carries.
    """

    token_pitch: NDArray[np.int64]
    token_duration: NDArray[np.int64]
    token_position: NDArray[np.int64]
    durations: tuple[Fraction, ...]
    positions: tuple[Fraction, ...]
    metres: tuple[tuple[int, int], ...]
    seen: NDArray[np.bool_]
    seen_position: NDArray[np.bool_]
    bar_counts: NDArray[np.int64]
    tonic_counts: NDArray[np.int64]
    looks_back: bool = False
    token_fifths: NDArray[np.int64] | None = None
    floor: Floor | None = None

    @property
    def num_tokens(self) -> int:
        """Number of tokens V."""
        return len(self.token_pitch)

    @property
    def num_folds(self) -> int:
        """Number of folds G."""
        return len(self.seen)

    def of(self, folds: range) -> "MelodyVocabulary":
        """Return what some of the folds know."""
        part = slice(folds.start, folds.stop)
        return replace(
            self,
            seen=self.seen[part],
            seen_position=self.seen_position[part],
            bar_counts=self.bar_counts[part],
            tonic_counts=self.tonic_counts[part],
        )

    def as_json(self) -> dict[str, Any]:
        """Return the vocabulary as JSON values: fractions as strings, and sparse rows as their nonzero entries."""
        return {
            "pitch": self.token_pitch.tolist(),
            "duration": self.token_duration.tolist(),
            "position": self.token_position.tolist(),
            "durations": [str(duration) for duration in self.durations],
            "positions": [str(position) for position in self.positions],
            "metres": [list(metre) for metre in self.metres],
            "seen": [np.flatnonzero(of_fold).tolist() for of_fold in self.seen],
            "seen_position": [np.flatnonzero(of_fold).tolist() for of_fold in self.seen_position],
            "bars": [
                [[int(metre), int(pickup), int(of_fold[metre, pickup])] for metre, pickup in np.argwhere(of_fold)]
                for of_fold in self.bar_counts
            ],
            "tonics": self.tonic_counts.tolist(),
            "looks_back": self.looks_back,
            "fifths": None if self.token_fifths is None else self.token_fifths.tolist(),
            "floor": None if self.floor is None else self.floor.as_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MelodyVocabulary":
        """Restore a vocabulary from JSON values.

        Args:
            content: The output of ``as_json``.

        Returns:
            The vocabulary.

        Raises:
            KeyError: If a key is missing, as in files of earlier versions.
            ValueError: If the values are invalid.
        """
        durations, positions = (tuple(map(_fraction, content[name])) for name in ("durations", "positions"))
        metres = tuple((int(beats), int(unit)) for beats, unit in content["metres"])
        limits = {"pitch": NUM_GRID_PITCHES, "duration": len(durations), "position": len(positions)}
        pitch, duration, position = (_numbers(content[name], limit, name) for name, limit in limits.items())
        if not len(pitch) == len(duration) == len(position) > 0:
            raise ValueError(
                f"{counted(len(pitch), 'pitch')}, {len(duration)} durations and {len(position)} positions of tokens"
            )
        if not all(length > 0 for length in (*durations, *(number for metre in metres for number in metre))):
            raise ValueError("a duration or a metre that is not positive")
        check_num_networks(len(content["seen"]))
        if len(content["seen"]) * len(metres) * len(positions) > _MAX_COUNTS:
            raise ValueError(f"{len(metres)} metres and {len(positions)} positions are more than any corpus has")
        seen = _marked(content["seen"], len(pitch), "seen")
        seen_position = _marked(content["seen_position"], len(positions), "seen_position")
        bars = np.zeros((len(seen), len(metres), len(positions)), np.int64)
        tonics = np.array(content["tonics"], np.int64)
        if not len(seen) == len(seen_position) == len(content["bars"]) == len(tonics) > 0:
            raise ValueError("not as many folds everywhere")
        if tonics.shape != (len(seen), NUM_TONICS):
            raise ValueError(f"a fold counts {NUM_TONICS} tonics")
        for of_fold, listed in zip(bars, content["bars"], strict=True):
            metre, pickup, count = np.array(listed, np.int64).reshape(-1, 3).T
            of_fold[_numbers(metre, len(metres), "bars"), _numbers(pickup, len(positions), "bars")] = count
        fifths, floor = content.get("fifths"), content.get("floor")
        if fifths is not None and len(fifths) != len(pitch):
            raise ValueError(
                f"{counted(len(pitch), 'pitch')} and {counted(len(fifths), 'place')} on the line of fifths of tokens"
            )
        return cls(
            token_pitch=pitch,
            token_duration=duration,
            token_position=position,
            durations=durations,
            positions=positions,
            metres=metres,
            seen=seen,
            seen_position=seen_position,
            bar_counts=bars,
            tonic_counts=tonics,
            looks_back=bool(content.get("looks_back", False)),  # missing in files of earlier versions
            token_fifths=None if fifths is None else np.array(fifths, np.int64),
            floor=None if floor is None else Floor.from_json(floor, len(durations)),
        )


def shift_to_c(tonic: NDArray[np.int64], reading: str) -> NDArray[np.int64]:
    """Return the shift from a key to C, the frame of models that transpose every piece.

    Args:
        tonic: [...] pitch class of the tonic.
        reading: The model's reading: "literal" shifts downward, others to the nearest C (-5..+6).

    Returns:
        [...] semitones.
    """
    return -tonic if reading == "literal" else (5 - tonic) % NUM_TONICS - 5


def _fraction(text: str) -> Fraction:
    """Parse a stored fraction; ``Fraction`` alone would also parse 1e999999999, digit by digit."""
    if not re.fullmatch(r"[0-9]{1,9}(/[1-9][0-9]{0,8})?", text):
        raise ValueError(f"{text[:40]!r} is no duration or position")
    return Fraction(text)


def _numbers(values: Sequence[int] | NDArray[np.int64], limit: int, name: str) -> NDArray[np.int64]:
    numbers = np.array(values, np.int64).reshape(-1)
    if len(numbers) and not 0 <= numbers.min() <= numbers.max() < limit:
        raise ValueError(f"{name} has numbers outside 0..{limit - 1}")
    return numbers


def _marked(rows: Sequence[Sequence[int]], size: int, name: str) -> NDArray[np.bool_]:
    """Return [G, size] with True at the numbers that each row lists."""
    marked = np.zeros((len(rows), size), np.bool_)
    for of_fold, listed in zip(marked, rows, strict=True):
        of_fold[_numbers(listed, size, name)] = True
    return marked
