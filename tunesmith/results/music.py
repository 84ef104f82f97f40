"""Files of music by a trained model: engraved pages, MIDI, sound and piano rolls."""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.performances.arrays import Performance
from data_prep.tunes.notation import Tune
from models.uses.offers import Example

_FORMATS = ("svg", "midi", "wav")


def write_music(examples: Sequence[Example], name: str, folder: Path) -> None:
    """Write examples as files that are numbered.

    Args:
        examples: Tunes, or versions of performances.
        name: The model's name, for the titles of tunes.
        folder: Where to write.
    """
    for number, example in enumerate(examples, 1):
        tunes = [version for version in example.versions.values() if isinstance(version, Tune)]
        played = {title: each for title, each in example.versions.items() if isinstance(each, Performance)}
        for tune in tunes:
            _write_tune(tune, f"{name}, {example.title}", folder, f"tune-{number}")
        if played:
            _write_performances(played, folder, f"performance-{number}")


def _write_tune(tune: Tune, title: str, folder: Path, stem: str) -> None:
    from data_prep.writers.files import write

    write(dataclasses.replace(tune, title=title), folder, stem, _FORMATS)


def _write_performances(played: dict[str, Performance], folder: Path, stem: str) -> None:
    from data_prep.writers.midi import to_bytes
    from data_prep.writers.midi_sound import of_midi
    from models.uses.rolls import piano_rolls
    from tunesmith.reports.pictures import save

    for title, performance in played.items():
        midi = to_bytes(_midi(performance))
        named = f"{stem}-{title.replace(' ', '-')}"
        (folder / f"{named}.mid").write_bytes(midi)
        (folder / f"{named}.wav").write_bytes(of_midi(midi))
    save(piano_rolls(played), folder / f"{stem}.png", replace=True)


def _midi(piece: Performance) -> Any:
    """Return a performance as PrettyMIDI, which begins with its first note."""
    from pretty_midi import Instrument, Note, PrettyMIDI

    begin = float(piece.seconds[0])
    player = Instrument(program=0, name="piano")
    player.notes = [
        Note(int(velocity), int(pitch), float(onset) - begin, float(end) - begin)
        for velocity, pitch, onset, end in zip(
            piece.velocity, piece.pitch, piece.seconds, piece.end_seconds, strict=True
        )
    ]
    midi = PrettyMIDI(resolution=480)
    midi.instruments.append(player)
    return midi
