"""From overlapping notes to voices: sequences without overlap, and without gaps once rests fill them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import groupby, pairwise
from typing import TypeVar

from data_prep.grid import ARTICULATION_GAP, SHORTEST
from data_prep.limits import MAX_SILENT_BARS, check_length
from data_prep.pitches import REST
from data_prep.readers.notes import Key, Metre, Note

Signature = TypeVar("Signature", Metre, Key)


def rest(onset: Fraction, duration: Fraction) -> Note:
    """Make a rest."""
    return Note(onset, duration, REST, "rest", chord_size=0)


def settle_short(notes: Sequence[Note]) -> list[Note]:
    """Distinguish ornaments from short notes among played notes that were put on the grid.

    A note that begins on the grid with one at least four times as long is a grace note, which takes no time, if it is
    too short for the grid, or a thirty-second at most while nothing else begins before the long note has all but ended.
    So an acciaccatura of at most a thirty-second belongs to its note, and a run below a long note is no ornament. Any
    other note that is too short for the grid lasts the shortest time on it, or to the next onset.

    Args:
        notes: Notes of one line by onset; duration 0 for those that are too short for the grid.

    Returns:
        The same notes; only durations differ.
    """
    longest: dict[Fraction, Fraction] = {}
    for note in notes:
        longest[note.onset] = max(note.duration, longest.get(note.onset, Fraction(0)))
    following = dict(pairwise(longest))
    settled: list[Note] = []
    for note in notes:
        onset, length, long = note.onset, note.duration, longest[note.onset]
        until_next = following.get(onset, onset + long + SHORTEST) - onset
        if 0 < long >= 4 * length and (length == 0 or (length <= SHORTEST and until_next > long - ARTICULATION_GAP)):
            length = Fraction(0)
        elif length == 0:
            length = min(SHORTEST, until_next)
        settled.append(note._replace(duration=length))
    return settled


def stack_chords(notes: Iterable[Note]) -> list[Note]:
    """Make one event, the top note, of all notes with the same onset and duration; grace notes stay as they are.

    Args:
        notes: Notes in any order, none of them rests.

    Returns:
        The events by onset, those of one onset from high to low, after its grace notes in their order.
    """
    chords: dict[tuple[Fraction, Fraction], list[Note]] = {}
    events: list[Note] = []
    for note in notes:
        if note.duration:
            chords.setdefault((note.onset, note.duration), []).append(note)
        else:
            events.append(note)
    for chord in chords.values():
        top = max(chord, key=lambda note: note.pitch)
        events.append(top._replace(chord_size=len({note.pitch for note in chord})))
    return sorted(events, key=lambda note: (note.onset, note.duration > 0, -note.pitch if note.duration else 0))


def split(events: Iterable[Note], touch: Fraction = Fraction(0)) -> list[list[Note]]:
    """Distribute overlapping events over voices.

    An event continues the voice that is free at its onset and ended at the nearest pitch; where none is free, it
    opens a voice. So a line keeps its voice while it moves by small steps. A voice whose note overlaps the event by
    less than ``touch``, and by less than half the note, counts as free: the note was held on (legato), and ends where
    the event begins. Grace notes go with the event of their onset that is nearest in pitch.

    Args:
        events: Notes or chords, by onset, grace notes before the others of their onset.
        touch: In quarter notes.

    Returns:
        Voices without overlaps, by their mean pitch from high to low.
    """
    voices: list[list[Note]] = []
    free: list[int] = []
    busy: list[tuple[Fraction, int]] = []  # ends of voices that may still sound, in their order
    for onset, group in groupby(events, key=lambda event: event.onset):
        together = list(group)
        timed = [event for event in together if event.duration > 0] or together
        graces: list[list[Note]] = [[] for _ in timed]
        for grace in together[: len(together) - len(timed)]:
            nearest = min(range(len(timed)), key=lambda index: abs(timed[index].pitch - grace.pitch))
            graces[nearest].append(grace)
        while busy and busy[0][0] <= onset:
            free.append(busy.pop(0)[1])
        for before, event in zip(graces, timed, strict=True):
            number = _continued(event, voices, free, busy, onset + touch)
            voice = voices[number]
            if voice:
                voice[-1] = voice[-1]._replace(duration=min(voice[-1].duration, onset - voice[-1].onset))
            voice += [*before, event]
            insort(busy, (onset + event.duration, number))
    return sorted(voices, key=lambda voice: -sum(note.pitch for note in voice) / len(voice))


def _continued(
    event: Note, voices: list[list[Note]], free: list[int], busy: list[tuple[Fraction, int]], before: Fraction
) -> int:
    """Remove and return the voice that an event continues, of those that are free or end ``before``.

    If there is none, return the number of a new voice.
    """
    pitch = event.pitch
    near = [(abs(voices[number][-1].pitch - pitch), Fraction(0), number) for number in free]
    for end, number in busy[: bisect_left(busy, (before,))]:
        last = voices[number][-1]
        if 2 * (end - event.onset) < last.duration:
            near.append((abs(last.pitch - pitch), end - event.onset, number))
    if not near:
        voices.append([])
        return len(voices) - 1
    _, overlap, number = min(near)
    if overlap:
        busy.remove((event.onset + overlap, number))
    else:
        free.remove(number)
    return number


def fill_gaps(notes: Sequence[Note], bar_length: Fraction, pickup: Fraction) -> tuple[list[Note], Fraction]:
    """Fill the silences of a voice with rests, each within one bar as a copyist would write them.

    The voice then begins in the bar of its first note: whole silent bars before it are cut off (all onsets shift),
    because a voice that enters late is not a tune of long rests.

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
    """Return the signatures in force from a time on, with onsets counted from there."""
    in_force = [signature for signature in signatures if signature.onset <= begin][-1:]
    later = [signature for signature in signatures if signature.onset > begin]
    return tuple(
        signature._replace(onset=max(signature.onset - begin, Fraction(0))) for signature in [*in_force, *later]
    )


def _bar_start(time: Fraction, bar_length: Fraction, pickup: Fraction) -> Fraction:
    return Fraction(0) if time < pickup else pickup + (time - pickup) // bar_length * bar_length


def _bar_size(time: Fraction, bar_length: Fraction, pickup: Fraction) -> Fraction:
    return pickup if time < pickup else bar_length
