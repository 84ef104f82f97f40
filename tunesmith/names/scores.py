"""Scoring a named model on a named corpus, for the command and for Python."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data_prep.errors import BadInputError

if TYPE_CHECKING:
    from data_prep.corpora.provenance import Prepared
    from data_prep.progress import Progress
    from search.promotion.scoring import ModelScores
    from tunesmith.names.models import NamedModel


@dataclass(frozen=True)
class CorpusScores:
    """A model's scores on a corpus.

    Attributes:
        corpus: The corpus.
        scores: The scores of its pieces.
        without_baselines: Why there are no baselines; None where there are.
    """

    corpus: "Prepared"
    scores: "ModelScores"
    without_baselines: str | None


def corpus_scores(
    model: "NamedModel", corpus: str, progress: "Progress", *, keep_seen: bool, repeats: str | None = None
) -> CorpusScores:
    """Score a model on a corpus.

    Args:
        model: The model.
        corpus: A corpus's name, or a folder.
        progress: Shows the reading.
        keep_seen: Whether to score pieces of the training corpus too.
        repeats: How to read the corpus's repeats; None is as in the model's training corpus.

    Returns:
        The scores, with baselines where the model's training corpus is available.

    Raises:
        BadInputError: If the model or the corpus cannot be used, or no piece is left to score.
    """
    from data_prep.prepared.corpus import prepare
    from models.families import family as find_family
    from models.training.checkpoint import load_model
    from search.promotion.scoring import score_model
    from search.spec.sections import Data

    saved = load_model(model.path)
    family = find_family(saved.extra["family"])
    repeats = repeats or (model.data or Data()).repeats
    prepared = prepare(corpus, kind=family.data_kind, repeats=repeats, num_folds=None, progress=progress)
    learnt, reason = _learnt(model, family.data_kind, saved.extra.get("fingerprint"), progress)
    return CorpusScores(prepared, score_model(family, model.path, prepared.data, learnt, keep_seen=keep_seen), reason)


def _learnt(
    model: "NamedModel", kind: str, fingerprint: str | None, progress: "Progress"
) -> tuple[Any | None, str | None]:
    """Return the open pieces of a model's training corpus, or why they are not available."""
    from data_prep.prepared.corpus import prepare

    data = model.data
    if data is None:
        return None, f"the home folder does not have the search of {model.path}, so its corpus is unknown"
    try:
        prepared = prepare(
            data.corpus,
            kind=kind,
            repeats=data.repeats,
            num_folds=data.folds,
            seed=data.seed,
            progress=progress,
        )
    except BadInputError as error:
        return None, f"its training corpus cannot be read: {error}"
    if fingerprint not in (None, prepared.fingerprint):
        return None, (
            f"its training corpus {data.corpus} has changed since (fingerprint {fingerprint}, now "
            f"{prepared.fingerprint}); restore its files"
        )
    return prepared.data, None


def score(
    model: str,
    corpus: str,
    *,
    home: Path | None = None,
    tracking: str | None = None,
    keep_seen: bool = False,
    repeats: str | None = None,
) -> "ModelScores":
    """Score a model on pieces that it never saw.

    Args:
        model: A registered model, as composer@champion or stylenet@3; a search's trial, as composer/7; or a file.
        corpus: A corpus's name, or a folder.
        home: The home folder; None is TUNESMITH_HOME, or ./runs.
        tracking: The URI of MLflow's store; None is the home folder's.
        keep_seen: Whether to score pieces of the training corpus too.
        repeats: "written" or "played"; None is as in the model's training corpus.

    Returns:
        The objective on each piece and its mean, with the baselines on the same pieces where the model's training
        corpus is available.

    Raises:
        BadInputError: If the model or the corpus cannot be used, or no piece is left to score.
    """
    from data_prep.progress import Silent
    from tunesmith.home import home_folder
    from tunesmith.names.models import any_model

    chosen = any_model(model, home_folder(home), tracking)
    return corpus_scores(chosen, corpus, Silent(), keep_seen=keep_seen, repeats=repeats).scores
