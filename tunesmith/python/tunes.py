"""Tunes in Python: conversions to other libraries, files, and what a notebook shows."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.tunes.notation import Tune
from tunesmith.python.public import public

if TYPE_CHECKING:
    from music21.stream import Score
    from pretty_midi import PrettyMIDI


@dataclass(frozen=True)
class PlayableTune:
    """A tune that can be converted, written and, in a notebook, shown and heard.

    Attributes:
        tune: The notes, the metre and the key.
    """

    tune: Tune

    def music21(self) -> "Score":
        """Return the tune as a score of music21."""
        from data_prep.writers.score import to_music21

        return to_music21(self.tune)

    def pretty_midi(self, program: int = 40) -> "PrettyMIDI":
        """Return the tune as a PrettyMIDI; ``program`` is a General MIDI program from 0, such as 40 for a violin."""
        from data_prep.writers.midi import to_pretty_midi

        return to_pretty_midi(self.tune, program)

    def abc(self) -> str:
        """Return the tune in ABC notation."""
        from data_prep.writers.abc import to_abc

        return to_abc(self.tune)

    @public
    def write(
        self, folder: str | Path, stem: str, formats: Sequence[str] | None = None, *, replace: bool = False
    ) -> list[Path]:
        """Write the tune to files.

        Args:
            folder: The folder.
            stem: The files' name without the suffix.
            formats: Some of midi, musicxml, abc, svg, png and wav; None is all.
            replace: Whether to replace existing files.

        Returns:
            The files.

        Raises:
            BadInputError: If a file cannot be written, or exists and ``replace`` is false.
        """
        from data_prep.writers.files import FORMATS, write

        return write(self.tune, Path(folder), stem, FORMATS if formats is None else formats, replace=replace)

    def _repr_html_(self) -> str:
        """Return what a notebook shows: the engraved tune, and a player."""
        from tunesmith.python.notebook import tunes_html

        return tunes_html([self.tune])


class PlayableTunes(list[PlayableTune]):
    """A list of tunes, of which a notebook shows the first ones with a player each."""

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        from tunesmith.python.notebook import tunes_html

        return tunes_html([each.tune for each in self])
