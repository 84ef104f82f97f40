"""The bars of a MIDI file: its time signatures, and the pickup that they imply.

MIDI cannot express a pickup. Programs write it as a first bar in a short metre of its own (1/4, then 4/4), or write
the metre once more where the first whole bar begins (4/4, and 4/4 again after a quarter note); and where a file begins
without a signature, 4/4 counts, as MIDI's standard says. In all of these a time signature comes before the first bar is
full: it begins the next one. Others fill the first bar with a rest, and then there is no pickup left; some do neither,
and then a pickup cannot be recognised.
"""

from fractions import Fraction

from data_prep.grid import snap
from data_prep.readers.midi.file import MidiFile
from data_prep.readers.notes import Metre

_UNSAID = Metre(Fraction(0), 4, 4)


def metres_and_pickup(file: MidiFile) -> tuple[list[Metre], Fraction]:
    """Return a file's metres and pickup.

    Args:
        file: The file.

    Returns:
        The metres by their onsets on the grid, the last of those at one time; and the pickup's length in quarter notes,
        0 where there is none. With a pickup the first metre is that of the whole bars, from 0 on.
    """
    placed = [Metre(snap(metre.tick, file.resolution), metre.beats, metre.unit) for metre in file.metres]
    metres = list({metre.onset: metre for metre in placed}.values())
    said = metres if metres and metres[0].onset == 0 else [_UNSAID, *metres]
    if len(said) == 1:
        return metres, Fraction(0)
    first, second, *later = said
    is_pickup = second.onset <= first.bar_length and second.onset < second.bar_length
    return ([second._replace(onset=Fraction(0)), *later], second.onset) if is_pickup else (metres, Fraction(0))
