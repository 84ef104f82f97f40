"""``tunesmith.score``: score a model on a corpus."""

from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.python.public import as_path, public

if TYPE_CHECKING:
    from search.promotion.scoring import ModelScores


@public
def score(
    model: str,
    corpus: str,
    *,
    home: str | Path | None = None,
    tracking: str | None = None,
    keep_seen: bool = False,
    repeats: str | None = None,
) -> "ModelScores":
    """Score a model on pieces that it never saw.

    Args:
        model: A registered model such as composer@champion, a trial such as composer/7, or a file.
        corpus: A corpus's name, or a folder.
        home: The home folder; None is TUNESMITH_HOME, or else ./runs.
        tracking: URI of MLflow's store; None is the store in the home folder.
        keep_seen: Whether to also score pieces of the training corpus.
        repeats: "written" or "played"; None is as in the model's training corpus.

    Returns:
        The objective on each piece and its mean, with the baselines on the same pieces if the model's training corpus
        is available.

    Raises:
        BadInputError: If the model or the corpus cannot be used, or no piece is left to score.
    """
    from data_prep.progress import Silent
    from tunesmith.home import home_folder
    from tunesmith.names.models import any_model
    from tunesmith.names.scores import corpus_scores

    chosen = any_model(model, home_folder(as_path(home)), tracking)
    return corpus_scores(chosen, corpus, Silent(), keep_seen=keep_seen, repeats=repeats).scores
