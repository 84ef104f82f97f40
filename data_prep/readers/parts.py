"""The parts of a score as a reader returns them, and the pieces made of their voices."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from data_prep.readers.notes import Heading, Key, Metre, Note, Piece, clean_name
from data_prep.readers.ties import merge_ties
from data_prep.readers.voices import fill_gaps, signatures_from


@dataclass(frozen=True)
class Part:
    """One part of a score.

    Attributes:
        name: Name in the score.
        voices: Voices with notes, by name; the name of an only voice is "". Notes are in the order of their onsets and
            do not overlap.
        metres: Time signatures in the order of their onsets.
        keys: Key signatures in the order of their onsets.
        pickup: Length of the opening partial bar (quarter notes), 0 if the first bar is full.
    """

    name: str
    voices: dict[str, list[Note]]
    metres: list[Metre]
    keys: list[Key]
    pickup: Fraction


def bar_length(metres: Sequence[Metre]) -> Fraction:
    """Return the length of a bar (quarter notes) in the first metre, 4 if there is none."""
    return metres[0].bar_length if metres else Fraction(4)


def pickup(bar: Fraction, first: Fraction, second: Fraction, *, announced: bool, continued: bool) -> Fraction:
    """Distinguish a pickup from a first bar that a repeat or a line break divides in two.

    Args:
        bar: Length of a full bar (quarter notes).
        first: Length of the first bar (quarter notes).
        second: Length of the second bar (quarter notes), 0 if there is none.
        announced: Whether the score marks the first bar as partial.
        continued: Whether the score marks the second bar as the rest of the first.

    Returns:
        Length of the pickup (quarter notes), 0 if there is none.
    """
    if not 0 < first < bar or (continued and not announced):
        return Fraction(0)
    return Fraction(0) if first + second == bar and continued >= announced else first


def to_pieces(parts: Sequence[Part], title: str, composer: str, tune: str = "") -> list[Piece]:
    """Create a piece from each voice of a score.

    Args:
        parts: Parts of the score.
        title: Title of the score.
        composer: Composer of the score.
        tune: Number of the score in its file, "" if the file contains only one.

    Returns:
        The pieces in the order of the parts.

    Raises:
        ValueError: If there are no notes.
    """
    num_parts = sum(len(part.voices) for part in parts)
    if not num_parts:
        raise ValueError("there are no notes in it")
    pieces: list[Piece] = []
    for part in parts:
        for voice, notes in part.voices.items():
            heading = Heading(
                tune=tune,
                part="" if num_parts == 1 else part.name + (f", voice {voice}" if voice else ""),
                title=clean_name(title),
                composer=clean_name(composer),
                num_parts=num_parts,
                metres=tuple(part.metres),
                keys=tuple(part.keys),
                pickup=part.pickup,
            )
            pieces.append(without_gaps(heading, merge_ties(notes)))
    return pieces


def without_gaps(heading: Heading, notes: Sequence[Note]) -> Piece:
    """Create a piece from a voice of a score, with its gaps filled by rests; see ``fill_gaps``.

    Args:
        heading: Heading with the signatures and the pickup of the whole score.
        notes: Notes of the voice in the order of their onsets, without overlaps.

    Returns:
        The piece. Whole silent bars at the beginning are cut off, and the heading is adjusted.
    """
    filled, begin = fill_gaps(notes, bar_length(heading.metres), heading.pickup)
    heading = replace(
        heading,
        metres=signatures_from(heading.metres, begin),
        keys=signatures_from(heading.keys, begin),
        pickup=Fraction(0) if begin else heading.pickup,
        begin=begin,
    )
    return Piece.of(heading, filled)
