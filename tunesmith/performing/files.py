"""Performing one file: read it, set its velocities, and write its MIDI and sound."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from data_prep.limits import read_bytes
from data_prep.performances.scores import ScoreAsMidi, is_score, read_score
from data_prep.storage import user_files
from models.uses import performing
from tunesmith.console import warn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from data_prep.performances.arrays import Performance
    from data_prep.readers.notes import Repeats
    from models.uses.offers import PerformingModel
    from models.uses.styles import Mix


@dataclass(frozen=True)
class Wanted:
    """What is made of every file.

    Attributes:
        performer: The model; None for the performances that need none.
        styles: Style or mix of each performance, by its name; without a model, "flat" or "random".
        shaping: How predictions are shaped.
        seed: Seed of random velocities.
        repeats: How repeats in scores are read.
        wav: Whether sound is written next to each MIDI file.
        replace: Whether existing files may be replaced.
    """

    performer: "PerformingModel | None"
    styles: "Mapping[str, Mix]"
    shaping: performing.Shaping
    seed: int
    repeats: "Repeats"
    wav: bool
    replace: bool

    def check_styles(self) -> None:
        """Raise BadInputError if the model lacks a style, or the human spread if it is wanted."""
        if self.performer is None:
            return
        for style in self.styles.values():
            self.performer.shares(style)
            if self.shaping.spread == "human":
                self.performer.human_spread(style)


@dataclass(frozen=True)
class Performed:
    """A performed file.

    Attributes:
        source: The file.
        before: Its notes with their own velocities.
        after: The notes of each performance as written, by its name.
        outputs: The MIDI file of each performance, by its name.
        sounds: The file of the sound of each performance, by its name; empty if there are none.
        changed: Number of velocities that differ from the file's, by the performance's name.
        markings: [n] which notes have each marking, by the marking; empty for MIDI.
    """

    source: Path
    before: "Performance"
    after: "Mapping[str, Performance]"
    outputs: Mapping[str, Path]
    sounds: Mapping[str, Path]
    changed: Mapping[str, int]
    markings: "Mapping[str, NDArray[np.bool_]]"


def sound_of(midi: Path) -> Path:
    """Return the file of the sound of a MIDI file."""
    return midi.with_suffix(".wav")


def make_folders(files: Iterable[Path]) -> None:
    """Make the folders of files; raise BadInputError if one cannot be made."""
    for path in files:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadInputError(
                "the output folder must be writable", f"{path.parent} is not ({error.strerror})", "--out"
            ) from None


def perform_file(source: Path, outputs: Mapping[str, Path], wanted: Wanted) -> Performed:
    """Perform one file and write its performances.

    Args:
        source: A MIDI or MusicXML file.
        outputs: The file of each performance, by its name.
        wanted: What is made of it.

    Returns:
        The performances.

    Raises:
        BadInputError: If the file cannot be performed, or an output cannot be written.
    """
    with _named(source):
        score = read_score(source, wanted.repeats) if is_score(source) else None
    data = _read(source) if score is None else score.midi
    with _named(source):
        before = performing.played(data)
        if wanted.wav:
            _sound().check(data)
        _check_piece(source, data, before, wanted.performer)
    velocities = {name: _velocities(before, name, style, wanted) for name, style in wanted.styles.items()}
    performed = {name: performing.replace_velocities(data, before, new) for name, new in velocities.items()}
    sounds = {name: sound_of(path) for name, path in outputs.items()} if wanted.wav else {}
    for name, content in performed.items():
        _write(outputs[name], content, replace=wanted.replace)
        if name in sounds:
            _write(sounds[name], _sound().of_midi(content), replace=wanted.replace)
    return Performed(
        source=source,
        before=before,
        after={name: performing.played(content) for name, content in performed.items()},
        outputs=outputs,
        sounds=sounds,
        changed={name: performing.num_changed(data, content) for name, content in performed.items()},
        markings=_markings(score, before),
    )


def _velocities(before: "Performance", name: str, style: "Mix", wanted: Wanted) -> performing.Floats:
    if wanted.performer is not None:
        return performing.dynamics(before, wanted.performer, style, wanted.shaping)
    made = performing.flat(before) if name == "flat" else performing.at_random(before, wanted.seed)
    return performing.with_accents(made, before, wanted.shaping.keep_accents)


def _markings(score: ScoreAsMidi | None, notes: "Performance") -> "Mapping[str, NDArray[np.bool_]]":
    return {} if score is None else score.markings.of_notes(notes)


def _sound() -> Any:
    from data_prep.writers import midi_sound  # imports scipy

    return midi_sound


@contextmanager
def _named(path: Path) -> Generator[None]:
    """Add the name of the file to errors."""
    try:
        yield
    except BadInputError as error:
        where = f"{path}, {error.where}" if error.where else str(path)
        raise BadInputError(error.rule, error.value, where, error.remedy, error.action) from None


def _check_piece(path: Path, data: bytes, performance: "Performance", performer: "PerformingModel | None") -> None:
    """Check that a piece is not too long for a model, and warn of content that the model may misread."""
    if performer is None:
        return
    performer.check_length(performance)
    for doubt in performing.doubts(data):
        warn(f"{path}: {doubt}; the model assumes four beats per bar, counted in the file's ticks")


def _read(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInputError("the MIDI file must be readable", f"{path} is not ({reason})") from None


def _write(path: Path, data: bytes, *, replace: bool) -> None:
    try:
        user_files.write(path, data, replace=replace)
    except OSError as error:
        value = f"{path} is not ({error.strerror})"
        raise BadInputError("the performance must be writable", value, remedy="name another file with --out") from None
