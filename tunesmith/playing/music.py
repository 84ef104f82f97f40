"""What the player in a web page is given: the notes that sound, and the engraved page if there is one."""

# pretty_midi has no types:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Any

from data_prep.tunes.notation import Tune

if TYPE_CHECKING:
    from data_prep.performances.arrays import Performance

_MILLISECONDS = 3
"""Digits of seconds that are kept."""


@dataclass(frozen=True)
class Music:
    """A piece for the player. Without an engraved page, the player draws a piano roll, coloured by velocity.

    Attributes:
        title: The title.
        notes: Onset (seconds), duration (seconds), MIDI pitch and velocity of each note, in the order of the onsets.
        svg: The engraved page; empty if there is none.
        marks: Onset, end (seconds) and ID in the page of each engraved note.
    """

    title: str
    notes: Sequence[tuple[float, float, int, int]]
    svg: str = ""
    marks: Sequence[tuple[float, float, str]] = ()

    def plain(self) -> dict[str, Any]:
        """Return the piece as JSON values, the argument ``music`` of ``tunesmithPlayer``."""
        return {**vars(self)}


def music_of_tune(tune: Tune, *, narrow: bool = False) -> Music:
    """Return a tune with its engraved page.

    Args:
        tune: The tune.
        narrow: Whether the page is half as wide, for phones.

    Returns:
        The piece for the player.
    """
    from data_prep.writers.engraving import engrave
    from data_prep.writers.midi import to_pretty_midi
    from data_prep.writers.score import to_musicxml

    share = 0.5 if narrow else 1.0
    page = engrave(to_musicxml(dataclasses.replace(tune, title=""), share), share)  # the title is around the page
    quarter = 60 / tune.quarters_per_minute
    marks = [(_seconds(begin * quarter), _seconds(end * quarter), name) for begin, end, name in page.notes]
    return Music(tune.title, _notes(to_pretty_midi(tune)), page.svg, marks)


def music_of_midi(midi: Any, title: str) -> Music:
    """Return a piece of MIDI without an engraved page.

    Args:
        midi: A PrettyMIDI or a file's contents. Drums are left out.
        title: The title.

    Returns:
        The piece for the player.
    """
    if isinstance(midi, bytes):
        from pretty_midi import PrettyMIDI

        midi = PrettyMIDI(BytesIO(midi))
    return Music(title, _notes(midi))


def music_of_performance(performance: "Performance", title: str) -> Music:
    """Return a performance, or a part of one, without an engraved page; it begins with its first note.

    Args:
        performance: The notes.
        title: The title.

    Returns:
        The piece for the player.
    """
    seconds, end = performance.seconds, performance.end_seconds
    columns = (seconds - seconds[0], end - seconds, performance.pitch, performance.velocity)
    return Music(title, sorted((_seconds(a), _seconds(b), int(c), int(d)) for a, b, c, d in zip(*columns, strict=True)))


def player_file(name: str) -> str:
    """Return the text of player.js or player.css."""
    return (files("tunesmith.playing") / name).read_text(encoding="utf-8")


def _notes(midi: Any) -> list[tuple[float, float, int, int]]:
    """Return the notes of a PrettyMIDI as they sound: a raised sustain pedal ends those whose keys are up."""
    from data_prep.writers.sound import releases

    return sorted(
        (_seconds(note.start), _seconds(release - note.start), int(note.pitch), int(note.velocity))
        for player in midi.instruments
        if not player.is_drum
        for note, release in releases(player)
    )


def _seconds(time: float) -> float:
    return round(float(time), _MILLISECONDS)
