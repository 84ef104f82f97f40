"""``tunesmith show --pictures``: a trial's learning curve and pictures of its trained model, as files."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError
from data_prep.storage.user_files import check_new
from models.families import family as find_family
from models.family import Family
from search.spec.sections import Data
from search.study.database import SearchRecord, folder
from search.study.records import TrialRecord
from search.tracking.learning_curve import learning_curve
from search.trials.files import model_path, snapshot_paths
from tunesmith.console import err, out
from tunesmith.home import make_folder
from tunesmith.reports.pictures import save

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

_CURVE = "learning_curve"


def draw(record: SearchRecord, number: int, home: Path, target: Path, *, replace: bool) -> None:
    """Draw a trial's pictures.

    Args:
        record: The search.
        number: The trial's number.
        home: The home folder.
        target: The folder of the pictures; it is created if it does not exist.
        replace: Whether to replace existing pictures.

    Raises:
        BadInputError: If the folder is not writable, a picture exists and ``replace`` is false, or the trial has not
            reported an epoch.
    """
    from tunesmith.searching.data import prepared_data

    trial, family = record.trial(number), find_family(record.spec.family)
    if not trial.epochs:
        raise BadInputError(f"{record.spec.name}/{number} has nothing to draw", "it has not reported an epoch yet")
    make_folder(target, "pictures", "--pictures")
    check_new([target / f"{_CURVE}.png"], replace=replace)  # before drawing the slow pictures
    figures = [(_CURVE, learning_curve(trial, family.metrics[0]))]
    model = model_path(folder(home, record.spec.name), number)
    for epoch, snapshot in snapshot_paths(folder(home, record.spec.name), number).items():
        drawn = family.pictures(snapshot, prepared_data(record.spec).data)
        figures += [(f"epoch_{epoch:04d}_{name}", figure) for name, figure in drawn]
    if model.exists():
        figures += family.pictures(model, prepared_data(record.spec).data)
    else:
        err.print(f"{record.spec.name}/{number} has no model, since it was not fully trained: drawing only its curve")
    _save(figures, target, replace=replace)


def draw_kept(
    trial: TrialRecord, model: Path, family: Family[Any, Any], data: Data, target: Path, *, replace: bool
) -> None:
    """Draw the pictures of a single trial whose model was kept.

    Args:
        trial: The trial.
        model: The model's file.
        family: Its family.
        data: Its corpus and folds.
        target: The folder of the pictures; it is created if it does not exist.
        replace: Whether to replace existing pictures.
    """
    from tunesmith.progress_bar import Bar
    from tunesmith.searching.data import prepare_data

    make_folder(target, "pictures", "--pictures")
    with Bar() as bar:
        prepared = prepare_data(data, family.data_kind, bar)
    figures = [(_CURVE, learning_curve(trial, family.metrics[0])), *family.pictures(model, prepared.data)]
    _save(figures, target, replace=replace)


def _save(figures: "Sequence[tuple[str, Figure]]", target: Path, *, replace: bool) -> None:
    paths = [target / f"{name}.png" for name, _ in figures]
    check_new(paths, replace=replace)
    for path, (_, figure) in zip(paths, figures, strict=True):
        save(figure, path, replace=replace)
        out.print(str(path), soft_wrap=True, markup=False)
