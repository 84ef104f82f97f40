"""The n-gram as a model family."""

from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.family import Baseline, Preset, Scored, Training
from models.metrics import NATS_PER_NOTE, Metric
from tests.models.ngram_family.spec import NgramSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data_prep.melodies.arrays import Melodies
    from data_prep.progress import Progress
    from models.serving import Serving
    from models.uses.offers import ComposingModel


class Ngram:
    """See ``models.family.Family``; its ``composing_model`` makes it a ``models.uses.offers.ComposingFamily`` too."""

    name: str = "ngram"
    summary: str = "an n-gram mixed with a uniform distribution"
    spec_type: type[NgramSpec] = NgramSpec
    data_kind: str = "melodies"
    folder: Path = Path(__file__).parent
    not_for: str = "It only knows the last few notes, and no bars, keys or forms."
    metrics: Sequence[Metric] = (NATS_PER_NOTE,)
    columns: Sequence[Metric] = (NATS_PER_NOTE,)
    presets: Mapping[str, Preset] = {"bigram": Preset("bigram", {"order": 2}, "the simplest n-gram with a past")}

    def remarks(self, tried: Mapping[str, Container[object]], data: "Melodies") -> Sequence[str]:
        """Return no remarks: every setting has an effect on all data."""
        return ()

    def start(self, spec: NgramSpec, data: "Melodies", *, seed: int, trial: int, device: str) -> Training:
        """Start a trial; counting needs neither random numbers nor a GPU."""
        from tests.models.ngram_family.training import NgramTraining

        return NgramTraining(spec, data)

    def score(self, trained: Path, data: "Melodies", learnt: "Melodies | None") -> Scored:
        """Score pieces by a trained model, the mean of all its folds."""
        import numpy as np

        from tests.models.ngram_family.model import NgramModel, pieces_of
        from tests.models.ngram_family.training import nats_per_note

        model = NgramModel.load(trained)
        model.durations |= set(data.durations)
        folds = range(len(model.counts))
        return Scored(np.array([nats_per_note(model, piece, folds) for piece in pieces_of(data)]))

    def serving(self) -> "Serving":
        """Return the interface by which a registered model is served."""
        from tests.models.ngram_family.serving import SERVING

        return SERVING

    def composing_model(self, trained: Path) -> "ComposingModel":
        """Load a trained model for ``tunesmith compose``."""
        from tests.models.ngram_family.composing import NgramComposer

        return NgramComposer(trained)

    def pictures(self, trained: Path, data: "Melodies") -> "Sequence[tuple[str, Figure]]":
        """Return no pictures."""
        return ()

    def baselines(self, data: "Melodies", progress: "Progress | None" = None) -> Sequence[Baseline]:
        """Score the baselines of all models of melodies."""
        from models.composer.baselines import melody_baselines

        return melody_baselines(data, progress)
