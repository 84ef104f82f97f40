"""Repeats written out: the order in which the stretches of a score are played, and its notes in that order.

A stretch is the music between two turns, and a turn is a place where a mark may lead elsewhere: a repeat sign, the
number of an ending, a part's label, a sign such as "da capo". S stretches have S + 1 turns: stretch k begins at turn k
and ends at turn k + 1.

- A repeat leads back to the turn that opens it; without one, to the end of the repeat before it, to the last division
  (a double bar, in formats where it divides), or to the beginning. One that is never closed is played once.
- Endings with numbers are played in the passes of these numbers, and every ending but the last leads back, whether or
  not it closes with a repeat sign. A first ending that closes and has no second one is played in the first pass only.
- Repeats do not nest: a repeat that opens within another one ends it.
- Da capo and dal segno are followed once, the first one of a score: the repeats in it are not taken again, of endings
  the last one is played, up to "fine", from "to coda" to the coda, or to the end.

No music is lost: every stretch is played at least once, unless a list of parts or a "to coda" leaves it out.

Sources: The abc music standard 2.1, sections 3.1.9, 4.8 to 4.10; MusicXML 4.0, elements barline, ending, repeat, sound.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from typing import Literal, NamedTuple, TypeAlias

from data_prep.limits import MAX_NOTES
from data_prep.readers.notes import Note
from data_prep.readers.voices import Signature, signatures_from

Sign: TypeAlias = Literal["segno", "coda", "to coda", "fine", "da capo", "dal segno"]
"""Jumps other than back: "segno" and "coda" stand where a stretch begins, the others where one ends."""

MAX_TIMES = 100
"""How many times a section may be played."""

MAX_STRETCHES = 20_000
"""Stretches of one score, those played again counted."""


@dataclass
class Turn:
    """A point between two stretches, with its marks; none by default.

    Attributes:
        opens: A repeat begins here.
        times: How often the section that a repeat ends here is played in all, 0 where none ends.
        divides: A repeat without a beginning, which ends later, leads no further back than this.
        endings: Numbers of the passes in which the music from here to the next turn is played; all if there are none.
        label: The name of the part that begins here, "" where none does.
        signs: Further signs.
    """

    opens: bool = False
    times: int = 0
    divides: bool = False
    endings: frozenset[int] = frozenset()
    label: str = ""
    signs: set[Sign] = field(default_factory=set[Sign])

    def close(self, times: int = 2) -> None:
        """End a repeat here.

        Args:
            times: How often the section is played in all.

        Raises:
            ValueError: If that is more than MAX_TIMES.
        """
        self.times = max(self.times, _checked(times))

    def end_as(self, numbers: Sequence[int]) -> None:
        """Begin the ending of these numbers.

        Args:
            numbers: Of the passes, from 1 on; those that are not are left out.

        Raises:
            ValueError: If one is more than MAX_TIMES.
        """
        self.endings = frozenset(_checked(number) for number in numbers if number > 0)


def _checked(times: int) -> int:
    if times > MAX_TIMES:
        raise ValueError(f"a section is played at most {MAX_TIMES} times: a repeat or an ending asks for {times}")
    return times


def playing_order(
    turns: Sequence[Turn], sizes: Sequence[int], parts: Sequence[str] = (), *, repeats_in_parts: bool = True
) -> list[int]:
    """Return the order in which the stretches of a score are played.

    Args:
        turns: [S + 1] the score's turns.
        sizes: [S] the number of notes of each stretch.
        parts: Labels in the order in which the parts are played; a label that the score does not have is ignored.
            If it has none of them, the score is played from beginning to end. What comes before the first part is
            played first.
        repeats_in_parts: Repeat signs count within a part. In a part with endings that is played several times, their
            numbers count these times, and its repeat signs do not.

    Returns:
        Numbers of stretches.

    Raises:
        ValueError: If there are more than MAX_NOTES notes, or MAX_STRETCHES stretches.
    """
    player = _Player(turns, sizes)
    spans = _spans(turns)
    chosen = [spans[label] for label in parts if label in spans]
    if not chosen:
        player.play_all()
        return player.order
    player.play(0, min(first for first, _ in spans.values()))
    for played, (first, end) in enumerate(chosen):
        if not repeats_in_parts:
            player.add(first, end)
        elif chosen.count((first, end)) > 1 and any(turn.endings for turn in turns[first:end]):
            player.play_pass(first, end, chosen[:played].count((first, end)))
        else:
            player.play(first, end)
    return player.order


def _spans(turns: Sequence[Turn]) -> Mapping[str, tuple[int, int]]:
    """Return where the part of each label begins and ends; of two parts with one label the first counts."""
    begins = [number for number, turn in enumerate(turns[:-1]) if turn.label]
    ends = [*begins[1:], len(turns) - 1]
    return {turns[first].label: (first, end) for first, end in reversed([*zip(begins, ends, strict=False)])}


class _Run(NamedTuple):
    """An ending: its numbers, and the stretches from first up to end."""

    numbers: frozenset[int]
    first: int
    end: int


class _Player:
    """Plays stretches and keeps their order."""

    def __init__(self, turns: Sequence[Turn], sizes: Sequence[int]) -> None:
        self.order: list[int] = []
        self._turns, self._sizes = turns, sizes
        self._num_notes = 0

    def add(self, first: int, end: int) -> None:
        """Play the stretches from first up to end."""
        for stretch in range(first, end):
            self.order.append(stretch)
            self._num_notes += self._sizes[stretch]
            if self._num_notes > MAX_NOTES:
                raise ValueError(
                    f"files of at most {MAX_NOTES} notes are read: with its repeats written out it has more"
                )
            if len(self.order) > MAX_STRETCHES:
                raise ValueError(
                    f"at most {MAX_STRETCHES} sections are played: with its repeats written out it has more"
                )

    def play_all(self) -> None:
        """Play the whole score, the first da capo or dal segno in it included."""
        end = len(self._turns) - 1
        jump = self._find(0, "da capo", "dal segno")
        target = 0 if jump is None or "da capo" in self._turns[jump].signs else self._find(-1, "segno")
        if jump is None or target is None:
            self.play(0, end)
            return
        self.play(0, jump)
        leaves = self._find(target, "to coda")
        coda = None if leaves is None else self._find(leaves - 1, "coda")
        if leaves is not None and coda is not None:
            self.play(target, leaves, repeats=False)
            self.play(coda, end)
        else:
            self.play(target, self._find(target, "fine") or end, repeats=False)

    def _find(self, after: int, *signs: Sign) -> int | None:
        return next(
            (at for at in range(after + 1, len(self._turns)) if self._turns[at].signs.intersection(signs)), None
        )

    def play(self, first: int, end: int, *, repeats: bool = True) -> None:
        """Play from first up to end with repeats, or without, which plays the last ending of each section."""
        begin, at, is_opened = first, first, False
        while at < end:
            turn = self._turns[at]
            if turn.opens or (turn.divides and not is_opened):
                begin, is_opened = at, turn.opens
            if turn.endings:
                begin = at = self._play_endings(begin, at, end, repeats=repeats)
                is_opened = False
                continue
            self.add(at, at + 1)
            at += 1
            if self._turns[at].times:
                for _ in range(self._turns[at].times - 1 if repeats else 0):
                    self.add(begin, at)
                begin, is_opened = at, False

    def _play_endings(self, begin: int, at: int, end: int, *, repeats: bool) -> int:
        """Play the endings from ``at`` on, after what was played from ``begin``; return where the last one ends."""
        runs = self._runs(at, end)
        after = runs[-1].end
        last = max(max(run.numbers) for run in runs)
        if len(runs) == 1 and 1 in runs[0].numbers and self._turns[after].times:
            last += 1  # the section continues after its only ending
        for number in range(1 if repeats else last, last + 1):
            if repeats and number > 1:
                self.add(begin, at)
            for run in runs:
                if number in run.numbers:
                    self.add(run.first, run.end)
        return after

    def _runs(self, at: int, end: int) -> list[_Run]:
        """Return the endings from ``at`` on; one with a number that has been belongs to another section."""
        runs: list[_Run] = []
        for numbers, group in groupby(range(at, end), key=lambda stretch: self._turns[stretch].endings):
            stretches = list(group)
            is_other = any(numbers & run.numbers for run in runs) or (runs and self._turns[stretches[0]].opens)
            if not numbers or is_other:
                break
            runs.append(_Run(numbers, stretches[0], stretches[-1] + 1))
        return runs

    def play_pass(self, first: int, end: int, number: int) -> None:
        """Play one pass of a part, counted from 0: without repeats, of its endings the one of that pass."""
        last = max(max(turn.endings, default=1) for turn in self._turns[first:end])
        for stretch in range(first, end):
            endings = self._turns[stretch].endings
            if not endings or number % last + 1 in endings:
                self.add(stretch, stretch + 1)


class _Passage(NamedTuple):
    """Stretches that are played in one go: their numbers, when they are written, and how much later they are played."""

    first: int
    end: int
    begins: Fraction
    ends: Fraction
    later: Fraction


class Course:
    """The course of a voice through its score."""

    def __init__(self, order: Sequence[int], onsets: Sequence[Fraction]) -> None:
        """Lay the stretches out in time.

        Args:
            order: Numbers of stretches in the order in which they are played.
            onsets: [S + 1] when each turn stands in the score as written.
        """
        self._passages: list[_Passage] = []
        now = Fraction(0)
        for _, group in groupby(enumerate(order), key=lambda pair: pair[1] - pair[0]):
            stretches = [stretch for _, stretch in group]
            begins, ends = onsets[stretches[0]], onsets[stretches[-1] + 1]
            self._passages.append(_Passage(stretches[0], stretches[-1] + 1, begins, ends, now - begins))
            now += ends - begins

    def notes(self, notes: Sequence[Note], cuts: Sequence[int]) -> list[Note]:
        """Return a voice's notes as they are played.

        Args:
            notes: As written, in their order.
            cuts: [S + 1] how many of them come before each turn.

        Returns:
            The notes; one that sounds on where the order turns ends there.
        """
        played: list[Note] = []
        for passage in self._passages:
            for note in notes[cuts[passage.first] : cuts[passage.end]]:
                duration = min(note.duration, passage.ends - note.onset) if note.duration else note.duration
                played.append(note._replace(onset=note.onset + passage.later, duration=duration))
        return played

    def signatures(self, signatures: Sequence[Signature]) -> list[Signature]:
        """Return signatures as they come when the music is played: those of a passage again where others hold."""
        played: list[Signature] = []
        for passage in self._passages:
            of_passage = signatures_from(signatures, passage.begins)
            for signature in of_passage:
                if signature.onset >= passage.ends - passage.begins:
                    break
                is_held = signature.onset == 0 and played and played[-1][1:] == signature[1:]
                if not is_held:
                    played.append(signature._replace(onset=signature.onset + passage.begins + passage.later))
        return played

    def times(self, onsets: Sequence[Fraction]) -> Iterator[Fraction]:
        """Return when times as written come, each as often as the music that leads to it is played."""
        for passage in self._passages:
            for onset in onsets:
                if passage.begins < onset <= passage.ends:
                    yield onset + passage.later
