"""From overlapping notes to voices: sequences without overlap, and without gaps once rests fill them."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import TypeVar

from data_prep.limits import MAX_SILENT_BARS, check_length
from data_prep.melodies import REST
from data_prep.notes import Key, Metre, Note

Signature = TypeVar("Signature", Metre, Key)


def rest(onset: Fraction, duration: Fraction) -> Note:
    """Make a rest."""
    return Note(onset, duration, REST, "rest", chord_size=0)


def stack_chords(notes: Iterable[Note]) -> list[Note]:
    """Make one event, the top note, of all notes with the same onset and duration.

    Args:
        notes: Notes in any order, none of them rests.

    Returns:
        The events by onset, those of one onset from high to low.
    """
    chords: dict[tuple[Fraction, Fraction], list[Note]] = {}
    for note in notes:
        chords.setdefault((note.onset, note.duration), []).append(note)
    events: list[Note] = []
    for chord in chords.values():
        top = max(chord, key=lambda note: note.pitch)
        events.append(top._replace(chord_size=len({note.pitch for note in chord})))
    return sorted(events, key=lambda note: (note.onset, -note.pitch))


def split(events: Iterable[Note]) -> list[list[Note]]:
    """Deal overlapping events out to voices.

    An event goes on in the voice that is free at its onset and ended at the nearest pitch; where none is free, it
    opens a voice. So a line keeps its voice while it moves by small steps.

    Args:
        events: Notes or chords, by onset.

    Returns:
        Voices without overlaps, by their mean pitch from high to low.
    """
    voices: list[list[Note]] = []
    for event in events:
        free = [voice for voice in voices if voice[-1].onset + voice[-1].duration <= event.onset]
        if free:
            min(free, key=lambda voice: abs(voice[-1].pitch - event.pitch)).append(event)
        else:
            voices.append([event])
    return sorted(voices, key=lambda voice: -sum(note.pitch for note in voice) / len(voice))


def fill_gaps(notes: Sequence[Note], bar_length: Fraction, pickup: Fraction) -> tuple[list[Note], Fraction]:
    """Fill the silences of a voice with rests, each within one bar as a copyist would write them.

    The voice then begins in the bar of its first note: whole silent bars before it are cut off (all onsets shift),
    since a voice that enters late is no tune of long rests.

    Args:
        notes: A voice by onset, without overlaps; it may contain rests and grace notes.
        bar_length: In quarter notes.
        pickup: Length of the score's opening partial bar.

    Returns:
        The voice from time 0 on without gaps, with no rest at its end; and the time that was cut off.

    Raises:
        ValueError: If it lasts longer than music does, or is silent for more than MAX_SILENT_BARS.
    """
    sounding = [note for note in notes if note.pitch != REST]
    if not sounding:
        return [], Fraction(0)
    check_length(sounding[-1].onset + sounding[-1].duration)
    begin = _bar_start(sounding[0].onset, bar_length, pickup)
    filled: list[Note] = []
    now = begin
    silent_bars = 0
    for note in sounding:
        silent_bars += max(0, note.onset - now) // bar_length
        if silent_bars > MAX_SILENT_BARS:
            raise ValueError(
                f"voices with at most {MAX_SILENT_BARS} silent bars are read: one has {silent_bars} or more"
            )
        while now < note.onset:
            end = min(note.onset, _bar_start(now, bar_length, pickup) + _bar_size(now, bar_length, pickup))
            filled.append(rest(now - begin, end - now))
            now = end
        filled.append(note._replace(onset=note.onset - begin))
        now = max(now, note.onset + note.duration)  # a grace note may stand within a note that a tie made longer
    return filled, begin


def signatures_from(signatures: Sequence[Signature], begin: Fraction) -> tuple[Signature, ...]:
    """Give the signatures in force from a time on, with onsets counted from there."""
    in_force = [signature for signature in signatures if signature.onset <= begin][-1:]
    later = [signature for signature in signatures if signature.onset > begin]
    return tuple(one._replace(onset=max(one.onset - begin, Fraction(0))) for one in [*in_force, *later])


def _bar_start(time: Fraction, bar_length: Fraction, pickup: Fraction) -> Fraction:
    return Fraction(0) if time < pickup else pickup + (time - pickup) // bar_length * bar_length


def _bar_size(time: Fraction, bar_length: Fraction, pickup: Fraction) -> Fraction:
    return pickup if time < pickup else bar_length
