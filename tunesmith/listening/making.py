"""Making the folder of a listening test: clips, items, sheets and the key."""

import hashlib
import math
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from data_prep.errors import BadInputError
from data_prep.randomness import integer_seed, stream
from models.uses import performing
from tunesmith.listening import audio, design
from tunesmith.listening.design import FLAT, HUMAN, MODEL, RANDOM, Key, Kind, ListeningTest, Plan, Practice, Shown
from tunesmith.listening.orders import pair_sheets, screen_sheets
from tunesmith.listening.passages import SHORTEST_S, Piece, window

if TYPE_CHECKING:
    from data_prep.progress import Progress
    from models.uses.offers import PerformingModel

MOST_PIECES = 60
"""Pieces of a test, practice included; a listener hears all of them."""

LONGEST_HEARD_S = 600.0
"""Greatest time for which a clip must be played before an answer (seconds)."""


@dataclass(frozen=True)
class Wanted:
    """What a test is made of.

    Attributes:
        kind: Its kind.
        conditions: Its conditions, without repetition.
        num_practice: How many of the pieces are for practice.
        seconds: Least length of a passage (seconds); None for whole pieces.
        hear_s: Least time for which each clip is played (seconds).
        plan: What is fixed before the first answer.
        seed: Random seed.
        style: Style of the model's performances; None is each piece's.
        amount: Strength of the model's dynamics.
    """

    kind: Kind
    conditions: tuple[str, ...]
    num_practice: int
    seconds: float | None
    hear_s: float
    plan: Plan
    seed: int
    style: str | None = None
    amount: float = 1.0


@dataclass(frozen=True)
class _Item:
    """An item: its name, and the clip of each condition."""

    name: str
    clips: Mapping[str, str]

    def shown(self, conditions: Sequence[str]) -> Shown:
        """Return the item with its clips in the order of conditions."""
        return Shown(item=self.name, clips=tuple(self.clips[condition] for condition in conditions))


class _Workshop:
    """Writes clips under random names, and remembers what they are.

    Attributes:
        random: Source of names and dither.
        digest: Digest of all clips.
        clips: The condition of each clip.
        items: The passage of each item.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        """Initialize with the folder of the clips and the seed of the test."""
        self._folder = folder
        self.random = stream(seed, "listening test, names and dither")
        self.digest = hashlib.sha256()
        self.clips: dict[str, str] = {}
        self.items: dict[str, design.Passage] = {}

    def name(self) -> str:
        """Return a random name, which tells nothing about what it names."""
        return self.random.bytes(6).hex()

    def item(self, passage: design.Passage, sounds: Mapping[str, NDArray[np.float64]]) -> _Item:
        """Write a clip for each condition, and return them as an item."""
        item = _Item(self.name(), {condition: self.name() for condition in sounds})
        for condition, clip in item.clips.items():
            content = audio.to_wav(sounds[condition], self.random)
            self.digest.update(content)
            (self._folder / f"{clip}.wav").write_bytes(content)
            self.clips[clip] = condition
        self.items[item.name] = passage
        return item


def check(wanted: Wanted, num_pieces: int) -> None:
    """Check that a test makes sense, before anything is read.

    Args:
        wanted: The test.
        num_pieces: Number of pieces without those for practice.

    Raises:
        BadInputError: If conditions, pieces or passages do not make a test.
    """
    rivals = [condition for condition in wanted.conditions if condition != HUMAN]
    if wanted.kind == "pair" and (HUMAN not in wanted.conditions or not rivals):
        got = ", ".join(wanted.conditions)
        raise BadInputError(
            "a pair is the human and another condition",
            f"got {got}",
            remedy="name both with --conditions, or use --kind ratings",
        )
    if wanted.kind == "ratings" and len(wanted.conditions) < 2:  # noqa: PLR2004
        raise BadInputError("ratings compare at least two conditions", f"got {', '.join(wanted.conditions)}")
    if HUMAN not in wanted.conditions and wanted.num_practice:
        rule = "a practice item's feedback names the human"
        raise BadInputError(rule, "no human is among the conditions", remedy="set --practice 0")
    if num_pieces < 2:  # noqa: PLR2004
        rule = "a listening test has at least two pieces, since judgements of one say nothing about others"
        raise BadInputError(rule, f"got {num_pieces}")
    if num_pieces + wanted.num_practice > MOST_PIECES:
        total = num_pieces + wanted.num_practice
        raise BadInputError(f"a listener hears at most {MOST_PIECES} pieces, with practice", f"got {total}")
    if wanted.seconds is not None and not wanted.seconds >= SHORTEST_S:
        rule = f"a passage lasts at least {SHORTEST_S:g} s, since a shorter one lacks its context"
        raise BadInputError(rule, f"got {wanted.seconds:g}")
    if not 0 <= wanted.hear_s <= LONGEST_HEARD_S:
        raise BadInputError(f"clips must be played for 0 to {LONGEST_HEARD_S:g} s", f"got {wanted.hear_s:g}")
    performing.check_amount(wanted.amount)


def check_new(folder: Path) -> None:
    """Raise BadInputError if a folder has contents; there may be answers of listeners in it."""
    if folder.is_dir() and not any(folder.iterdir()):
        return
    if folder.exists():
        what = "has a listening test" if (folder / design.TEST).exists() else "exists"
        raise BadInputError(
            "a listening test is written to a new folder, so that answers are never overwritten",
            f"{folder} {what}",
            remedy="name another folder",
        )


@contextmanager
def new_folder(folder: Path) -> Generator[Path]:
    """Provide a hidden folder that becomes ``folder`` when the block succeeds, and is removed otherwise.

    Args:
        folder: The final folder, which must be new or empty.

    Yields:
        The folder to write to.

    Raises:
        BadInputError: If the folder has contents, or cannot be written.
    """
    check_new(folder)
    try:
        folder.absolute().parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.absolute().parent, prefix=f".{folder.name}."))
        try:
            yield part
            part.chmod(0o755)
            part.replace(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
    except OSError as error:
        raise BadInputError("the folder must be writable", f"{folder} is not ({error.strerror or error})") from None


def make(
    folder: Path,
    wanted: Wanted,
    pieces: Sequence[Piece],
    model: "PerformingModel | None",
    progress: "Progress",
    *,
    model_name: str | None = None,
) -> ListeningTest:
    """Make a test.

    Args:
        folder: A new folder.
        wanted: What it is made of; ``check`` accepted it.
        pieces: The pieces; the last ``wanted.num_practice`` are for practice.
        model: The model, if it is among the conditions.
        progress: Shows the progress of rendering.
        model_name: The model's name, for the key.

    Returns:
        The test.

    Raises:
        BadInputError: If the model cannot play a piece, or a piece cannot be synthesised.
    """
    num_scored = len(pieces) - wanted.num_practice
    with new_folder(folder) as part:
        (part / design.CLIPS).mkdir()
        workshop = _Workshop(part / design.CLIPS, wanted.seed)
        items: list[list[_Item]] = []
        progress.start(len(pieces), "rendering pieces")
        for number, piece in enumerate(pieces):
            conditions = wanted.conditions if number < num_scored else (HUMAN, FLAT)
            sounds, passage = _versions(piece, number, conditions, wanted, model)
            groups = _pairs(conditions) if wanted.kind == "pair" else [conditions]
            items.append([workshop.item(passage, {who: sounds[who] for who in group}) for group in groups])
            progress.advance(1)
        progress.finish()
        practice = [_practice(item, workshop.random) for (item,) in items[num_scored:]]
        test = _test(workshop, wanted, items[:num_scored], practice)
        key = Key.model_validate(
            {
                "test": test.id,
                "seed": wanted.seed,
                "model": model_name,
                "amount": wanted.amount,
                "clips": workshop.clips,
                "items": workshop.items,
            }
        )
        (part / design.KEY).write_bytes(design.to_json(key))
        (part / design.TEST).write_bytes(design.to_json(test))
    return test


def _pairs(conditions: Sequence[str]) -> list[tuple[str, str]]:
    return [(HUMAN, rival) for rival in conditions if rival != HUMAN]


def _versions(
    piece: Piece, number: int, conditions: Sequence[str], wanted: Wanted, model: "PerformingModel | None"
) -> tuple[dict[str, NDArray[np.float64]], design.Passage]:
    """Synthesise a passage of a piece in each condition, equally loud."""
    random = stream(wanted.seed, "listening test, passages", trial=number)
    begin, end = window(piece.performance, wanted.seconds, random)
    seed = integer_seed(wanted.seed, "listening test, random velocities", trial=number)
    try:
        played = [
            audio.rendered(_played(piece, condition, seed, wanted, model), begin, end) for condition in conditions
        ]
    except BadInputError as error:
        raise BadInputError(error.rule, error.value, error.where or piece.name, error.remedy, error.action) from None
    passage = design.Passage(piece=piece.name, style=piece.style, begin=begin, end=end if math.isfinite(end) else None)
    return dict(zip(conditions, audio.matched(played), strict=True)), passage


def _played(piece: Piece, condition: str, seed: int, wanted: Wanted, model: "PerformingModel | None") -> bytes:
    """Return the MIDI file of a piece with the velocities of a condition."""
    if condition == HUMAN:
        return piece.data
    if condition == FLAT:
        velocity = performing.flat(piece.performance)
    elif condition == RANDOM:
        velocity = performing.at_random(piece.performance, seed)
    else:
        assert condition == MODEL, condition
        assert model is not None
        style = _style(model.styles, wanted.style, piece)
        velocity = performing.scaled(model.velocities(piece.performance, style), wanted.amount)
    return performing.replace_velocities(piece.data, piece.performance, velocity)


def _style(known: Sequence[str], asked: str | None, piece: Piece) -> str:
    """Return the style in which the model plays a piece: the one asked for, else the piece's, else its only one."""
    style = asked or (piece.style if piece.style in known or len(known) > 1 else known[0])
    if style not in known:
        rule, got = "the model must know the style in which it plays", f"it does not know {style!r}"
        raise BadInputError(rule, got, remedy=f"name one with --genre: {', '.join(known)}")
    return style


def _practice(item: _Item, random: np.random.Generator) -> Practice:
    clips = [item.clips[HUMAN], item.clips[FLAT]]
    random.shuffle(clips)
    return Practice(item=item.name, clips=tuple(clips), human=item.clips[HUMAN])


def _test(
    workshop: _Workshop, wanted: Wanted, items: Sequence[Sequence[_Item]], practice: Sequence[Practice]
) -> ListeningTest:
    """Lay the items out on sheets."""
    random = stream(wanted.seed, "listening test, orders")
    sheets: list[tuple[Shown, ...]] = []
    if wanted.kind == "pair":
        pairs = _pairs(wanted.conditions)
        for order in pair_sheets(len(items), len(pairs), random):
            sides = [(items[pair.passage][pair.version], pairs[pair.version], pair.human_first) for pair in order]
            sheets.append(tuple(item.shown(who if first else who[::-1]) for item, who, first in sides))
    else:
        for screens in screen_sheets(len(items), len(wanted.conditions), random):
            orders = [(items[each.passage][0], each.versions) for each in screens]
            sheets.append(
                tuple(item.shown([wanted.conditions[version] for version in order]) for item, order in orders)
            )
    return ListeningTest(
        id=workshop.digest.hexdigest()[:16],
        kind=wanted.kind,
        plan=wanted.plan,
        hear_s=wanted.hear_s,
        items={item.name: tuple(sorted(item.clips.values())) for group in items for item in group},
        practice=tuple(practice),
        sheets=tuple(sheets),
    )
