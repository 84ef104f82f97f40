"""Models in Python: ``load_model`` returns a composer or a performer."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from data_prep.errors import BadInputError
from data_prep.tunes.notation import Tune
from tunesmith.python.public import argument_types, as_path, check_arguments, check_types, public
from tunesmith.python.tunes import PlayableTune, PlayableTunes

if TYPE_CHECKING:
    from pretty_midi import PrettyMIDI

    from models.uses.offers import ComposingModel, PerformingModel
    from models.uses.performing import Spread
    from models.uses.styles import Mix

MidiT = TypeVar("MidiT", bound="bytes | PrettyMIDI")


@dataclass(frozen=True)
class LoadedComposer:
    """A trained model that composes.

    Attributes:
        model: The model.
    """

    model: "ComposingModel"

    @public
    def compose(
        self,
        *,
        count: int = 1,
        seed: int = 1,
        prompt: Tune | PlayableTune | str | Path | None = None,
        **request: Any,
    ) -> PlayableTunes:
        """Compose tunes.

        Args:
            count: Number of tunes.
            seed: The same seed gives the same tunes.
            prompt: A tune to continue, or its file.
            **request: Fields of ``SamplingRequest``: bars, key, metre, temperature, top_p, ...

        Returns:
            The tunes.

        Raises:
            TypeError: If a field has an unknown name or a wrong type.
            BadInputError: If the model does not support the request.
        """
        from data_prep.tunes.prompts import read_prompt
        from models.uses.request import SamplingRequest

        fields_ = [field.name for field in fields(SamplingRequest)]
        check_arguments("compose", request, ["count", "seed", *fields_])
        check_types("compose", request, argument_types(SamplingRequest))
        if isinstance(prompt, PlayableTune):
            prompt = prompt.tune
        beginning = read_prompt(Path(prompt))[0] if isinstance(prompt, str | Path) else prompt
        sampling = SamplingRequest(prompt=beginning, **request)
        return PlayableTunes(map(PlayableTune, self.model.compose(sampling, count=count, seed=seed)))


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

    @public
    def perform(
        self,
        midi: MidiT,
        style: "Mix",
        *,
        amount: float = 1.0,
        spread: "Spread" = "predicted",
        keep_accents: float = 0.0,
    ) -> MidiT:
        """Return a piece with predicted velocities for the notes of its piano.

        Args:
            midi: The piece, as the bytes of a MIDI file or as a PrettyMIDI.
            style: A style of the model, or a mix of styles as in ``{"classical": 0.3, "jazz": 0.7}``.
            amount: Strength of the dynamics: 0 is flat, 1 as predicted.
            spread: Spread of the velocities: as "predicted", or that of "human" players in the style.
            keep_accents: Share of the piece's own accents to add, 0 to 1.

        Returns:
            The piece in the same form; everything but the velocities is unchanged.

        Raises:
            BadInputError: If the piece has no piano, or an argument is not legal.
        """
        from models.uses.performing import perform

        return perform(midi, self.model, style, amount=amount, spread=spread, keep_accents=keep_accents)


@public
def load_model(
    name: str | Path, *, home: str | Path | None = None, tracking: str | None = None
) -> LoadedComposer | LoadedPerformer:
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

    path = any_model(str(name), home_folder(as_path(home)), tracking).path
    family = family_of(path)
    if isinstance(family, ComposingFamily):
        return LoadedComposer(family.composing_model(path))
    if isinstance(family, PerformingFamily):
        return LoadedPerformer(family.performing_model(path))
    raise BadInputError(
        "only models that compose or perform can be loaded", f"{family.name} does neither", remedy="serve it instead"
    )
