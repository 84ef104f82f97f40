"""The time signatures of a MIDI file, and the pickup that they imply.

MIDI cannot express a pickup. Some programs write a first bar in a shorter metre (1/4, then 4/4), others repeat the
metre at the beginning of the first full bar (4/4, and 4/4 again after a quarter note). If a file begins without a
signature, the initial metre is 4/4, as the standard says. In all these cases a time signature before the end of the
first bar marks a pickup. Programs that fill the first bar with a rest leave no pickup; if a program does none of this,
a pickup cannot be recognised.
"""

from fractions import Fraction

from data_prep.grid import snap
from data_prep.readers.midi.files import MidiFile
from data_prep.readers.notes import Metre

_INITIAL = Metre(Fraction(0), 4, 4)


def metres_and_pickup(file: MidiFile) -> tuple[list[Metre], Fraction]:
    """Return the metres and the pickup of a file.

    Args:
        file: The file.

    Returns:
        The metres in the order of their onsets on the grid, at each onset the last one, and the length of the pickup
        (quarter notes), 0 if there is none. With a pickup, the metre of the full bars begins at 0.
    """
    placed = [Metre(snap(metre.tick, file.resolution), metre.beats, metre.unit) for metre in file.metres]
    metres = list({metre.onset: metre for metre in placed}.values())
    effective = metres if metres and metres[0].onset == 0 else [_INITIAL, *metres]
    if len(effective) == 1:
        return metres, Fraction(0)
    first, second, *later = effective
    is_pickup = second.onset <= first.bar_length and second.onset < second.bar_length
    return ([second._replace(onset=Fraction(0)), *later], second.onset) if is_pickup else (metres, Fraction(0))
