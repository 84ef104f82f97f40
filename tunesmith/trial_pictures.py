"""``tunesmith show --pictures``: a trial's learning curve and what its trained model does, as files."""

from pathlib import Path

from data_prep.errors import BadInputError
from models.families import family as find_family
from search.curve import learning_curve
from search.study import SearchRecord, folder
from search.trial_files import model_path
from tunesmith.console import err, out
from tunesmith.pictures import save


def draw(record: SearchRecord, number: int, home: Path, target: Path) -> None:
    """Draw a trial's pictures.

    Args:
        record: The search.
        number: The trial's number.
        home: The home folder.
        target: The folder to draw into; it is made if need be.

    Raises:
        BadInputError: If the folder cannot be written, or the trial reported no epoch.
    """
    from tunesmith.search_data import prepared_data

    trial, family = record.trial(number), find_family(record.spec.family)
    if not trial.epochs:
        raise BadInputError(f"{record.spec.name}/{number} has reported no epoch yet: there is nothing to draw")
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInputError(f"the pictures' folder must be writable: {target} ({error.strerror})") from None
    figures = [("learning_curve", learning_curve(trial, family.metrics[0]))]
    model = model_path(folder(home, record.spec.name), number)
    if model.exists():
        figures += family.pictures(model, prepared_data(record.spec).data)
    else:
        err.print(f"{record.spec.name}/{number} kept no model, as it has not its full budget: only its curve is drawn")
    for name, figure in figures:
        path = target / f"{name}.png"
        save(figure, path)
        out.print(str(path), soft_wrap=True, markup=False)
