"""Composing in a studio: what the page asks for becomes a request, and the tune is kept for downloads."""

from dataclasses import replace
from typing import Any, Literal

from pydantic import Field

from data_prep.errors import BadInputError
from data_prep.tunes.abc_prompts import read_abc
from data_prep.wording import counted
from models.uses.kept_bars import KeptBars
from models.uses.offers import ComposingModel
from models.uses.request import SamplingRequest, parse_metre
from tunesmith.playing.music import music_of_tune
from tunesmith.studio.favourites import Favourites
from tunesmith.studio.tunes import Id, Latest, Strict, StudioTune, TuneOptions, new_id, written

_MOST_TUNES = 500
"""Tunes that are kept in memory."""

_MOST_QUARTERS = 512
"""Length of a tune in quarter notes: composing a longer one would block the studio."""

_LONGEST_NAME = 200
"""Letters of a model's name that are shown."""


class Again(Strict):
    """A tune of which some bars are composed again, or to which bars are added.

    Attributes:
        source: The tune.
        how: What is done.
        keep: The bars that are kept.
        options: Seed, temperature, top-p and tempo are used, and the number of bars.
    """

    source: Id
    how: Literal["composed again", "varied", "continued"]
    keep: list[int] = Field(max_length=1000)
    options: TuneOptions


class ComposingService:
    """A composer and the tunes that it made."""

    def __init__(self, model: ComposingModel, name: str, favourites: Favourites) -> None:
        """Compose with a model of some name."""
        self._model, self._name, self._favourites = model, name[:_LONGEST_NAME], favourites
        self._tunes: Latest[StudioTune] = Latest(_MOST_TUNES)

    def warm_up(self) -> None:
        """Compose and engrave a tune, which imports what this needs."""
        (tune,) = self._model.compose(SamplingRequest(bars=2))
        music_of_tune(tune)

    def tune(self, name: str) -> StudioTune | None:
        """Return a tune, made now or among the favourites; None if there is none of that ID."""
        return self._tunes.get(name) or self._favourites.get(name)

    def compose(self, options: TuneOptions) -> StudioTune:
        """Compose a tune; raise BadInputError if the model cannot."""
        request = _request(options)
        remarks: list[str] = []
        if options.prompt.strip():
            metre = parse_metre(options.metre) if options.metre else (4, 4)
            prompt, remarks = read_abc(options.prompt, key=options.key or "C", metre=metre)
            request = replace(request, prompt=prompt, prompt_notes=prompt.num_notes)
        return self._made(request, options, "composed", remarks)

    def again(self, wanted: Again) -> StudioTune:
        """Compose some bars of a tune again, or more bars; raise BadInputError if the model cannot."""
        source = self.tune(wanted.source)
        if source is None:
            raise BadInputError("a tune of this studio is needed", "this one was made before the studio was restarted")
        kept = KeptBars(source.tune, frozenset(wanted.keep))
        first, last = kept.numbers
        if wanted.options.bars <= last and len(kept.bars) == last + 1 - first:
            raise BadInputError("some bars are free to be composed again", "all bars are kept")
        own = {"key": source.options.key, "metre": source.options.metre, "form": source.options.form, "prompt": ""}
        if wanted.how == "continued":
            own["form"] = ""
        options = wanted.options.model_copy(update=own)
        request = replace(_request(options), metre=None, kept=kept)
        return self._made(request, options, wanted.how, [], sorted(kept.bars))

    def at_tempo(self, name: str, tempo: int) -> StudioTune | None:
        """Set the tempo of a tune, and return the tune; None if there is none of that ID."""
        before = self.tune(name)
        if before is None:
            return None
        made = before.model_copy(update={"options": before.options.model_copy(update={"tempo": tempo})})
        self._tunes.add(name, made)
        if self._favourites.get(name) is not None:
            self._favourites.add(made)
        return made

    def _made(
        self,
        request: SamplingRequest,
        options: TuneOptions,
        how: Literal["composed", "composed again", "varied", "continued"],
        remarks: list[str],
        kept: list[int] | None = None,
    ) -> StudioTune:
        _check_length(request)
        remarks = [*remarks, *self._model.remarks(request)]
        (tune,) = self._model.compose(request, seed=options.seed)
        made = StudioTune(
            id=new_id(),
            model=self._name,
            how=how,
            options=options,
            kept=kept or [],
            notes=written(tune),
            remarks=remarks,
        )
        self._tunes.add(made.id, made)
        return made


def shown(made: StudioTune, *, narrow: bool) -> dict[str, Any]:
    """Return a tune with what the player needs; see ``music_of_tune``."""
    return {**made.summary(), "music": music_of_tune(made.tune, narrow=narrow).plain()}


def _check_length(request: SamplingRequest) -> None:
    """Raise BadInputError for a tune that is too long; a model that chooses the metre chooses a usual one."""
    metre = request.kept.tune.metre if request.kept is not None else request.asked_metre
    beats, unit = metre or (4, 4)
    if (quarters := request.bars * 4 * beats // unit) > _MOST_QUARTERS:
        raise BadInputError(
            f"a tune of the studio has at most {counted(_MOST_QUARTERS, 'quarter note')}",
            f"{counted(request.bars, 'bar')} of {beats}/{unit} have {quarters}",
            remedy="ask for fewer bars",
        )


def _request(options: TuneOptions) -> SamplingRequest:
    return SamplingRequest(
        bars=options.bars,
        temperature=options.temperature,
        top_p=options.top_p,
        key=options.key or None,
        metre=options.metre or None,
        form=options.form or None,
    )
