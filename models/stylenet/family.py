"""The family of models that predict the velocities of piano pieces in several styles."""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.experiments import Experiment, GridExperiment
from models.family import Baseline, Preset, Scored, Training
from models.metrics import ONSET_MAE, TRAIN_LOSS, VELOCITY_METRICS, Metric
from models.stylenet.paper.experiments import STYLENET_EXPERIMENTS
from models.stylenet.paper.presets import STYLENET_PRESETS
from models.stylenet.spec import StyleNetSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data_prep.performances.arrays import Performances
    from data_prep.progress import Progress
    from models.serving import Serving
    from models.uses.offers import Example, PerformingModel


class StyleNet:
    """Velocities of piano performances, by style; see ``models.family.Family``."""

    name: str = "stylenet"
    summary: str = "bidirectional networks that add dynamics to piano pieces, in several styles"
    spec_type: type[StyleNetSpec] = StyleNetSpec
    data_kind: str = "performances"
    folder: Path = Path(__file__).parent
    not_for: str = (
        "It is made for one piano in 4/4 whose bars agree with the file's ticks: with free timing, other instruments "
        "or other metres its dynamics mean little. It predicts velocities, neither timing nor pedal, and its dynamics "
        "are flatter than those of humans. The styles were learnt from few sources with different instruments: its "
        "dynamics are no evidence about a style."
    )
    metrics: Sequence[Metric] = (*VELOCITY_METRICS, TRAIN_LOSS)
    columns: Sequence[Metric] = (ONSET_MAE,)
    presets: Mapping[str, Preset] = STYLENET_PRESETS
    experiments: Mapping[str, Experiment | GridExperiment] = STYLENET_EXPERIMENTS

    def remarks(self, tried: Mapping[str, Container[object]], data: "Performances") -> Sequence[str]:
        """Return no remarks: every setting has an effect on all data."""
        del tried, data
        return ()

    def start(self, spec: StyleNetSpec, data: "Performances", *, seed: int, trial: int, device: str) -> Training:
        """Encode the data and build the folded model for a trial, with its streams named by (seed, trial)."""
        from models.stylenet.task import StyleNetTask
        from models.training.loop import LockstepTraining

        return LockstepTraining(StyleNetTask(spec, data, seed=seed, trial=trial, device=device), spec)

    def score(self, trained: "Path", data: "Performances", learnt: "Performances | None") -> Scored:
        """Score unseen performances by a trained StyleNet."""
        from models.stylenet.performer import Performer
        from models.stylenet.scoring import score_performances

        del learnt
        return score_performances(Performer.load(trained), data)

    def serving(self) -> "Serving":
        """Return the interface by which a registered StyleNet is served."""
        from models.stylenet.serving import SERVING

        return SERVING

    def performing_model(self, trained: Path) -> "PerformingModel":
        """Load a trained StyleNet."""
        from models.stylenet.performer import Performer

        return Performer.load(trained)

    def examples(self, trained: "Path", data: "Performances") -> "Sequence[Example]":
        """Perform an excerpt of a held-out performance of each style."""
        from models.stylenet.performer import Performer
        from models.stylenet.pictures import examples

        return examples(Performer.load(trained), data)

    def pictures(self, trained: "Path", data: "Performances") -> "Iterable[tuple[str, Figure]]":
        """Draw held-out performances, the model's predictions for them, and its interpretation layer."""
        from models.stylenet.performer import Performer
        from models.stylenet.pictures import trial_pictures

        return trial_pictures(Performer.load(trained), data)

    def baselines(self, data: "Performances", progress: "Progress | None" = None) -> Sequence[Baseline]:
        """Score the simple models on the same folds, from the weakest to the strongest."""
        from models.stylenet.baselines import velocity_baselines

        return velocity_baselines(data, progress)
