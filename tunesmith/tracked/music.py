"""Music made with a trained model, to hear what a search found: tunes of a composer, performances of a performer."""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.family import Family
from models.uses.offers import ComposingFamily, PerformingFamily

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance, Performances

_NUM_TUNES = 2
_BARS = 16
_FORMATS = ("svg", "midi", "wav")
_SECONDS = 30.0
"""Length of the beginning of a piece that is performed."""


def write_music(family: Family[Any, Any], model: Path, data: Any, name: str, folder: Path) -> None:
    """Write tunes (engraved pages, MIDI and sound) or performances (MIDI, sound, piano rolls) of a model.

    Args:
        family: The model's family; nothing is written for one that makes no music.
        model: The model's file.
        data: The prepared data that it was trained on.
        name: The model's name, for titles.
        folder: Where to write.
    """
    if isinstance(family, ComposingFamily):
        _compose(family, model, name, folder)
    elif isinstance(family, PerformingFamily):
        _perform(family, model, data, folder)


def _compose(family: ComposingFamily, model: Path, name: str, folder: Path) -> None:
    from data_prep.writers.files import write
    from models.uses.request import SamplingRequest

    request = SamplingRequest(bars=_BARS, temperature=0.9)
    tunes = family.composing_model(model).compose(request, count=_NUM_TUNES)
    for number, tune in enumerate(tunes, 1):
        titled = dataclasses.replace(tune, title=f"{name}, number {number}")
        write(titled, folder, f"tune-{number}", _FORMATS)


def _perform(family: PerformingFamily, model: Path, data: "Performances", folder: Path) -> None:
    """Perform the beginning of a piece of each style: the one of median length."""
    from data_prep.writers.midi import to_bytes
    from data_prep.writers.midi_sound import of_midi
    from models.uses.rolls import piano_rolls, with_velocities
    from tunesmith.reports.pictures import save

    performer = family.performing_model(model)
    for style in performer.styles:
        played = _beginning(data.one(_typical(data, data.styles.index(style))))
        performed = with_velocities(played, performer.velocities(played, style))
        midi = to_bytes(_midi(performed))
        (folder / f"{style}.mid").write_bytes(midi)
        (folder / f"{style}.wav").write_bytes(of_midi(midi))
        rolls = piano_rolls({"as played": played, f"the model in {style}": performed})
        save(rolls, folder / f"{style}.png", replace=True)


def _typical(data: "Performances", style: int) -> int:
    """Return the performance of median length in a style."""
    pieces = np.flatnonzero(data.style == style)
    lengths = np.diff(data.start)[pieces]
    return int(pieces[np.argsort(lengths, kind="stable")[len(pieces) // 2]])


def _beginning(piece: "Performance") -> "Performance":
    kept = piece.seconds < piece.seconds[0] + _SECONDS
    columns = {each.name: getattr(piece, each.name)[kept] for each in dataclasses.fields(piece)}
    return dataclasses.replace(piece, **columns)


def _midi(piece: "Performance") -> Any:
    """Return a performance as PrettyMIDI; a note ends at the time of its end in quarter notes."""
    from pretty_midi import Instrument, Note, PrettyMIDI

    seconds = _seconds_at(piece, piece.onset + piece.duration)
    begin = float(piece.seconds[0])
    player = Instrument(program=0, name="piano")
    player.notes = [
        Note(int(velocity), int(pitch), float(onset) - begin, max(float(end), float(onset) + 0.02) - begin)
        for velocity, pitch, onset, end in zip(piece.velocity, piece.pitch, piece.seconds, seconds, strict=True)
    ]
    midi = PrettyMIDI(resolution=480)
    midi.instruments.append(player)
    return midi


def _seconds_at(piece: "Performance", quarters: Any) -> Any:
    """Return the seconds at positions in quarter notes, linear between onsets and beyond the last at its mean tempo."""
    onsets, first = np.unique(piece.onset, return_index=True)
    times = piece.seconds[first]
    span = onsets[-1] - onsets[0]
    pace = (times[-1] - times[0]) / span if span > 0 else 0.5
    beyond = np.maximum(quarters - onsets[-1], 0)
    return np.interp(quarters, onsets, times) + beyond * pace
