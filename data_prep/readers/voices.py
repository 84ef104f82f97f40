"""Conversion of overlapping notes to voices without overlaps, whose gaps are filled with rests."""

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
    """Return a rest."""
    return Note(onset, duration, REST, "rest", chord_size=0)


def adjust_short_notes(notes: Sequence[Note]) -> list[Note]:
    """Set the durations of short played notes after snapping to the grid.

    A note becomes a grace note (duration 0) if another note with the same onset is at least four times as long, and if
    it is either too short for the grid, or at most a thirty-second while nothing else begins until the long note has
    almost ended. So a short acciaccatura is an ornament of its note, but a run below a long note is not. Any other note
    that is too short for the grid lasts for the shortest duration on the grid, or until the next onset.

    Args:
        notes: Notes of one line in the order of their onsets; duration 0 for notes too short for the grid.

    Returns:
        The notes with their new durations.
    """
    longest: dict[Fraction, Fraction] = {}
    for note in notes:
        longest[note.onset] = max(note.duration, longest.get(note.onset, Fraction(0)))
    following = dict(pairwise(longest))
    adjusted: list[Note] = []
    for note in notes:
        onset, length, long = note.onset, note.duration, longest[note.onset]
        until_next = following.get(onset, onset + long + SHORTEST) - onset
        if 0 < long >= 4 * length and (length == 0 or (length <= SHORTEST and until_next > long - ARTICULATION_GAP)):
            length = Fraction(0)
        elif length == 0:
            length = min(SHORTEST, until_next)
        adjusted.append(note._replace(duration=length))
    return adjusted


def stack_chords(notes: Iterable[Note]) -> list[Note]:
    """Replace all notes with the same onset and duration by one event, their top note; keep grace notes unchanged.

    Args:
        notes: Notes in any order, without rests.

    Returns:
        The events in the order of their onsets. At each onset, grace notes come first, in their order, and the others
        follow from high to low.
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

    An event continues the free voice whose last pitch is nearest; if no voice is free, it opens a new one. So a line
    that moves in small steps stays in its voice. A voice whose last note overlaps the event by less than ``touch``, and
    by less than half the note, also counts as free: the note was played legato, and is cut at the onset of the event.
    Grace notes join the event with the same onset that is nearest in pitch.

    Args:
        events: Notes and chords in the order of their onsets, at each onset grace notes first.
        touch: Longest overlap of notes played legato (quarter notes).

    Returns:
        Voices without overlaps, in the order of their mean pitch from high to low.
    """
    voices: list[list[Note]] = []
    free: list[int] = []
    busy: list[tuple[Fraction, int]] = []  # (end, voice) of voices that may still sound, sorted
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
    """Return the voice that an event continues, taken from those that are free or end ``before``, or a new voice."""
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
    """Fill the gaps of a voice with rests, each of which stays within one bar.

    Whole silent bars before the first note are cut off, which shifts all onsets: a voice that enters late should not
    begin with long rests.

    Args:
        notes: Notes of a voice in the order of their onsets, without overlaps, possibly with rests and grace notes.
        bar_length: Length of a bar (quarter notes).
        pickup: Length of the opening partial bar of the score (quarter notes).

    Returns:
        The voice from time 0 on, without gaps and without a rest at its end, and the time that was cut off (quarter
        notes).

    Raises:
        ValueError: If the voice is too long, or is silent for more than MAX_SILENT_BARS bars.
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
            raise ValueError(f"at most {MAX_SILENT_BARS} silent bars of a voice are read: it has {silent_bars} or more")
        while now < note.onset:
            bar_end = pickup if now < pickup else _bar_start(now, bar_length, pickup) + bar_length
            end = min(note.onset, bar_end)
            filled.append(rest(now - begin, end - now))
            now = end
        filled.append(note._replace(onset=note.onset - begin))
        now = max(now, note.onset + note.duration)  # a grace note may be inside a note that a tie made longer
    return filled, begin


def signatures_from(signatures: Sequence[Signature], begin: Fraction) -> tuple[Signature, ...]:
    """Return the signatures that apply from a time on, with onsets relative to it."""
    first = max(0, sum(signature.onset <= begin for signature in signatures) - 1)
    return tuple(
        signature._replace(onset=max(signature.onset - begin, Fraction(0))) for signature in signatures[first:]
    )


def _bar_start(time: Fraction, bar_length: Fraction, pickup: Fraction) -> Fraction:
    return Fraction(0) if time < pickup else pickup + (time - pickup) // bar_length * bar_length
