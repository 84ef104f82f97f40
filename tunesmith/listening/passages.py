"""Choosing the pieces of a listening test, and a passage of each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from data_prep.corpora.named import Corpus, resolve
from data_prep.errors import BadInputError
from data_prep.limits import read_bytes
from data_prep.performances import files as performance_files
from data_prep.performances.files import Entry
from data_prep.performances.filters import RULES
from data_prep.performances.preparation import Played, read_files
from data_prep.prepared.corpus import prepare
from data_prep.prepared.seen_pieces import seen_pieces
from data_prep.randomness import stream
from data_prep.readers.bounded import Failure
from data_prep.wording import counted

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance, Performances
    from data_prep.progress import Progress

SHORTEST_S = 30.0
"""Least length of a passage (seconds); shorter ones lack the context in which dynamics make sense."""

_WHOLE = 1.25
"""A piece that is longer than a passage by less than this factor is used as a whole."""

_BREATHS = 0.1
"""Share of a piece's onsets that may begin a passage: those after the longest gaps between onsets."""

_NEEDS_A_HUMAN = "few velocities"
"""The rule that a piece without a human's dynamics breaks."""


@dataclass(frozen=True)
class Piece:
    """A piece of a listening test.

    Attributes:
        name: Its name in its folder.
        style: The style of its folder or index.
        data: Contents of the MIDI file.
        performance: The piano's notes.
    """

    name: str
    style: str
    data: bytes
    performance: "Performance"


def choose(
    folder: str, count: int, *, human: bool, seed: int, learnt: "Performances | None", progress: "Progress"
) -> list[Piece]:
    """Choose pieces at random, of each style equally many if possible, and of different compositions.

    Args:
        folder: A folder of performances, as a corpus.
        count: Number of pieces.
        human: Whether the pieces must have a human's dynamics.
        seed: Seed of the choice.
        learnt: Pieces that the model was trained on. They and their variants are not chosen; None if unknown.
        progress: Shows the progress of reading.

    Returns:
        The pieces.

    Raises:
        BadInputError: If the folder has no performances or too few.
    """
    corpus = resolve(folder)
    if corpus.rendered:
        rule = "a listening test needs a folder of performances in MIDI"
        raise BadInputError(rule, f"the corpus {folder!r} is rendered by rule")
    if human:
        entries, lost = _performances(corpus, folder, learnt, progress)
    else:
        entries, lost = _shuffled_entries(corpus, folder), ""
    order: list[int] = stream(seed, "listening test, pieces").permutation(len(entries)).tolist()
    reasons: list[str] = []
    pieces: list[Piece] = []
    waiting = _by_turns([entries[index] for index in order])
    while batch := list(islice(waiting, count - len(pieces))):
        for entry, answer in zip(batch, read_files([entry.path for entry in batch]), strict=True):
            read = _piece(entry, answer, human=human)
            pieces.append(read) if isinstance(read, Piece) else reasons.append(f"{entry.name}: {read}")
    if len(pieces) < count:
        found = f"{folder} has {len(pieces)}{lost}" + (f" (left out: {reasons[0]})" if reasons else "")
        remedy = "add performances, or lower --pieces or --practice" + (", or use --keep-seen" if lost else "")
        raise BadInputError(f"the test needs {counted(count, 'usable piece')}", found, remedy=remedy)
    return pieces


def window(performance: "Performance", seconds: float | None, random: np.random.Generator) -> tuple[float, float]:
    """Choose a passage that begins after a long gap between onsets and ends before an onset.

    Args:
        performance: The notes of a piece.
        seconds: Least length (seconds); None for the whole piece.
        random: Source of randomness.

    Returns:
        Begin and end (seconds); the end is infinite if it is that of the piece.
    """
    onset = np.unique(performance.seconds)
    if seconds is None or onset[-1] - onset[0] <= _WHOLE * seconds:
        return float(onset[0]), np.inf
    gap = np.diff(onset, prepend=-np.inf)[onset <= onset[-1] - seconds]
    longest = np.argsort(-gap, kind="stable")[: max(1, round(_BREATHS * len(gap)))]
    begin = float(onset[random.choice(longest)])
    return begin, float(onset[np.searchsorted(onset, begin + seconds)])


def _performances(
    corpus: Corpus, folder: str, learnt: "Performances | None", progress: "Progress"
) -> tuple[list[Entry], str]:
    """Return one performance of each composition, and words for what is left out."""
    data: Performances = prepare(folder, kind="performances", num_folds=None, progress=progress).data
    is_seen = np.zeros(data.num_pieces, np.bool_) if learnt is None else seen_pieces(learnt, data)
    files = {entry.name: entry for entry in performance_files.entries(corpus)}
    of_composition: dict[int, str] = {}
    for name, composition, seen in zip(data.ids, data.composition.tolist(), is_seen.tolist(), strict=True):
        if not seen:
            of_composition.setdefault(composition, name)
    lost = f" that the model has not seen, of {data.num_pieces}" if is_seen.any() else ""
    return [files[name] for name in of_composition.values()], lost


def _shuffled_entries(corpus: Corpus, folder: str) -> list[Entry]:
    entries = performance_files.entries(corpus)
    if not entries:
        raise BadInputError("a listening test needs at least one MIDI file (.mid, .midi)", f"there is none in {folder}")
    return entries


def _by_turns(entries: Sequence[Entry]) -> Iterator[Entry]:
    """Yield the first entry of each style, then the second, and so on."""
    turn: Counter[str] = Counter()
    turns: list[int] = []
    for entry in entries:
        turns.append(turn[entry.style])
        turn[entry.style] += 1
    yield from (entry for _, entry in sorted(zip(turns, entries, strict=True), key=lambda pair: pair[0]))


def _piece(entry: Entry, answer: Played | Failure, *, human: bool) -> Piece | str:
    """Return a piece, or why it cannot be used."""
    if isinstance(answer, Failure):
        return answer.reason
    for name, rule in RULES.items():
        reason = rule(answer.file, answer.performance, answer.beats)
        if reason is not None and (human or name != _NEEDS_A_HUMAN):
            return reason
    return Piece(entry.name, entry.style, read_bytes(entry.path), answer.performance)
