"""The corpus of a search as a dataset of MLflow, which its UI shows beside every run.

Import this module after ``client.quieten``: it imports MLflow.
"""

import json
from collections.abc import Mapping

from mlflow.entities import Dataset, DatasetInput, InputTag

from search.spec.sections import Data

_SHOWN = {"num_pieces": "num_rows", "num_notes": "num_elements"}
"""MLflow's names of the counts that its UI shows."""


def dataset_of(data: Data, fingerprint: str, counts: Mapping[str, int]) -> DatasetInput:
    """Return the dataset of a search.

    Args:
        data: The search's [data] section.
        fingerprint: The fingerprint of the prepared data, which is the dataset's digest.
        counts: The numbers of its pieces and notes, as far as they are known.

    Returns:
        The dataset. Nothing of the data itself is stored.
    """
    source = {"corpus": data.corpus, "repeats": data.repeats, "seed": data.seed}
    profile = {_SHOWN.get(name, name): count for name, count in counts.items()}
    return DatasetInput(
        Dataset(
            name=data.corpus.rstrip("/").rpartition("/")[2] or data.corpus,
            digest=fingerprint,
            source_type="corpus",
            source=json.dumps(source),
            profile=json.dumps({**profile, "folds": data.folds_title}),
        ),
        [InputTag("mlflow.data.context", "training")],
    )
