"""Expansion of repeats: the order in which the stretches of a score are played, and its notes in that order.

A turn is a place with a mark that may change the order: a repeat sign, the number of an ending, the label of a part, or
a sign such as "da capo". A stretch is the music between two turns. S stretches have S + 1 turns: stretch k begins at
turn k and ends at turn k + 1.

- A repeat goes back to the turn that opens it. If there is none, it goes back to the end of the previous repeat, to the
  last division (a double bar, in formats where it divides), or to the beginning. A repeat that is never closed is
  played once.
- Numbered endings are played in the passes with these numbers. Each except the last goes back, with or without a repeat
  sign at its end. A first ending with a repeat sign and without a second ending is played in the first pass only.
- Repeats do not nest: opening a repeat within another one ends the outer one.
- Only the first da capo or dal segno of a score is followed, once. After the jump, repeats are ignored, the last of
  alternative endings is played, and the music ends at "fine", continues from "to coda" at the coda, or ends at the end.

Every stretch is played at least once, unless a list of parts or a "to coda" omits it.

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
"""Marks of jumps: "segno" and "coda" apply where a stretch begins, the others where one ends."""

MAX_TIMES = 100
"""Maximum number of times that a section is played."""

MAX_STRETCHES = 20_000
"""Maximum number of stretches of one score, including repeated ones."""


@dataclass
class Turn:
    """A point between two stretches and its marks, by default none.

    Attributes:
        opens: Whether a repeat begins here.
        times: Total number of times that the section before this point is played, 0 if no repeat ends here.
        divides: Whether a later repeat without a beginning goes back no further than this.
        endings: Numbers of the passes in which the music from here to the next turn is played; empty for all passes.
        label: Name of the part that begins here, "" if none does.
        signs: Marks of jumps.
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
            times: Total number of times that the section is played.

        Raises:
            ValueError: If ``times`` is more than MAX_TIMES.
        """
        self.times = max(self.times, _checked(times))

    def end_as(self, numbers: Sequence[int]) -> None:
        """Begin an ending.

        Args:
            numbers: Numbers of the passes in which it is played, from 1; smaller numbers are ignored.

        Raises:
            ValueError: If a number is more than MAX_TIMES.
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
        turns: [S + 1] turns of the score.
        sizes: [S] number of notes of each stretch.
        parts: Labels in the order in which the parts are played; unknown labels are ignored. If none is known, the
            score is played from beginning to end. Music before the first part is played first.
        repeats_in_parts: Whether repeat signs apply within a part. If a part with endings is played several times,
            the numbers of its endings refer to these times, and its repeat signs are ignored.

    Returns:
        Indices of stretches.

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
    """Return the turns at which the part of each label begins and ends; if a label recurs, those of its first part."""
    begins = [number for number, turn in enumerate(turns[:-1]) if turn.label]
    ends = [*begins[1:], len(turns) - 1]
    return {turns[first].label: (first, end) for first, end in reversed([*zip(begins, ends, strict=False)])}


class _Run(NamedTuple):
    """An ending: the numbers of its passes, and its stretches from ``first`` up to ``end``."""

    numbers: frozenset[int]
    first: int
    end: int


class _Player:
    """Expands repeats: ``order`` lists the stretches in the order of playing."""

    def __init__(self, turns: Sequence[Turn], sizes: Sequence[int]) -> None:
        self.order: list[int] = []
        self._turns, self._sizes = turns, sizes
        self._num_notes = 0

    def add(self, first: int, end: int) -> None:
        """Play the stretches from ``first`` up to ``end``, without repeats."""
        for stretch in range(first, end):
            self.order.append(stretch)
            self._num_notes += self._sizes[stretch]
            if self._num_notes > MAX_NOTES:
                raise ValueError(f"files of at most {MAX_NOTES} notes are read: with repeats expanded it has more")
            if len(self.order) > MAX_STRETCHES:
                raise ValueError(f"at most {MAX_STRETCHES} sections are played: with repeats expanded it has more")

    def play_all(self) -> None:
        """Play the whole score, with its first da capo or dal segno."""
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
        """Play the stretches from ``first`` up to ``end``, with repeats or only with the last endings."""
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
        """Play the endings that start at ``at``, repeating from ``begin``; return the turn after the last one."""
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
        """Return the endings that start at ``at``; an ending with an earlier number belongs to the next section."""
        runs: list[_Run] = []
        for numbers, group in groupby(range(at, end), key=lambda stretch: self._turns[stretch].endings):
            stretches = list(group)
            is_other = any(numbers & run.numbers for run in runs) or (runs and self._turns[stretches[0]].opens)
            if not numbers or is_other:
                break
            runs.append(_Run(numbers, stretches[0], stretches[-1] + 1))
        return runs

    def play_pass(self, first: int, end: int, number: int) -> None:
        """Play pass ``number`` (from 0) of a part: without repeats, and with only the ending of that pass."""
        last = max(max(turn.endings, default=1) for turn in self._turns[first:end])
        for stretch in range(first, end):
            endings = self._turns[stretch].endings
            if not endings or number % last + 1 in endings:
                self.add(stretch, stretch + 1)


class _Passage(NamedTuple):
    """Stretches ``first`` up to ``end``, played in one go: written times, and the delay until they are played."""

    first: int
    end: int
    begins: Fraction
    ends: Fraction
    later: Fraction


class Course:
    """A mapping of a voice from written to played times (quarter notes)."""

    def __init__(self, order: Sequence[int], onsets: Sequence[Fraction]) -> None:
        """Compute the times at which the stretches are played.

        Args:
            order: Indices of stretches in the order in which they are played.
            onsets: [S + 1] written time of each turn.
        """
        self._passages: list[_Passage] = []
        now = Fraction(0)
        for _, group in groupby(enumerate(order), key=lambda pair: pair[1] - pair[0]):
            stretches = [stretch for _, stretch in group]
            begins, ends = onsets[stretches[0]], onsets[stretches[-1] + 1]
            self._passages.append(_Passage(stretches[0], stretches[-1] + 1, begins, ends, now - begins))
            now += ends - begins

    def notes(self, notes: Sequence[Note], cuts: Sequence[int]) -> list[Note]:
        """Return the notes of a voice as they are played.

        Args:
            notes: Notes as written, in order.
            cuts: [S + 1] number of notes before each turn.

        Returns:
            The notes; a note that extends beyond its passage is cut at the end of the passage.
        """
        played: list[Note] = []
        for passage in self._passages:
            for note in notes[cuts[passage.first] : cuts[passage.end]]:
                duration = min(note.duration, passage.ends - note.onset) if note.duration else note.duration
                played.append(note._replace(onset=note.onset + passage.later, duration=duration))
        return played

    def signatures(self, signatures: Sequence[Signature]) -> list[Signature]:
        """Return signatures at played times; those of a repeated passage are repeated where others are in force."""
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
        """Yield the played times of written times, each as often as the music before it is played."""
        for passage in self._passages:
            for onset in onsets:
                if passage.begins < onset <= passage.ends:
                    yield onset + passage.later
