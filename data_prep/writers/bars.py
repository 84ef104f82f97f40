"""Notate a tune: bars, written note values, tuplets and beams.

Symbols: times and lengths are in quarter notes; offsets in a bar count from the beginning of a full bar, so that a
pickup is at the end of its bar. The written value of a note is its length times the ratio of its tuplet (3/2 in a
triplet), and needs at most one dot.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from math import lcm

from data_prep.pitches import REST
from data_prep.tunes.notation import Tune

_BARS_A_LINE = (4, 2, 1)
"""Numbers of full bars per line, of which the first is used with which the notes fit."""

_NOTES_A_LINE = 48
"""Greatest number of notes that fit on a line."""

_HALF_BARS = Fraction(4)
"""Bars of this length in simple time are divided, and beamed, in halves."""

_BREVE = 8
"""Longest written note in quarter notes."""

_QUARTERS = 4
"""Beat unit of quarter notes."""


@dataclass(frozen=True)
class WrittenNote:
    """One written note or rest.

    Attributes:
        note: Number of the note in the tune that it is, or is a part of.
        pitch: MIDI pitch or REST.
        offset: Position in the bar.
        length: Sounding length.
        ratio: Written value divided by length (3/2 in a triplet, 1 outside of tuplets).
        tuplet: Number of its tuplet in the bar, -1 outside of tuplets.
        span: Number of its beam group in the bar.
        begins: Whether it is the first part of its note.
        tied_before: Whether it is tied to the note before it.
        tied_after: Whether it is tied to the note after it.
    """

    note: int
    pitch: int
    offset: Fraction
    length: Fraction
    ratio: Fraction = Fraction(1)
    tuplet: int = -1
    span: int = 0
    begins: bool = True
    tied_before: bool = False
    tied_after: bool = False

    @property
    def value(self) -> Fraction:
        """The written value in quarter notes."""
        return self.length * self.ratio

    @property
    def end(self) -> Fraction:
        """End in the bar."""
        return self.offset + self.length

    @property
    def has_beam(self) -> bool:
        """Whether the written value has a flag or a beam."""
        return self.pitch != REST and self.value < 1


@dataclass(frozen=True)
class WrittenBar:
    """One bar.

    Attributes:
        number: Number of the bar, from 1; a pickup is 0.
        notes: The notes and rests.
    """

    number: int
    notes: tuple[WrittenNote, ...]

    @property
    def length(self) -> Fraction:
        """Length of the notes and rests."""
        return self.notes[-1].end - self.notes[0].offset


def bars(tune: Tune) -> list[WrittenBar]:
    """Return the bars of a tune in notation.

    Args:
        tune: The tune.

    Returns:
        The bars; the first is short if there is a pickup, the last if the tune ends within it.
    """
    grid = _Grid.of(tune)
    written = [_with_spans(_with_values(cut, grid), grid) for cut in _cut_at_bar_lines(tune)]
    return [WrittenBar(number, tuple(notes)) for number, notes in enumerate(written, 0 if tune.pickup else 1)]


def lines(written: Sequence[WrittenBar], share: float = 1.0) -> list[list[WrittenBar]]:
    """Distribute bars over lines, with as many full bars per line as fit.

    Args:
        written: The bars of a tune.
        share: Length of a line, as a share of that on a whole page.

    Returns:
        The lines; a single last bar joins the line before it if it fits.
    """
    most_notes = share * _NOTES_A_LINE
    layouts = [_layout(written, max(int(share * bars_a_line), 1)) for bars_a_line in _BARS_A_LINE]
    fitting = [lines for lines in layouts if max(map(_num_notes, lines)) <= most_notes]
    chosen = (fitting or layouts[-1:])[0]
    if len(chosen) > 1 and len(chosen[-1]) == 1 and _num_notes(chosen[-2]) + _num_notes(chosen[-1]) <= most_notes:
        chosen[-2:] = [[*chosen[-2], *chosen[-1]]]
    return chosen


def _layout(written: Sequence[WrittenBar], bars_a_line: int) -> list[list[WrittenBar]]:
    return [list(line) for _, line in groupby(written, lambda bar: max(bar.number - 1, 0) // bars_a_line)]


def _num_notes(line: Sequence[WrittenBar]) -> int:
    return sum(len(bar.notes) for bar in line)


def beat_length(metre: tuple[int, int]) -> Fraction:
    """Return the length of a beat: a dotted note in compound time, a quarter in 4/4, a half in 2/2."""
    return Fraction(4 * (3 if _is_compound(metre) else 1), metre[1])


def is_written(value: Fraction) -> bool:
    """Return whether a length can be written as one note with at most one dot, up to a breve."""
    return _odd(value.numerator) in {1, 3} and _odd(value.denominator) == 1 and value <= _BREVE


def _is_compound(metre: tuple[int, int]) -> bool:
    beats, unit = metre
    return beats % 3 == 0 and (beats // 3 > 1 or unit > _QUARTERS)  # 3/8 has one beat, 3/4 three


@dataclass(frozen=True)
class _Grid:
    """Positions in the bars of a metre.

    Attributes:
        beat: Length of a beat, at most a quarter note in simple time.
        middle: Middle of a bar that is divided in halves, else None.
        is_compound: Whether beats have three parts.
        coarse: Beginnings of the beam groups of a bar.
        fine: Beginnings of the beam groups in parts of a bar with tuplets or values below an eighth.
    """

    beat: Fraction
    middle: Fraction | None
    is_compound: bool
    coarse: tuple[Fraction, ...]
    fine: tuple[Fraction, ...]

    @classmethod
    def of(cls, tune: Tune) -> "_Grid":
        compound = _is_compound(tune.metre)
        beat = beat_length(tune.metre) if compound else min(beat_length(tune.metre), Fraction(1))
        in_halves = not compound and tune.bar_length == _HALF_BARS
        if compound:
            coarse = fine = _steps(tune.bar_length, beat)
        elif beat < 1 and tune.metre[0] % 2:  # 5/8 is 3 + 2, 7/8 is 3 + 2 + 2
            first = 3 * beat
            coarse = fine = (Fraction(0), *(first + at for at in _steps(tune.bar_length - first, 2 * beat)))
        else:
            in_twos = in_halves or tune.metre[1] < _QUARTERS  # 3/2 and the like
            coarse = _steps(tune.bar_length, Fraction(2 if in_twos else 1))
            fine = _steps(tune.bar_length, Fraction(1))
        return cls(beat, tune.bar_length / 2 if in_halves else None, compound, coarse, fine)

    def allows(self, begin: Fraction, end: Fraction, *, is_rest: bool) -> bool:
        """Return whether a note between two positions can be written without a tie."""
        length, beat = end - begin, self.beat
        if not is_written(length):
            return False
        if not _inside(begin, end, beat):
            return True
        if self.is_compound:
            return begin % beat == 0 and length % beat == 0
        if is_rest:
            return begin % length == 0
        on_beats = begin % beat == 0 and end % beat == 0
        if self.middle is not None and begin < self.middle < end:
            return on_beats
        return on_beats or (begin % (beat / 2) == 0 and end % (beat / 2) == 0)

    def split(self, begin: Fraction, end: Fraction, *, is_rest: bool) -> Iterator[tuple[Fraction, Fraction]]:
        """Split a note at positions of the metre into notes that can be written."""
        while not self.allows(begin, end, is_rest=is_rest):
            cut = self._cut(begin, end, is_rest=is_rest)
            yield begin, cut
            begin = cut
        yield begin, end

    def _cut(self, begin: Fraction, end: Fraction, *, is_rest: bool) -> Fraction:
        """Return the last position, on the coarsest level of the metre with one, at which the note can be split."""
        levels = [*([self.middle] if self.middle is not None else []), self.beat]
        levels += [self.beat / parts / 2**halvings for parts in [3 if self.is_compound else 2] for halvings in range(9)]
        for level in levels:
            for place in reversed(_inside(begin, end, level)):
                if self.allows(begin, place, is_rest=is_rest):
                    return place
        raise AssertionError("a level below all lengths has a position inside")


def _steps(length: Fraction, step: Fraction) -> tuple[Fraction, ...]:
    return tuple(step * number for number in range(-(-length // step)))


def _inside(begin: Fraction, end: Fraction, step: Fraction) -> list[Fraction]:
    """Return the multiples of a step strictly between two positions."""
    return [step * number for number in range(int(begin // step) + 1, int(-(-end // step)))]


def _cut_at_bar_lines(tune: Tune) -> list[list[WrittenNote]]:
    length = tune.bar_length
    now = length - tune.pickup if tune.pickup else Fraction(0)
    bars_of_notes: list[list[WrittenNote]] = [[]]
    for index, (pitch, duration) in enumerate(zip(tune.pitch, tune.duration, strict=True)):
        is_note, begun, left = pitch != REST, False, duration
        while left > 0:
            if now == length:
                bars_of_notes.append([])
                now = Fraction(0)
            part = min(left, length - now)
            left -= part
            ties = (is_note and begun, is_note and left > 0)
            written = WrittenNote(index, pitch, now, part, begins=not begun, tied_before=ties[0], tied_after=ties[1])
            bars_of_notes[-1].append(written)
            now, begun = now + part, True
    return bars_of_notes


def _odd(number: int) -> int:
    return number // (number & -number)


def _with_values(notes: Sequence[WrittenNote], grid: _Grid) -> list[WrittenNote]:
    """Split the notes of a bar into notes that can be written, in tuplets where their lengths require it."""
    written: list[WrittenNote] = []
    tuplet = -1
    begin = 0
    while begin < len(notes):
        if _odd(notes[begin].length.denominator) == 1:
            written += _parts(notes[begin], list(_plain_places(notes[begin], grid)))
            begin += 1
            continue
        end = _tuplet_end(notes, begin)
        tuplet += 1
        odd = _odd(lcm(*(note.length.denominator for note in notes[begin:end])))
        ratio = Fraction(odd, 1 << (odd.bit_length() - 1))  # 3 in the time of 2, 5 and 7 in the time of 4
        for note in notes[begin:end]:
            member = replace(note, ratio=ratio, tuplet=tuplet)
            written += _parts(member, list(_tuplet_places(member)))
        begin = end
    return written


def _tuplet_end(notes: Sequence[WrittenNote], begin: int) -> int:
    """Return the end of a tuplet: where its lengths add up to a plain length, else where their kind changes."""
    total = Fraction(0)
    for end in range(begin, len(notes)):
        total += notes[end].length
        if _odd(total.denominator) == 1:
            return end + 1
    end = begin
    while end < len(notes) and _odd(notes[end].length.denominator) == _odd(notes[begin].length.denominator):
        end += 1
    return end


def _plain_places(note: WrittenNote, grid: _Grid) -> Iterator[tuple[Fraction, Fraction]]:
    if _odd(note.offset.denominator) == 1:
        yield from grid.split(note.offset, note.end, is_rest=note.pitch == REST)
    else:  # after an incomplete tuplet, positions are meaningless
        yield from _tuplet_places(note)


def _tuplet_places(note: WrittenNote) -> Iterator[tuple[Fraction, Fraction]]:
    """Split a note into values that can be written, longest first."""
    begin, left = note.offset, note.length
    while left > 0:
        value = left * note.ratio
        unit = Fraction(1, value.denominator)
        while not is_written(value):
            value -= unit
        yield begin, begin + value / note.ratio
        begin, left = begin + value / note.ratio, left - value / note.ratio


def _parts(note: WrittenNote, places: Sequence[tuple[Fraction, Fraction]]) -> Iterator[WrittenNote]:
    is_note, last = note.pitch != REST, len(places) - 1
    for number, (begin, end) in enumerate(places):
        yield replace(
            note,
            offset=begin,
            length=end - begin,
            begins=number == 0 and note.begins,
            tied_before=is_note and (number > 0 or note.tied_before),
            tied_after=is_note and (number < last or note.tied_after),
        )


def _with_spans(notes: Sequence[WrittenNote], grid: _Grid) -> list[WrittenNote]:
    """Assign notes to coarse beam groups, or to fine ones where a coarse group is uneven."""
    uneven = {_place(grid.coarse, note.offset) for note in notes if note.tuplet >= 0 or note.value < Fraction(1, 2)}
    starts = sorted(set(grid.coarse) | {at for at in grid.fine if _place(grid.coarse, at) in uneven})
    return [replace(note, span=_place(starts, note.offset)) for note in notes]


def _place(starts: Sequence[Fraction], offset: Fraction) -> int:
    return sum(start <= offset for start in starts) - 1
