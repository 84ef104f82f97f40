"""Prepare performances: read files, exclude pieces, group by composition, split each style into folds, assemble."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from data_prep.corpora.folds import TEST, UNFOLDED, assign_by_style, hold_out_first
from data_prep.corpora.named import Corpus
from data_prep.corpora.provenance import Inputs, Origin, Preparation, Skipped
from data_prep.corpora.selection import select
from data_prep.errors import BadInputError
from data_prep.limits import MAX_BYTES, read_bytes
from data_prep.melodies.kinship import compositions, skyline
from data_prep.performances import files as performance_files
from data_prep.performances import reader
from data_prep.performances.arrays import Performance, Performances
from data_prep.performances.files import Entry
from data_prep.performances.filters import RULES, broken_rule
from data_prep.performances.renderings import STYLES, render
from data_prep.pitches import has_key
from data_prep.progress import Progress
from data_prep.readers import beats as annotated
from data_prep.readers.bounded import Failure, FileReader, read_each, read_one
from data_prep.readers.cached import read_all
from data_prep.readers.notes import Piece

DUPLICATES = "duplicates"
"""Rule that excludes performances with the same notes as an earlier one."""


@dataclass
class _Read:
    """The performances that were kept, skipped and left out."""

    kept: list[tuple[Entry, Performance]] = field(default_factory=list[tuple[Entry, Performance]])
    skipped: list[Skipped] = field(default_factory=list[Skipped])
    unread: list[str] = field(default_factory=list[str])  # names of the files skipped for a transient reason
    exclusions: list[Skipped] = field(default_factory=list[Skipped])
    left_out: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*RULES, DUPLICATES), 0))

    def leave_out(self, entry: Entry, rule: str, reason: str) -> None:
        self.left_out[rule] += 1
        self.exclusions.append(Skipped(entry.name, reason))


class Played(NamedTuple):
    """A performance as read.

    Attributes:
        file: The file, with onsets by its ticks.
        beats: The annotated beats, if any.
        performance: The notes in the range of a piano, in quarter notes by the annotated beats if there are any.
    """

    file: reader.PlayedFile
    beats: annotated.Beats | None
    performance: Performance


def make(corpus: Corpus, inputs: Inputs, cache: Path, progress: Progress, processes: int | None) -> Preparation:
    """Read, filter, group and split a corpus of performances.

    Args:
        corpus: The corpus.
        inputs: Its files, the number of folds and the seed.
        cache: Cache folder, for the readings of scores.
        progress: Display for the progress of reading.
        processes: Number of processes that parse scores; None is the number of cores.

    Returns:
        The performances, with a report of what was read and left out.

    Raises:
        BadInputError: If no performance can be used, a style has too few compositions, or the index is invalid.
    """
    if corpus.rendered:
        read, num_files = _rendered(corpus, inputs, cache, progress, processes), len(inputs.digests)
    else:
        entries = performance_files.entries(corpus)
        read, num_files = _played(entries, progress, processes), len(entries)
    inputs = inputs.without(read.unread)
    if not read.kept:
        first = [*read.exclusions, *read.skipped][0]
        raise BadInputError(
            "a corpus needs at least one usable performance",
            f"none of the {num_files} in {corpus.name!r} is usable (the first, {first.file}: {first.reason})",
        )
    entries = [entry for entry, _ in read.kept]
    composition = compositions(
        [skyline(performance.onset, performance.pitch) for _, performance in read.kept],
        [[entry.composition for entry in entries]],
    )
    folds = _folds(read, composition, inputs)
    data = _assemble(read.kept, composition, folds, corpus, inputs)
    return Preparation(
        open_pieces=select(data, np.flatnonzero(data.fold != TEST)),
        sealed_pieces=select(data, np.flatnonzero(data.fold == TEST)),
        origins=tuple(
            Origin(entry.title, entry.composer, group)
            for entry, group, fold in zip(entries, composition, folds, strict=True)
            if fold != TEST
        ),
        skipped=tuple(read.skipped),
        left_out=read.left_out,
        num_files=num_files,
        num_read=len(read.kept) + len(read.exclusions),
        exclusions=tuple(read.exclusions),
    )


def _folds(read: _Read, composition: Sequence[int], inputs: Inputs) -> list[int]:
    """Assign every performance to a fold or the test set, or all to one fold if they are only scored."""
    if inputs.num_folds == UNFOLDED:
        return [0] * len(read.kept)
    entries = [entry for entry, _ in read.kept]
    folds = assign_by_style(
        [entry.name for entry in entries],
        composition,
        [performance.num_notes for _, performance in read.kept],
        [entry.style for entry in entries],
        num_folds=inputs.num_folds,
        seed=inputs.seed,
        fingerprint=inputs.corpus,
    )
    return hold_out_first(folds) if inputs.holdout else folds


def read_file(path: Path) -> Played | Failure:
    """Read a performance and its annotated beats within limits, or return why it cannot be read."""
    return read_one(_READER, path)


def read_files(paths: Sequence[Path]) -> list[Played | Failure]:
    """Read performances as :func:`read_file` does, in one process."""
    answers = dict(read_each(_READER, paths, processes=1))
    return [answers[path] for path in paths]


def _played(entries: Sequence[Entry], progress: Progress, processes: int | None) -> _Read:
    """Read files, and leave out those that break a rule and duplicates."""
    progress.start(len(entries), "reading performances")
    answers: dict[Path, Played | Failure] = {}
    try:
        for path, answer in read_each(_READER, [entry.path for entry in entries], processes=processes or 1):
            answers[path] = answer
            progress.advance(1)
    finally:
        progress.finish()
    read = _Read()
    seen: dict[Hashable, str] = {}
    for entry in entries:
        _take(entry, answers[entry.path], read, seen)
    return read


def _take(entry: Entry, answer: Played | Failure, read: _Read, seen: dict[Hashable, str]) -> None:
    if isinstance(answer, Failure):
        read.skipped.append(Skipped(entry.name, answer.reason))
        read.unread += [entry.name] if answer.passing else []
        return
    file, beats, performance = answer
    if not performance.num_notes:
        read.skipped.append(Skipped(entry.name, "none of its notes is among a piano's 88 keys"))
        return
    broken = broken_rule(file, performance, beats)
    same = seen.setdefault(_contents(performance), entry.name) if broken is None else entry.name
    if same != entry.name:
        broken = DUPLICATES, f"it has the same notes as {same}"
    if broken is None:
        read.kept.append((entry, performance))
    else:
        read.leave_out(entry, *broken)


def _read(path: Path) -> Played:
    file = reader.read(read_bytes(path))
    beats, performance = _beats(path), file.performance
    if beats is not None:
        onset, end = beats.quarters(performance.seconds, file.release)
        performance = replace(performance, onset=onset, duration=end - onset)
    return Played(file, beats, _within_keys(performance))


def _needs(_: Path) -> tuple[str, ...]:
    return (reader.__name__,)


_READER = FileReader(_read, _needs)


def _beats(path: Path) -> annotated.Beats | None:
    annotations = performance_files.annotations(path)
    if not annotations.exists():
        return None
    if annotations.stat().st_size > MAX_BYTES:
        raise ValueError(f"annotations of at most {MAX_BYTES / 1e6:g} MB are read: {annotations.name} has more")
    return annotated.read(annotations.read_text(encoding="utf-8"))


def _within_keys(performance: Performance) -> Performance:
    """Remove notes outside the range of a piano."""
    return Performance(**{name: column[has_key(performance.pitch)] for name, column in vars(performance).items()})


def _contents(performance: Performance) -> Hashable:
    """Return a key that is equal for performances with the same notes, velocities and timing, at any start time."""
    seconds = np.rint((performance.seconds - performance.seconds[0]) * 1000).astype(np.int64)
    return performance.pitch.tobytes(), performance.velocity.tobytes(), seconds.tobytes()


def _rendered(corpus: Corpus, inputs: Inputs, cache: Path, progress: Progress, processes: int | None) -> _Read:
    """Read scores, and render those in 4/4 in every style; each score is one composition."""
    read = _Read()
    for path, reading in read_all(inputs.digests, cache, progress, processes, repeats=corpus.repeats).items():
        name = corpus.file_name(path)
        read.unread += [name] if reading.is_passing else []
        for unread in reading.unread:
            read.skipped.append(Skipped(f"{name}#{unread.tune}" if unread.tune else name, unread.reason))
        for tune, voices in _scores(reading.pieces).items():
            score = f"{name}#{tune}" if tune else name
            metre = next((m for voice in voices for m in voice.heading.metres if m[1:] != (4, 4)), None)
            heading = voices[0].heading
            for style in STYLES:
                entry = Entry(path, f"{score} ({style})", style, heading.composer, heading.title, score)
                if metre is None:
                    read.kept.append((entry, render(voices, style, inputs.seed)))
                else:
                    read.leave_out(entry, "not in 4/4", f"{metre.beats}/{metre.unit} in it; only 4/4 is used")
    return read


def _scores(pieces: Sequence[Piece]) -> Mapping[str, list[Piece]]:
    """Group the voices of a file by score, in their order, without silent voices."""
    scores: dict[str, list[Piece]] = {}
    for piece in pieces:
        if piece.num_sounding:
            scores.setdefault(piece.heading.tune, []).append(piece)
    return scores


def _assemble(
    kept: Sequence[tuple[Entry, Performance]],
    composition: Sequence[int],
    folds: Sequence[int],
    corpus: Corpus,
    inputs: Inputs,
) -> Performances:
    """Build the flat arrays of all performances."""
    styles = tuple(sorted({entry.style for entry, _ in kept}))
    played = [performance for _, performance in kept]
    return Performances(
        **{
            name: np.concatenate([getattr(performance, name) for performance in played])
            for name in ("pitch", "velocity", "onset", "duration", "seconds")
        },
        start=np.concatenate([[0], np.cumsum([performance.num_notes for performance in played])]).astype(np.int64),
        fold=np.array(folds, np.int8),
        style=np.array([styles.index(entry.style) for entry, _ in kept], np.int16),
        composition=np.array(composition, np.int32),
        styles=styles,
        ids=tuple(entry.name for entry, _ in kept),
        num_folds=inputs.num_held_out,
        fingerprint=inputs.fingerprint,
        corpus=corpus.name,
    )
