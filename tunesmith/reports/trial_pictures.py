"""``tunesmith show --pictures``: a trial's learning curve and what its trained model does, as files."""

from pathlib import Path

from data_prep.errors import BadInputError
from data_prep.storage.user_files import check_new
from models.families import family as find_family
from search.study.database import SearchRecord, folder
from search.tracking.curve import learning_curve
from search.trials.files import model_path
from tunesmith.console import err, out
from tunesmith.reports.pictures import save

_CURVE = "learning_curve"


def draw(record: SearchRecord, number: int, home: Path, target: Path, *, replace: bool) -> None:
    """Draw a trial's pictures.

    Args:
        record: The search.
        number: The trial's number.
        home: The home folder.
        target: The folder to draw into; it is made if need be.
        replace: Whether pictures that are there may be replaced.

    Raises:
        BadInputError: If the folder cannot be written, a picture is there and may not be replaced, or the trial
            reported no epoch.
    """
    from tunesmith.searching.data import prepared_data

    trial, family = record.trial(number), find_family(record.spec.family)
    if not trial.epochs:
        raise BadInputError(f"{record.spec.name}/{number} has reported no epoch yet: there is nothing to draw")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the pictures' folder must be writable: {target} ({error.strerror})") from None
    check_new([target / f"{_CURVE}.png"], replace=replace)  # what takes long to draw comes after it
    figures = [(_CURVE, learning_curve(trial, family.metrics[0]))]
    model = model_path(folder(home, record.spec.name), number)
    if model.exists():
        figures += family.pictures(model, prepared_data(record.spec).data)
    else:
        err.print(f"{record.spec.name}/{number} kept no model, as it has not its full budget: only its curve is drawn")
    paths = [target / f"{name}.png" for name, _ in figures]
    check_new(paths, replace=replace)
    for path, (_, figure) in zip(paths, figures, strict=True):
        save(figure, path, replace=replace)
        out.print(str(path), soft_wrap=True, markup=False)
