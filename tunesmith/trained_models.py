"""Which trained model a text such as "stylenet/7", or "stylenet" for the best, names."""

from pathlib import Path

from data_prep.errors import BadInputError


def trained_model(home: Path, text: str) -> Path:
    """Find the file of a search's trained model.

    Args:
        home: The home folder.
        text: SEARCH/NUMBER, or SEARCH for its best trial.

    Returns:
        The file, which exists.

    Raises:
        BadInputError: If there is no such search or trial, or it kept no model.
    """
    from models.families import family as find_family
    from search.report import best_trials
    from search.study import folder, read_search
    from search.trial import model_path
    from tunesmith.search_commands import recorded_trial

    if "/" in text:
        record, number = recorded_trial(home, text)
    else:
        record = read_search(home, text)
        best = best_trials(record.trials, find_family(record.spec.family).metrics[0], 1)
        if not best:
            raise BadInputError(f"no trial of {text} came to its full budget yet, so it has no model: search on")
        number = best[0].number
    path = model_path(folder(home, record.spec.name) / "checkpoints", number)
    if not path.exists():
        state = record.trial(number).state
        reason = "it did not come to its full budget" if state != "COMPLETE" else f"{path} is gone"
        raise BadInputError(
            f"{record.spec.name}/{number} has no trained model, for {reason}: name another trial, or only the search "
            "for its best"
        )
    return path
