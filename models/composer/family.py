"""The family of recurrent melody models."""

from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from models.composer.paper.experiments import COMPOSER_EXPERIMENTS
from models.composer.paper.presets import COMPOSER_PRESETS
from models.composer.spec import ComposerSpec
from models.experiments import Experiment, GridExperiment
from models.family import Baseline, Preset, Scored, Training
from models.metrics import CV_LOSS, CV_LOSS_BY_NOTE, NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, TRAIN_LOSS, Metric

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from data_prep.melodies.arrays import Melodies
    from data_prep.progress import Progress
    from models.serving import Serving
    from models.uses.offers import ComposingModel, Example, Memoriser


class Composer:
    """Monophonic melodies, note by note; see ``models.family.Family``."""

    name: str = "composer"
    summary: str = "recurrent networks that compose monophonic melodies note by note"
    spec_type: type[ComposerSpec] = ComposerSpec
    data_kind: str = "melodies"
    folder: Path = Path(__file__).parent
    not_for: str = (
        "It composes one voice at a time, with the metres, note lengths and phrases of its corpus; it can refer to at "
        "most 16 bars back. It can copy passages of its corpus verbatim: check the report on verbatim copies before "
        "you call a tune new. It does not judge the quality of tunes, and is no source for their history."
    )
    metrics: Sequence[Metric] = (NATS_PER_NOTE, NATS_PER_NOTE_BY_NOTE, CV_LOSS, CV_LOSS_BY_NOTE, TRAIN_LOSS)
    columns: Sequence[Metric] = (NATS_PER_NOTE, CV_LOSS)
    presets: Mapping[str, Preset] = COMPOSER_PRESETS
    experiments: Mapping[str, Experiment | GridExperiment] = COMPOSER_EXPERIMENTS

    def remarks(self, tried: Mapping[str, Container[object]], data: "Melodies") -> Sequence[str]:
        """Return remarks on copying from earlier bars and hearing other voices if no piece of the corpus allows it."""
        from data_prep.melodies.upper_voices import hears_any
        from data_prep.melodies.votes import any_look_back

        if "sounding" not in tried["reading"]:
            return ()
        found: list[str] = []
        if "match+bars" in tried["copying"] and not any_look_back(data.votes):
            needed = "a metre and notes that are full bars apart"
            found.append(f"no piece of {data.corpus} has {needed}: copying from earlier bars has no effect")
        if "upper_voices" in tried["conditioning"] and not hears_any(data.upper):
            found.append(f"no piece of {data.corpus} has a voice above it: conditioning = upper_voices will fail")
        return tuple(found)

    def start(
        self,
        spec: ComposerSpec,
        data: "Melodies",
        *,
        seed: int,
        trial: int,
        device: str,
        folds: range | None = None,
    ) -> Training:
        """Encode the data and build the folded model for a trial, with its streams named by (seed, trial)."""
        from models.composer.task import ComposerTask
        from models.training.loop import LockstepTraining

        task = ComposerTask(spec, data, seed=seed, trial=trial, device=device, folds=folds)
        return LockstepTraining(task, spec)

    def start_folds(
        self, spec: ComposerSpec, data: "Melodies", *, seed: int, trial: int, device: str, first: int, until: int
    ) -> Training:
        """Build the training of a trial that begins with its first folds; the others join after an epoch."""
        from models.training.joining import JoiningTraining

        def start(folds: range) -> Training:
            return self.start(spec, data, seed=seed, trial=trial, device=device, folds=folds)

        return JoiningTraining(start, num_folds=data.num_folds, first=first, until=until)

    def score(self, trained: "Path", data: "Melodies", learnt: "Melodies | None") -> Scored:
        """Score unseen tunes by a trained composer."""
        from models.composer.scoring import score_tunes

        return score_tunes(trained, data, learnt)

    def serving(self) -> "Serving":
        """Return the interface by which a registered composer is served."""
        from models.composer.serving import SERVING

        return SERVING

    def composing_model(self, trained: Path) -> "ComposingModel":
        """Load a trained composer."""
        from models.composer.composing.tune_composer import TuneComposer

        return TuneComposer.load(trained)

    def examples(self, trained: Path, data: "Melodies") -> Sequence["Example"]:
        """Compose two tunes."""
        from models.uses.offers import Example
        from models.uses.request import SamplingRequest

        del data
        tunes = self.composing_model(trained).compose(SamplingRequest(), count=2)
        return [Example(f"Tune {number}", {"composed": tune}) for number, tune in enumerate(tunes, 1)]

    def memoriser(self) -> "Memoriser":
        """Return the functions that train composers on single tunes."""
        from models.composer import memorising

        return memorising

    def pictures(self, trained: "Path", data: "Melodies") -> "Iterable[tuple[str, Figure]]":
        """Return no pictures."""
        del trained, data
        return ()

    def baselines(self, data: "Melodies", progress: "Progress | None" = None) -> Sequence[Baseline]:
        """Score the simple models on the same folds, from the weakest to the strongest."""
        from models.composer.baselines import melody_baselines

        return melody_baselines(data, progress)
