"""``tunesmith.promote``: register a model with the settings of a search's best trial."""

from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.python.public import as_path, public

if TYPE_CHECKING:
    from search.promotion.promote import PromotionResult


@public
def promote(
    search: str,
    *,
    trial: int | None = None,
    networks: int = 3,
    force: bool = False,
    reason: str = "",
    home: str | Path | None = None,
) -> "PromotionResult":
    """Refit a search's best trial on all folds, test it once on the sealed test set, and register it.

    An interrupted promotion resumes with the same call. The model becomes the champion if there is none, if it is
    significantly better on the test set, or with ``force``.

    Args:
        search: The search's name.
        trial: The number of the trial; None chooses it by the one-standard-error rule.
        networks: Number of networks to train; the model predicts their mean.
        force: Whether to make it the champion regardless of the comparison; requires a reason.
        reason: The reason for ``force``, which is stored with the version.
        home: The home folder; None is TUNESMITH_HOME, or else ./runs.

    Returns:
        The evidence and the registered version; ``load_model(result.version.reference)`` loads the model.

    Raises:
        BadInputError: If the search cannot be promoted.
    """
    from search.promotion.rule import check_force
    from tunesmith.home import home_folder
    from tunesmith.running.promotion import planned_promotion

    check_force(force=force, reason=reason)
    with planned_promotion(home_folder(as_path(home)), search, trial, networks) as planned:
        return planned.run(force=force, reason=reason)
