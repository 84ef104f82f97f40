"""Runs the chain once, files to melodies with folds and a sealed test set, and keeps the result under its inputs' fingerprint."""

import hashlib
import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from data_prep import cache, storage
from data_prep.corpus import Corpus, file_digest, resolve
from data_prep.errors import BadInputError, unknown
from data_prep.melodies import Melodies
from data_prep.notes import Piece, Reading
from data_prep.progress import Progress, Silent

KINDS = ("melodies",)
"""The kinds of prepared data."""

PREPARATION = 1
"""Version of everything after reading (rules, kinship, folds, assembly); raised with every change to its results."""


@dataclass(frozen=True)
class Skipped:
    """A file, or a tune of a file, that could not be read.

    Attributes:
        file: Its name, with the tune's number where the rest of the file could be read ("a.abc#12").
        reason: Why, in one line.
    """

    file: str
    reason: str


@dataclass(frozen=True)
class Source:
    """Where the prepared pieces are stored.

    Attributes:
        path: The file.
        hash: SHA-256 of its contents, in hexadecimal.
    """

    path: Path
    hash: str


@dataclass(frozen=True)
class Origin:
    """Where a piece comes from: its title and composer, "" where the source names none, and its group of kin."""

    title: str
    composer: str
    group: int


@dataclass(frozen=True)
class Prepared:
    """A corpus ready for trials.

    Attributes:
        data: The pieces that a search may see, with their folds.
        origins: Where each of them comes from.
        skipped: What could not be read, and why.
        left_out: Pieces left out by each rule, by the first that applies, and as duplicates; rules that leave out none
            are listed too.
        num_files: Files of the corpus.
        num_read: Pieces that were read.
        num_test_pieces: Pieces in the sealed test set.
        num_test_notes: Their notes.
        fingerprint: Of the files' contents, the reader's version, the rules, the folds' number and seed.
        seed: The folds' seed.
        source: Where all this is stored.
    """

    data: Melodies
    origins: tuple[Origin, ...]
    skipped: tuple[Skipped, ...]
    left_out: Mapping[str, int]
    num_files: int
    num_read: int
    num_test_pieces: int
    num_test_notes: int
    fingerprint: str
    seed: int
    source: Source


def prepare(
    corpus: str,
    *,
    kind: str = "melodies",
    num_folds: int = 4,
    seed: int = 0,
    progress: Progress | None = None,
    cache: Path | None = None,
    processes: int | None = None,
) -> Prepared:
    """Prepare a corpus, from the cache where nothing that it depends on has changed.

    Args:
        corpus: A corpus's name, or a folder.
        kind: The kind of data that a family reads.
        num_folds: Number of folds.
        seed: Of the folds and the test set.
        progress: Told of the reading.
        cache: The cache's folder; the user's own by default (TUNESMITH_CACHE names another).
        processes: How many files are parsed at once; as many as there are cores by default.

    Returns:
        The prepared corpus.

    Raises:
        BadInputError: If the corpus is unknown, empty, unreadable or too small, or the cache cannot be used.
    """
    if kind not in KINDS:
        raise unknown("kind of data", kind, KINDS)
    found = resolve(corpus)
    files = {path: file_digest(path) for path in found.files()}
    corpus_fingerprint = found.fingerprint((found.file_name(path), digest) for path, digest in files.items())
    fingerprint = _fingerprint(corpus_fingerprint, kind, num_folds, seed)
    folder = _cache_folder(cache)
    stored = _load(folder, fingerprint, corpus)
    if stored is not None:
        return stored

    from data_prep.reading import read_all

    readings = read_all(files, folder, progress or Silent(), processes)
    named = {found.file_name(path): reading for path, reading in readings.items()}
    made = _make(found, named, corpus_fingerprint, fingerprint, num_folds=num_folds, seed=seed)
    for path, (melodies, extra) in zip(
        (_path(folder, fingerprint), _test_path(folder, fingerprint)), made, strict=True
    ):
        _write(path, storage.to_bytes(melodies, extra))
    prepared = _load(folder, fingerprint, corpus)
    assert prepared is not None, "what was just written can be read"
    return prepared


def open_test_set(prepared: Prepared, reason: str) -> Melodies:
    """Open the sealed pieces. Only a promotion may: every opening is written down beside them.

    Args:
        prepared: The corpus.
        reason: Why they are opened, in words.

    Returns:
        The sealed pieces under the same alphabets as the others; their fold is -1.

    Raises:
        BadInputError: If no reason is given, or the stored test set is gone or damaged.
    """
    if not reason.strip():
        raise BadInputError("the sealed test set is opened for a reason only: say which")
    path = _test_path(prepared.source.path.parent.parent, prepared.fingerprint)
    try:
        melodies, _ = storage.from_bytes(path.read_bytes(), str(path))
    except (OSError, storage.DamagedError) as error:
        raise BadInputError(
            f"the sealed test set must lie beside the prepared pieces, but {path} cannot be read ({error}): "
            "remove the prepared pieces there and prepare the corpus anew"
        ) from error
    line = json.dumps({"opened": datetime.now(timezone.utc).isoformat(timespec="seconds"), "reason": reason})
    with path.with_suffix(".openings").open("a") as log:
        log.write(line + "\n")
    return replace(melodies, corpus=prepared.data.corpus)


def test_set_openings(prepared: Prepared) -> tuple[Mapping[str, str], ...]:
    """Give every opening of the test set so far: when ("opened") and why ("reason")."""
    path = _test_path(prepared.source.path.parent.parent, prepared.fingerprint).with_suffix(".openings")
    return tuple(json.loads(line) for line in path.read_text().splitlines()) if path.exists() else ()


def _fingerprint(corpus_fingerprint: str, kind: str, num_folds: int, seed: int) -> str:
    parts = f"{PREPARATION}|{corpus_fingerprint}|{kind}|{num_folds}|{seed}"
    return hashlib.sha256(parts.encode()).hexdigest()[:32]


def _cache_folder(given: Path | None) -> Path:
    return cache.folder(given)


def _path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.npz"


def _test_path(folder: Path, fingerprint: str) -> Path:
    return folder / "prepared" / f"{fingerprint}.test.npz"


def _write(path: Path, data: bytes) -> None:
    cache.write(path, data)


def _load(folder: Path, fingerprint: str, corpus: str) -> Prepared | None:
    """Give what is stored, or None where it is not there, or damaged and to be made anew."""
    path = _path(folder, fingerprint)
    if not _test_path(folder, fingerprint).exists():
        return None
    try:
        data = path.read_bytes()
        melodies, extra = storage.from_bytes(data, str(path))
    except (OSError, storage.DamagedError):
        return None
    return Prepared(
        data=replace(melodies, corpus=corpus),
        origins=tuple(Origin(**origin) for origin in extra["origins"]),
        skipped=tuple(Skipped(**skipped) for skipped in extra["skipped"]),
        left_out=extra["left_out"],
        num_files=extra["num_files"],
        num_read=extra["num_read"],
        num_test_pieces=extra["num_test_pieces"],
        num_test_notes=extra["num_test_notes"],
        fingerprint=fingerprint,
        seed=extra["seed"],
        source=Source(path, hashlib.sha256(data).hexdigest()),
    )


@dataclass(frozen=True)
class _Named:
    """A piece with its name and what it may share with its kin."""

    piece: Piece
    name: str
    score: str


def _make(
    corpus: Corpus,
    readings: Mapping[str, Reading],
    corpus_fingerprint: str,
    fingerprint: str,
    *,
    num_folds: int,
    seed: int,
) -> tuple[tuple[Melodies, dict[str, Any]], tuple[Melodies, dict[str, Any]]]:
    from data_prep.assembly import assemble, select
    from data_prep.folds import TEST, assign
    from data_prep.kinship import groups

    read = _name_pieces(readings)
    skipped = [
        Skipped(f"{file}#{unread.tune}" if unread.tune else file, unread.reason)
        for file, reading in readings.items()
        for unread in reading.unread
    ]
    if not read:
        raise BadInputError(
            f"a corpus needs at least one score that can be read, but none of the {len(readings)} files of "
            f"{corpus.name!r} can be: {skipped[0].file}: {skipped[0].reason}"
        )
    kept, left_out = _filter(corpus, read)
    pieces = [one.piece for one in kept]
    group = groups(pieces, _labels(corpus, kept))
    ids = [one.name for one in kept]
    lengths = [int((piece.duration > 0).sum()) for piece in pieces]
    folds = assign(ids, group, lengths, num_folds=num_folds, seed=seed, fingerprint=corpus_fingerprint)
    everything = assemble(pieces, ids, folds, num_folds=num_folds, fingerprint=fingerprint, corpus=corpus.name)
    open_pieces = [index for index, fold in enumerate(folds) if fold != TEST]
    sealed = [index for index, fold in enumerate(folds) if fold == TEST]
    origins = [
        asdict(Origin(pieces[index].heading.title, pieces[index].heading.composer, group[index]))
        for index in open_pieces
    ]
    extra: dict[str, Any] = {
        "origins": origins,
        "skipped": [asdict(one) for one in skipped],
        "left_out": left_out,
        "num_files": len(readings),
        "num_read": len(read),
        "num_test_pieces": len(sealed),
        "num_test_notes": sum(lengths[index] for index in sealed),
        "seed": seed,
    }
    return (select(everything, open_pieces), extra), (select(everything, sealed), {})


def _name_pieces(readings: Mapping[str, Reading]) -> list[_Named]:
    named: list[_Named] = []
    for file, reading in readings.items():
        seen: Counter[str] = Counter()
        for piece in reading.pieces:
            score = f"{file}#{piece.heading.tune}" if piece.heading.tune else file
            name = f"{score}:{piece.heading.part}" if piece.heading.part else score
            seen[name] += 1
            named.append(_Named(piece, name if seen[name] == 1 else f"{name} ({seen[name]})", score))
    return named


def _filter(corpus: Corpus, read: Sequence[_Named]) -> tuple[list[_Named], dict[str, int]]:
    from data_prep.filters import broken_rule
    from data_prep.kinship import beginning, contents

    same = {"first 32 pitches": beginning, "identical": contents}.get(corpus.duplicates)
    left_out = dict.fromkeys((*corpus.rules, *(("duplicates",) if same else ())), 0)
    kept: list[_Named] = []
    seen: set[Hashable] = set()
    for one in read:
        rule = broken_rule(one.piece, corpus.rules)
        if rule is None and same is not None and same(one.piece) in seen:
            rule = "duplicates"
        if rule is not None:
            left_out[rule] += 1
            continue
        if same is not None:
            seen.add(same(one.piece))
        kept.append(one)
    return kept, left_out


def _labels(corpus: Corpus, kept: Sequence[_Named]) -> list[list[Hashable]]:
    from data_prep.kinship import setting_title

    labels: list[list[Hashable]] = [[one.score for one in kept]]
    if "number" in corpus.settings:
        labels.append([one.piece.heading.tune or None for one in kept])
    if "title" in corpus.settings:
        labels.append([setting_title(one.piece.heading.title) or None for one in kept])
    return labels
