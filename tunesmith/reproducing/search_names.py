"""The name of an experiment's search: of the experiment, the corpus, and the options that differ from its own."""

import hashlib
import re
from collections.abc import Iterable

from data_prep.corpora.named import corpora, resolve
from models.experiments import Experiment
from search.spec.sections import Data

_LONGEST = 60
_UNSUITABLE = re.compile(r"[^A-Za-z0-9._-]+")


def search_name(experiment: Experiment, corpus: str, repeats: str, epochs: int, folds: int | str | None) -> str:
    """Return the name of an experiment's search.

    A name that would be too long has less of the corpus's name, so that the experiment and the digest of the folder
    always remain.

    Args:
        experiment: The experiment.
        corpus: A named corpus or a folder.
        repeats: How repeats are read.
        epochs: Epochs of each trial.
        folds: The folds; None for the default.

    Returns:
        The same name for the same experiment on the same corpus, however the folder is written.

    Raises:
        BadInputError: If there is no such corpus.
    """
    name, digest = _named(corpus)
    changed = (
        repeats if repeats != experiment.repeats else "",
        f"{epochs}-epochs" if epochs != experiment.epochs else "",
        f"{folds}-folds" if isinstance(folds, int) and folds != Data().folds else "",
        folds if isinstance(folds, str) else "",
    )
    first, last = _joined((experiment.search or experiment.name,)), _joined((digest, *changed))
    room = _LONGEST - sum(len(part) + 1 for part in (first, last) if part)
    return _joined((first, _joined((name,))[: max(0, room)].strip("-"), last))


def _named(corpus: str) -> tuple[str, str]:
    """Return the name of a corpus, and for a folder a digest of its place: folders may have the same name."""
    if corpus in corpora():
        return corpus, ""
    source = resolve(corpus)
    folder, column = source.folder.resolve(), source.style_column
    parts = [str(folder), *([column] if column else [])]
    return "-".join([folder.name, *parts[1:]]), hashlib.sha256("\0".join(parts).encode()).hexdigest()[:6]


def _joined(parts: Iterable[str]) -> str:
    return _UNSUITABLE.sub("-", "-".join(part for part in parts if part)).lstrip("-._")
