"""Models in Python: ``load_model`` returns a composer or a performer."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data_prep.errors import BadInputError
from data_prep.tunes.notation import Tune

if TYPE_CHECKING:
    from music21.stream import Score
    from pretty_midi import PrettyMIDI

    from models.uses.offers import ComposingModel, PerformingModel
    from models.uses.performing import Spread
    from models.uses.styles import Mix

MidiT = TypeVar("MidiT", bound="bytes | PrettyMIDI")


@dataclass(frozen=True)
class Composed:
    """A composed tune.

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

    def write(
        self, folder: Path, stem: str, formats: Sequence[str] | None = None, *, replace: bool = False
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

        return write(self.tune, folder, stem, FORMATS if formats is None else formats, replace=replace)


@dataclass(frozen=True)
class LoadedComposer:
    """A trained model that composes.

    Attributes:
        model: The model.
    """

    model: "ComposingModel"

    def compose(
        self, *, count: int = 1, seed: int = 1, prompt: Tune | Path | None = None, **request: Any
    ) -> list[Composed]:
        """Compose tunes.

        Args:
            count: Number of tunes.
            seed: The same seed gives the same tunes.
            prompt: A tune to continue, or its file.
            **request: Fields of ``SamplingRequest``: bars, key, metre, temperature, top_p, ...

        Returns:
            The tunes.

        Raises:
            BadInputError: If the model does not support the request.
        """
        from data_prep.tunes.prompts import read_prompt
        from models.uses.request import SamplingRequest

        beginning = read_prompt(prompt)[0] if isinstance(prompt, Path) else prompt
        sampling = SamplingRequest(prompt=beginning, **request)
        return [Composed(tune) for tune in self.model.compose(sampling, count=count, seed=seed)]


@dataclass(frozen=True)
class LoadedPerformer:
    """A trained model that performs.

    Attributes:
        model: The model.
    """

    model: "PerformingModel"

    @property
    def styles(self) -> tuple[str, ...]:
        """The styles that the model was trained on."""
        return self.model.styles

    def perform(
        self,
        midi: MidiT,
        style: "Mix",
        *,
        amount: float = 1.0,
        spread: "Spread" = "predicted",
        keep_accents: float = 0.0,
    ) -> MidiT:
        """Return a piece with predicted velocities; see ``models.uses.performing.perform``."""
        from models.uses.performing import perform

        return perform(midi, self.model, style, amount=amount, spread=spread, keep_accents=keep_accents)


def load_model(name: str, *, home: Path | None = None, tracking: str | None = None) -> LoadedComposer | LoadedPerformer:
    """Load a model.

    Args:
        name: A registered model such as composer@champion, a trial such as composer/7, or a file.
        home: The home folder; None is TUNESMITH_HOME, or else ./runs.
        tracking: URI of MLflow's store; None is the store in the home folder.

    Returns:
        A composer or a performer.

    Raises:
        BadInputError: If there is no such model, or it neither composes nor performs.
    """
    from models.families import family_of
    from models.uses.offers import ComposingFamily, PerformingFamily
    from tunesmith.home import home_folder
    from tunesmith.names.models import any_model

    path = any_model(name, home_folder(home), tracking).path
    family = family_of(path)
    if isinstance(family, ComposingFamily):
        return LoadedComposer(family.composing_model(path))
    if isinstance(family, PerformingFamily):
        return LoadedPerformer(family.performing_model(path))
    raise BadInputError(
        "only models that compose or perform can be loaded", f"{family.name} does neither", remedy="serve it instead"
    )
