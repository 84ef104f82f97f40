"""The parts of a score as a reader of notation finds them, and the pieces made of their voices."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from data_prep.readers.notes import Heading, Key, Metre, Note, Piece, clean_name
from data_prep.readers.ties import merge_ties
from data_prep.readers.voices import fill_gaps, signatures_from


@dataclass(frozen=True)
class Part:
    """One part of a score.

    Attributes:
        name: What the score calls it.
        voices: The notes of each voice that has any, by onset and without overlaps, by the voice's name; a lone voice
            has none.
        metres: Time signatures by onset.
        keys: Key signatures by onset.
        pickup: Length of the opening partial bar in quarter notes, 0 where the first bar is whole.
    """

    name: str
    voices: dict[str, list[Note]]
    metres: list[Metre]
    keys: list[Key]
    pickup: Fraction


def bar_length(metres: Sequence[Metre]) -> Fraction:
    """Return the length of a bar in quarter notes by the first metre, 4 where there is none."""
    return metres[0].bar_length if metres else Fraction(4)


def pickup(bar: Fraction, first: Fraction, second: Fraction, *, announced: bool, continued: bool) -> Fraction:
    """Distinguish a pickup from a first bar that is written in two halves, as repeats and line breaks do.

    Args:
        bar: Length of a whole bar, as are all lengths in quarter notes.
        first: Length of the first bar.
        second: Length of the second bar, 0 where there is none.
        announced: The score says that the first bar is a partial one.
        continued: The score says that the second bar is the rest of the first.

    Returns:
        The pickup's length, 0 where there is none.
    """
    if not 0 < first < bar or (continued and not announced):
        return Fraction(0)
    return Fraction(0) if first + second == bar and continued >= announced else first


def to_pieces(parts: Sequence[Part], title: str, composer: str, tune: str = "") -> list[Piece]:
    """Make a piece of each voice of a score.

    Args:
        parts: The score's parts.
        title: The score's title.
        composer: The score's composer.
        tune: The score's number within its file, "" where the file holds one.

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
            filled, begin = fill_gaps(merge_ties(notes), bar_length(part.metres), part.pickup)
            heading = Heading(
                tune=tune,
                part="" if num_parts == 1 else part.name + (f", voice {voice}" if voice else ""),
                title=clean_name(title),
                composer=clean_name(composer),
                num_parts=num_parts,
                metres=signatures_from(part.metres, begin),
                keys=signatures_from(part.keys, begin),
                pickup=Fraction(0) if begin else part.pickup,
            )
            pieces.append(Piece.of(heading, filled))
    return pieces
