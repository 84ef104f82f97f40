"""Scoring a model on a corpus, both given by name."""

from dataclasses import dataclass
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
        without_baselines: Why there are no baselines; None if there are some.
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
        progress: Shows the progress of reading.
        keep_seen: Whether to also score pieces of the training corpus.
        repeats: How to read the corpus's repeats; None is as in the model's training corpus.

    Returns:
        The scores, with baselines if the model's training corpus is available.

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
    trained, reason = training_data(model, family.data_kind, saved.extra.get("fingerprint"), progress)
    return CorpusScores(prepared, score_model(family, model.path, prepared.data, trained, keep_seen=keep_seen), reason)


def training_data(
    model: "NamedModel", kind: str, fingerprint: str | None, progress: "Progress"
) -> tuple[Any | None, str | None]:
    """Return the data that a model was trained on, or why it is not available.

    Args:
        model: The model.
        kind: The kind of data that its family reads.
        fingerprint: Fingerprint of its training data, None if unknown.
        progress: Shows the progress of reading.

    Returns:
        The data and None, or None and the reason.
    """
    from tunesmith.searching.data import prepare_data

    data = model.data
    if data is None:
        return None, f"the home folder does not have the search of {model.path}, so its corpus is unknown"
    try:
        prepared = prepare_data(data, kind, progress)
    except BadInputError as error:
        return None, f"its training corpus cannot be read: {error}"
    if fingerprint not in (None, prepared.fingerprint):
        fingerprints = f"(fingerprint {fingerprint}, now {prepared.fingerprint})"
        return None, f"its training corpus {data.corpus} has changed since {fingerprints}; restore its files"
    return prepared.data, None
