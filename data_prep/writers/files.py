"""Write tunes to files: MIDI, MusicXML, ABC, an engraved page as SVG and PNG, and sound."""

import dataclasses
from collections.abc import Sequence
from functools import cached_property
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from data_prep.errors import BadInputError, unknown
from data_prep.limits import MAX_BEATS, METRE_UNITS, is_metre
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.storage import user_files
from data_prep.tunes.notation import DIVISIONS, MODES, Tune
from data_prep.wording import counted
from data_prep.writers.bars import bars

_SUFFIXES = {"midi": ".mid", "musicxml": ".musicxml", "abc": ".abc", "svg": ".svg", "png": ".png", "wav": ".wav"}

FORMATS = tuple(_SUFFIXES)
"""Formats in which a tune can be written."""

_SHORTEST_VALUE = 256
"""Greatest denominator of a written value in quarter notes: that of a 1024th."""

_TEMPI = (10.0, 1000.0)
_MOST_FIFTHS = 7


def write(
    tune: Tune,
    folder: Path,
    stem: str,
    formats: Sequence[str] = FORMATS,
    *,
    instrument: str = "violin",
    replace: bool = False,
) -> list[Path]:
    """Write a tune to files.

    Args:
        tune: The tune.
        folder: The folder; it is created.
        stem: Name of the files, without suffix.
        formats: Some of FORMATS.
        instrument: Instrument in MIDI and sound: a General MIDI name, or its number from 0.
        replace: Whether existing files may be replaced.

    Returns:
        The files, in the order of the formats.

    Raises:
        BadInputError: If a format or the instrument is unknown, the stem is not a file name, a value of the tune cannot
            be written, the folder cannot be written to, or a file exists and may not be replaced.
    """
    files = paths(folder, stem, formats)
    check(tune)
    user_files.check_new(files, replace=replace)
    contents = _Contents(dataclasses.replace(tune, title=_printable(tune.title)), instrument)
    for name, path in zip(formats, files, strict=True):
        data = contents.of(name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            user_files.write(path, data, replace=replace)
        except OSError as error:
            raise BadInputError(
                "tunes are written to a writable folder",
                f"{path} cannot be written ({error.strerror or error})",
                remedy="name another folder",
            ) from None
    return files


def content(tune: Tune, form: str, instrument: str = "violin") -> bytes:
    """Return the content of a tune's file in a format; raise the same errors as ``write``."""
    if form not in _SUFFIXES:
        raise unknown("format", form, FORMATS)
    check(tune)
    return _Contents(dataclasses.replace(tune, title=_printable(tune.title)), instrument).of(form)


def paths(folder: Path, stem: str, formats: Sequence[str] = FORMATS) -> list[Path]:
    """Return the paths of a tune's files; raise the same errors as ``write`` for formats and stem."""
    for name in formats:
        if name not in _SUFFIXES:
            raise unknown("format", name, FORMATS)
    if not stem.strip(". ") or Path(stem).name != stem or "\0" in stem:
        raise BadInputError("a file's name is one without folders", f"got {stem!r}")
    return [folder / f"{stem}{_SUFFIXES[name]}" for name in formats]


def check(tune: Tune) -> None:
    """Raise BadInputError if a value of a tune cannot be written; the message names the first."""
    assert len(tune.pitch) == len(tune.duration), "each note has a pitch and a duration"
    if not tune.pitch:
        raise BadInputError("a tune has at least one note", "this one has none")
    for number, (pitch, duration) in enumerate(zip(tune.pitch, tune.duration, strict=True), 1):
        if pitch != REST and not 0 <= pitch < NUM_PITCHES:
            raise BadInputError(
                f"a pitch is 0 to {NUM_PITCHES - 1}, or {REST} for a rest", f"note {number} has {pitch}"
            )
        if duration <= 0 or DIVISIONS % duration.denominator:
            raise BadInputError(
                f"a duration is a positive multiple of 1/{DIVISIONS} quarter note", f"note {number} has {duration}"
            )
    _check_frame(tune)
    for bar in bars(tune):
        for written in bar.notes:
            if written.value.denominator > _SHORTEST_VALUE:
                raise BadInputError(
                    f"notes down to 1/{_SHORTEST_VALUE} quarter note can be written",
                    f"the rest of note {written.note + 1} in bar {bar.number} is shorter",
                )


def _check_frame(tune: Tune) -> None:
    """Raise BadInputError if a tune's metre, pickup, key, prompt length or tempo is invalid."""
    beats, unit = tune.metre
    if not is_metre(beats, unit):
        raise BadInputError(
            f"a metre is 1 to {MAX_BEATS} beats of a unit among {', '.join(map(str, METRE_UNITS))}",
            f"got {beats}/{unit}",
        )
    if not 0 <= tune.pickup < tune.bar_length or DIVISIONS % tune.pickup.denominator:
        raise BadInputError(
            f"a pickup is shorter than a bar ({counted(tune.bar_length, 'quarter note')}), and a multiple of "
            f"1/{DIVISIONS}",
            f"got {tune.pickup}",
        )
    if not -_MOST_FIFTHS <= tune.fifths <= _MOST_FIFTHS:
        raise BadInputError(f"a key signature has at most {_MOST_FIFTHS} sharps or flats", f"got {tune.fifths}")
    if tune.mode not in MODES:
        raise unknown("mode", tune.mode, MODES)
    if not 0 <= tune.num_prompt <= tune.num_notes:
        raise BadInputError(f"a prompt has 0 notes to those of its tune ({tune.num_notes})", f"got {tune.num_prompt}")
    low, high = _TEMPI
    if not isfinite(tune.quarters_per_minute) or not low <= tune.quarters_per_minute <= high:
        raise BadInputError(
            f"a tempo is {low:g} to {counted(high, 'quarter note', 'g')} per minute",
            f"got {tune.quarters_per_minute:g}",
        )


def _printable(title: str) -> str:
    """Return a title on one line, without unprintable characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in title).split())


class _Contents:
    """The contents of a tune's files, made on demand; shared parts are made once."""

    def __init__(self, tune: Tune, instrument: str) -> None:
        self._tune, self._instrument = tune, instrument

    def of(self, name: str) -> bytes:
        """Return the content of a format's file."""
        if name == "midi":
            return _writer("midi").to_bytes(self._played)
        if name == "musicxml":
            return self._score.encode()
        if name == "abc":
            return _writer("abc").to_abc(self._tune).encode()
        if name == "svg":
            return self._page.encode()
        return _writer("engraving").to_png(self._page) if name == "png" else _writer("sound").to_wav(self._played)

    @cached_property
    def _played(self) -> Any:
        midi = _writer("midi")
        return midi.to_pretty_midi(self._tune, midi.program_of(self._instrument))

    @cached_property
    def _score(self) -> str:
        return _writer("score").to_musicxml(self._tune)

    @cached_property
    def _page(self) -> str:
        return _writer("engraving").to_svg(self._score)


def _writer(name: str) -> Any:
    """Import a writer on demand; importing music21 alone takes a second."""
    return import_module(f"data_prep.writers.{name}")
