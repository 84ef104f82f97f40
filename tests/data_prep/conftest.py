"""Real tunes, pieces made by hand, and MIDI files byte by byte."""

import os
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from data_prep.corpora.named import Corpus, corpora
from data_prep.readers.notes import Heading, Key, Metre, Note, Piece
from data_prep.readers.scores import read, reading_of_repeats
from tests import hand_midi


def only(corpus: Corpus) -> Callable[..., Corpus]:
    """Replace ``corpus.resolve`` by a function that returns one corpus for any name."""

    def resolve(name: str, repeats: str = "written") -> Corpus:
        del name
        return replace(corpus, repeats=reading_of_repeats(repeats))

    return resolve


@cache
def _pieces(file: str) -> tuple[Piece, ...]:
    return read(corpora()["oneills"].folder / file).pieces


@pytest.fixture(scope="session")
def oneills() -> Callable[[str, str], Piece]:
    """Return a tune of O'Neill's by its file and number."""

    def find(file: str, number: str) -> Piece:
        (piece,) = (piece for piece in _pieces(file) if piece.heading.tune == number)
        return piece

    return find


def _rows(piece: Piece) -> list[Note]:
    return [
        Note(
            Fraction(int(piece.onset[i]), piece.resolution),
            Fraction(int(piece.duration[i]), piece.resolution),
            int(piece.pitch[i]),
            piece.spelling[i],
            int(piece.chord_size[i]),
            bool(piece.tied[i]),
            None if piece.velocity[i] < 0 else int(piece.velocity[i]),
        )
        for i in range(len(piece.pitch))
    ]


@pytest.fixture(scope="session")
def rows() -> Callable[[Piece], list[Note]]:
    """Return the rows of a piece in quarter notes."""
    return _rows


def _piece(
    pitches: Iterable[int],
    durations: Iterable[Fraction | int] | None = None,
    *,
    metre: tuple[int, int] | None = (4, 4),
    pickup: Fraction | int = 0,
    title: str = "",
    num_parts: int = 1,
    tied: Sequence[int] = (),
) -> Piece:
    pitches = list(pitches)
    notes: list[Note] = []
    now = Fraction(0)
    for index, (pitch, duration) in enumerate(zip(pitches, durations or [Fraction(1)] * len(pitches), strict=True)):
        size = 0 if pitch < 0 else 1
        notes.append(Note(now, Fraction(duration), pitch, f"p{pitch}", size, tied=index in tied))
        now += duration
    metres = () if metre is None else (Metre(Fraction(0), *metre),)
    keys = (Key(Fraction(0), 7, "major"),)
    return Piece.of(Heading("", "", title, "", num_parts, metres, keys, Fraction(pickup)), notes)


@pytest.fixture(scope="session")
def piece() -> Callable[..., Piece]:
    """Make a piece of pitches and durations, by default quarter notes."""
    return _piece


@pytest.fixture(scope="session")
def midi() -> Callable[..., bytes]:
    """Make a MIDI file of tracks of (tick, event bytes), at 120 ticks per quarter note."""
    return hand_midi.midi


@pytest.fixture(scope="session")
def strike() -> Callable[..., list[tuple[int, bytes]]]:
    """Make the two events of a note."""
    return hand_midi.strike


@pytest.fixture(scope="session")
def performed() -> Callable[..., bytes]:
    """Make a MIDI file of one performance, unrelated to those of other seeds, in 4/4 with about 60 distinct
    velocities."""
    return hand_midi.performance


@pytest.fixture
def folder_of_performances(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a number of unrelated performances in the folder of each style."""

    def make(count: int = 6, name: str = "performances", styles: Sequence[str] = ("calm", "wild")) -> Path:
        for number, style in enumerate(styles):
            folder = tmp_path / name / style
            folder.mkdir(parents=True)
            for index in range(count):
                (folder / f"{style}{index:02}.mid").write_bytes(hand_midi.performance(100 * number + index))
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def real_performances() -> Path:
    """Return a folder of real piano performances with an index, from the environment."""
    named = os.environ.get("TUNESMITH_TEST_PERFORMANCES")
    if not named:
        pytest.skip("real performances are needed: TUNESMITH_TEST_PERFORMANCES names their folder")
    return Path(named)


@pytest.fixture
def folder_of_tunes(tmp_path: Path) -> Callable[..., Path]:
    """Make a folder with a number of ABC files of one unrelated tune each."""

    def make(count: int, name: str = "tunes") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        for index in range(count):
            (folder / f"tune{index:02}.abc").write_text(_tune(index))
        return folder

    return make


def _tune(index: int) -> str:
    letters = np.random.default_rng(index).choice(list("CDEFGABcdefgab"), 32)
    bars = ["".join(letters[begin : begin + 8]) for begin in range(0, 32, 8)]
    return f"X:1\nT:Tune {index}\nM:4/4\nL:1/8\nK:G\n{'|'.join(bars)}|]\n"


@pytest.fixture
def full_disk() -> Callable[[], AbstractContextManager[None]]:
    """Prevent files of this process from growing within the context, as on a full disk."""

    @contextmanager
    def full() -> Generator[None]:
        with Path("/dev/full").open("wb", buffering=0) as device:
            actual = os.fdopen

            def to_full_device(handle: int, mode: str) -> IO[bytes]:
                os.dup2(device.fileno(), handle)
                return actual(handle, mode)

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "fdopen", to_full_device)
                yield

    return full
