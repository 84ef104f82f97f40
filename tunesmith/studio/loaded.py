"""The models of a studio: a composer, a performer, or both, and how to get the one that is missing."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from data_prep.errors import BadInputError
from models.families import family_of, offering
from models.uses.offers import ComposingFamily, ComposingModel, PerformingFamily, PerformingModel
from tunesmith.names.models import named_model
from tunesmith.program import command
from tunesmith.remedies import error_line

if TYPE_CHECKING:
    from tunesmith.names.models import NamedModel


ModelT = TypeVar("ModelT")


@dataclass(frozen=True)
class Part(Generic[ModelT]):
    """A model of a studio.

    Attributes:
        model: The model; None if there is none.
        name: Its name.
        missing: A line that says how to get one.
    """

    model: ModelT | None = None
    name: str = ""
    missing: str = ""


@dataclass(frozen=True)
class Loaded:
    """The models of a studio."""

    composer: Part[ComposingModel]
    performer: Part[PerformingModel]


def load(models: Sequence[str], trials: Sequence[str], home: Path, tracking: str | None = None) -> Loaded:
    """Load the models of a studio.

    Args:
        models: Registered models or files, at most one that composes and one that performs.
        trials: Trials or searches, likewise.
        home: The home folder, whose champions or best trials are used for kinds that are not named.
        tracking: URI of MLflow's store; None is the store in the home folder.

    Returns:
        The models.

    Raises:
        BadInputError: If a named model does not exist, two of a kind are named, or there is none at all.
    """
    composing, performing = offering(ComposingFamily), offering(PerformingFamily)
    both = [*composing, *performing]
    named = [named_model(text, None, both, home, tracking) for text in models]
    named += [named_model(None, trial, both, home, tracking) for trial in trials]
    composer = _of_kind("that composes", composing, named) or _standard([*composing], home, tracking)
    performer = _of_kind("that performs", performing, named) or _standard([*performing], home, tracking)
    if isinstance(composer, str) and isinstance(performer, str):
        remedy = f"train one first: {command('search', next(iter(composing)))}"
        raise BadInputError("the studio needs a trained model", f"{home} has none", remedy=remedy)
    return Loaded(
        _part(composer, lambda path: composing[family_of(path, composing).name].composing_model(path)),
        _part(performer, lambda path: performing[family_of(path, performing).name].performing_model(path)),
    )


def _part(found: "NamedModel | str", read: Callable[[Path], ModelT]) -> Part[ModelT]:
    if isinstance(found, str):
        return Part(missing=found)
    return Part(read(found.path), found.name)


def _of_kind(kind: str, families: Iterable[str], named: "Sequence[NamedModel]") -> "NamedModel | None":
    """Return the only named model of some families, None without one."""
    names = list(families)
    found = [model for model in named if family_of(model.path).name in names]
    if len(found) > 1:
        raise BadInputError(f"a studio has one model {kind}", f"got {found[0].name} and {found[1].name}")
    return found[0] if found else None


def _standard(families: list[str], home: Path, tracking: str | None) -> "NamedModel | str":
    """Return the champion, or else the best trial; or a line that says why there is none, and how to get one."""
    try:
        return named_model(None, None, families, home, tracking)
    except BadInputError as error:
        return f"There is no {families[0]} yet. To get one, run: {command('search', families[0])} ({error_line(error)})"
