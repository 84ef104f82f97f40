"""Prepare melodies: read files, exclude pieces, group related pieces, split into folds and a test set, assemble."""

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.corpora.folds import TEST, UNFOLDED, assign, hold_out_first
from data_prep.corpora.named import Corpus
from data_prep.corpora.provenance import Inputs, Origin, Preparation, Skipped
from data_prep.corpora.selection import select
from data_prep.errors import BadInputError
from data_prep.melodies.assembly import assemble
from data_prep.melodies.filters import broken_rule
from data_prep.melodies.kinship import beginning, contents, groups, setting_title
from data_prep.progress import Progress
from data_prep.readers.cached import read_all
from data_prep.readers.notes import Piece, Reading
from data_prep.wording import by_rule


@dataclass(frozen=True)
class _Named:
    """A piece with its name, the name of its score, and its number among the score's voices, from the top."""

    piece: Piece
    name: str
    score: str
    voice: int


def make(corpus: Corpus, inputs: Inputs, cache: Path, progress: Progress, processes: int | None) -> Preparation:
    """Read, filter, group and split a corpus of melodies.

    Args:
        corpus: The corpus.
        inputs: Its files, the number of folds and the seed.
        cache: Cache folder.
        progress: Display for the progress of reading.
        processes: Number of processes that parse files; None is the number of cores.

    Returns:
        The pieces, with a report of what was read and left out.

    Raises:
        BadInputError: If no piece can be used, the corpus is too small, or the cache cannot be used.
    """
    readings = read_all(inputs.digests, cache, progress, processes, repeats=corpus.repeats)
    by_name = {corpus.file_name(path): reading for path, reading in readings.items()}
    inputs = inputs.without(file for file, reading in by_name.items() if reading.is_passing)
    read = _name_pieces(by_name)
    skipped = tuple(
        Skipped(f"{file}#{unread.tune}" if unread.tune else file, unread.reason)
        for file, reading in by_name.items()
        for unread in reading.unread
    )
    if not read:
        first = f"the first is {skipped[0].file}: {skipped[0].reason}"
        raise BadInputError(
            "a corpus needs at least one score that can be read",
            f"none of the {len(by_name)} in {corpus.name!r} can be, {first}",
        )
    kept, left_out = _leave_out(corpus, read)
    pieces = [named.piece for named in kept]
    ids = [named.name for named in kept]
    group = groups(pieces, _labels(corpus, kept))
    folds = _folds(corpus, kept, group, left_out, inputs)
    num_folds = inputs.num_held_out
    melodies = assemble(
        pieces,
        ids,
        folds,
        num_folds=num_folds,
        fingerprint=inputs.fingerprint,
        corpus=corpus.name,
        higher=_higher_voices(kept),
    )
    return Preparation(
        open_pieces=select(melodies, np.flatnonzero(melodies.fold != TEST)),
        sealed_pieces=select(melodies, np.flatnonzero(melodies.fold == TEST)),
        origins=tuple(
            Origin(named.piece.heading.title, named.piece.heading.composer, number, named.score, named.voice)
            for named, number, fold in zip(kept, group, folds, strict=True)
            if fold != TEST
        ),
        skipped=skipped,
        left_out=left_out,
        num_files=len(by_name),
        num_read=len(read),
    )


def _folds(
    corpus: Corpus, kept: Sequence[_Named], group: Sequence[int], left_out: Mapping[str, int], inputs: Inputs
) -> list[int]:
    """Assign every piece to a fold or the test set, or all to one fold if they are only scored."""
    if inputs.num_folds != UNFOLDED:
        ids, lengths = [named.name for named in kept], [named.piece.num_timed for named in kept]
        num_folds, seed = inputs.num_folds, inputs.seed
        folds = assign(ids, group, lengths, num_folds=num_folds, seed=seed, fingerprint=inputs.corpus)
        return hold_out_first(folds) if inputs.holdout else folds
    if not kept:
        raise BadInputError(
            "at least one piece must pass the rules of its corpus",
            f"none of {corpus.name!r} does ({by_rule(left_out)})",
        )
    return [0] * len(kept)


def _name_pieces(readings: Mapping[str, Reading]) -> list[_Named]:
    """Name every piece "file#tune:part", as far as it has these, and number pieces with equal names."""
    named: list[_Named] = []
    for file, reading in readings.items():
        seen, voices = Counter[str](), Counter[str]()
        for piece in reading.pieces:
            score = f"{file}#{piece.heading.tune}" if piece.heading.tune else file
            name = f"{score}:{piece.heading.part}" if piece.heading.part else score
            seen[name] += 1
            named.append(_Named(piece, name if seen[name] == 1 else f"{name} ({seen[name]})", score, voices[score]))
            voices[score] += 1
    return named


def _higher_voices(kept: Sequence[_Named]) -> list[list[Piece | None]]:
    """Return the higher voices of each piece's score, from the top, None for one that is left out of the corpus.

    So no piece hears one of another fold. Tunes with the same number cannot be told apart, and hear nothing.
    """
    scores: dict[str, dict[int, Piece]] = {}
    for named in kept:
        scores.setdefault(named.score, {})[named.voice] = named.piece
    return [
        [scores[named.score].get(number) for number in range(named.voice)]
        if max(scores[named.score]) < named.piece.heading.num_parts
        else []
        for named in kept
    ]


def _leave_out(corpus: Corpus, read: Sequence[_Named]) -> tuple[list[_Named], dict[str, int]]:
    """Apply the rules of a corpus in order, then leave out duplicates; count each piece under its first reason."""
    same = {"first 32 pitches": beginning, "identical": contents}.get(corpus.duplicates)
    left_out = dict.fromkeys((*corpus.rules, *(("duplicates",) if same else ())), 0)
    kept: list[_Named] = []
    seen: set[Hashable] = set()
    for named in read:
        reason = broken_rule(named.piece, corpus.rules)
        if reason is None and same is not None:
            reason = "duplicates" if same(named.piece) in seen else None
            seen.add(same(named.piece))
        if reason is None:
            kept.append(named)
        else:
            left_out[reason] += 1
    return kept, left_out


def _labels(corpus: Corpus, kept: Sequence[_Named]) -> list[list[Hashable]]:
    """Return the labels that relate pieces independently of their notes: the score, and the corpus's ``settings``."""
    headings = [named.piece.heading for named in kept]
    labels: list[list[Hashable]] = [[named.score for named in kept]]
    if "number" in corpus.settings:
        labels.append([heading.tune or None for heading in headings])
    if "title" in corpus.settings:
        labels.append([setting_title(heading.title) or None for heading in headings])
    return labels
