"""The page of an experiment with what its trained models make: tunes, and the family's pictures."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.wording import counted
from models.family import Family
from search.study.database import folder as search_folder
from search.trials.files import model_path, snapshot_paths
from tunesmith.reproducing.files import content, write_page
from tunesmith.reproducing.outcome import Outcome

if TYPE_CHECKING:
    from data_prep.prepared.corpus import Prepared


def write_illustrated(
    outcome: Outcome, family: Family[Any, Any], prepared: "Prepared", home: Path, folder: Path
) -> list[Path]:
    """Write the page.

    Args:
        outcome: The outcome.
        family: The family of its models.
        prepared: The corpus.
        home: The home folder, which has the trained models.
        folder: The folder of the page.

    Returns:
        The files, the pages first.

    Raises:
        BadInputError: If the folder cannot be written to.
    """
    experiment, spec = outcome.experiment, outcome.record.spec
    shown: dict[str, tuple[str, bytes]] = {}
    extra: list[str] = []
    models = dict(_models(outcome, home, experiment.tunes))
    if models:
        from tunesmith.reproducing import tunes

        composed = tunes.compose(models, spec.family, prepared.data)
        extra += tunes.measured(composed, prepared.data)
        shown |= {name: (caption, data) for name, caption, data in tunes.engraved(composed)}
    for number, (row, model) in enumerate(_drawn(outcome, home), start=1):
        for name, figure in family.pictures(model, prepared.data):
            if name.startswith(experiment.picture_names or ("",)):
                file = f"{name}-{number}.png"
                shown[file] = (f"{row}: {name.replace('_', ' ')}", content(figure, file))
    pieces = counted(prepared.data.num_pieces, "open piece", ",")
    return write_page(outcome, f"{pieces} of {spec.data.title}", folder, shown=shown, extra=extra)


def _drawn(outcome: Outcome, home: Path) -> Iterator[tuple[str, Path]]:
    """Yield the models whose pictures are shown, with captions: each row's snapshots, and its model in the end."""
    experiment, spec = outcome.experiment, outcome.record.spec
    for name, model in _models(outcome, home, experiment.pictures):
        number = outcome.row(name).trials[0].number
        snapshots = snapshot_paths(search_folder(home, spec.name), number) if experiment.by_epoch else {}
        for epoch, snapshot in snapshots.items():
            yield f"{name} after {counted(epoch, 'epoch')}", snapshot
        yield f"{name} after {counted(spec.budget.epochs, 'epoch')}", model


def _models(outcome: Outcome, home: Path, rows: tuple[str, ...]) -> Iterator[tuple[str, Path]]:
    """Yield the trained model of the first trial of each row that has one."""
    for name in rows:
        for trial in outcome.row(name).trials[:1]:
            path = model_path(search_folder(home, outcome.record.spec.name), trial.number)
            if path.exists():
                yield name, path
