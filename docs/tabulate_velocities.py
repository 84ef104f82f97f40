"""Write docs/results/velocities.md: scores of a StyleNet on real performances, compared with the baselines.

    python docs/tabulate_velocities.py FOLDER --trial stylenet/7 [--home runs] [--seeds 3]
    python docs/tabulate_velocities.py FOLDER --again [--seeds 3]

The trial's hyperparameters are trained again with other seeds on the folds of its search; the test set stays sealed.
``--again`` takes the hyperparameters from the page itself, for a change of the code that needs no new search.
"""

import argparse
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes
from data_prep.performances.arrays import Performances
from data_prep.prepared.corpus import prepare
from models.families import family as find_family
from models.metrics import ONSET_CORRELATION, ONSET_MAE, ONSET_MAE_LEVEL_REMOVED, ONSET_SPREAD, FoldValues, of_style
from models.stylenet.baselines import simple_predictions
from models.stylenet.spec import StyleNetSpec
from models.stylenet.spread import human_spreads
from models.stylenet.task import StyleNetTask
from models.stylenet.velocity_scores import piece_scores
from models.training.loop import LockstepTraining
from models.uses.performing import with_spread
from search.spec.sections import Data
from tunesmith.figures import settings_line
from tunesmith.names.trials import recorded_trial
from tunesmith.options import read_settings

TARGET = Path(__file__).parent / "results" / "velocities.md"
SHOWN = (ONSET_MAE, ONSET_MAE_LEVEL_REMOVED, ONSET_CORRELATION, ONSET_SPREAD)

SINGLE = "StyleNet, one net"

Scores = Mapping[str, FoldValues]


@dataclass(frozen=True)
class Row:
    """A predictor: its metrics on the folds, by name, and its mean absolute error for each performance, shape (P,)."""

    name: str
    scores: Scores
    errors: NDArray[np.float64]


def nets(spec: StyleNetSpec, data: Performances, seeds: int, seed: int) -> list[NDArray[np.float64]]:
    """Train networks with several seeds, and return the predictions of each for held-out notes, shape (N,)."""
    predictions: list[NDArray[np.float64]] = []
    for number in range(seeds):
        task = StyleNetTask(spec, data, seed=seed, trial=1_000_000 + number, device="cpu")
        for report in LockstepTraining(task, spec).epochs():
            sys.stderr.write(f"net {number + 1}, epoch {report.epoch}: {report.metrics[ONSET_MAE.name].mean:.3f}\n")
        predictions.append(task.predict().velocity)
    return predictions


def with_human_spread(velocity: NDArray[np.float64], data: Performances) -> NDArray[np.float64]:
    """Scale held-out predictions, piece by piece, to the spread that the network learnt from its training pieces."""
    fold = np.clip(data.fold, 0, data.num_folds - 1)  # no prediction is known for pieces that no fold holds out
    spreads, scaled = human_spreads(data)[fold, data.style], velocity.copy()
    for number, (begin, end) in enumerate(pairwise(data.start.tolist())):
        scaled[begin:end] = with_spread(velocity[begin:end], float(spreads[number]))
    return scaled


def mean_over_seeds(name: str, single: Sequence[Row]) -> Row:
    """Return the expected scores of a single network: the means over seeds, for each fold and each performance."""
    scores: dict[str, FoldValues] = {}
    for metric in single[0].scores:
        of_folds = np.mean([row.scores[metric].values for row in single], axis=0)
        scores[metric] = FoldValues(tuple(float(value) for value in of_folds))
    return Row(name, scores, np.mean([row.errors for row in single], axis=0))


def rows(spec: StyleNetSpec, data: Performances, seeds: int, seed: int) -> list[Row]:
    """Score the baselines, single networks, their mean, and their mean with gradient boosting, and human spreads."""
    sizes = GridSizes.of(data)

    def row(name: str, velocity: NDArray[np.float64]) -> Row:
        scores = piece_scores(data, velocity, sizes)
        return Row(name, scores.over_folds(data), scores.values[ONSET_MAE.name])

    simple = dict(simple_predictions(data))
    predicted = nets(spec, data, seeds, seed)
    averaged = np.mean(predicted, axis=0)
    single = [row("one net", velocity) for velocity in predicted]
    spread = [row("one net", with_human_spread(velocity, data)) for velocity in predicted]
    return [
        *(row(name, velocity) for name, velocity in simple.items()),
        mean_over_seeds(f"{SINGLE} (mean of {seeds} seeds)", single),
        mean_over_seeds(f"{SINGLE}, human spread", spread),
        row(f"StyleNet, {seeds} nets averaged", averaged),
        row(f"StyleNet, {seeds} nets averaged, human spread", with_human_spread(averaged, data)),
        row("their mean with gradient boosting", (seeds * averaged + simple["gradient boosting"]) / (seeds + 1)),
    ]


def cell(values: FoldValues, digits: int) -> str:
    """Return a mean and its standard error over the folds as text."""
    return f"{values.mean:.{digits}f} ± {values.standard_error:.{digits}f}"


def difference(row: Row, baseline: Row, data: Performances, style: int) -> str:
    """Return how much smaller the error of a row is than that of a baseline: paired by fold, and by composition."""
    metric = of_style(ONSET_MAE, data.styles[style])
    pairs = zip(baseline.scores[metric].values, row.scores[metric].values, strict=True)
    by_fold = FoldValues(tuple(b - a for b, a in pairs))
    gain = (baseline.errors - row.errors)[data.style == style]
    composition = np.unique(data.composition[data.style == style], return_inverse=True)[1]
    of_composition = np.bincount(composition, gain) / np.bincount(composition)
    return f"{cell(by_fold, 2)} | {cell(FoldValues(tuple(of_composition.tolist())), 2)}"


def table(predictors: Sequence[Row], style: str) -> list[str]:
    """Return the table of a style."""
    lines = ["| predictor | MAE | MAE, level removed | correlation | spread |", "|---|---|---|---|---|"]
    for row in predictors:
        cells = [cell(row.scores[of_style(metric, style)], 2) for metric in SHOWN]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return lines


HEAD = """# Velocities of real performances

<!-- Written by docs/tabulate_velocities.py: change it there. -->

{num_performances} performances of {num_compositions} compositions in {num_folds} folds by composition. The {num_sealed}
performances of the test set were not opened. Every figure is the mean over the notes of a performance, then over the
performances of a fold, ± one standard error over the folds. Velocities are in MIDI units, 0..127. Spread is the
standard deviation of the predicted velocities divided by that of the played ones. A difference paired by composition is
averaged over the performances of a composition, then over compositions, ± one standard error over compositions.

"Human spread" is what `tunesmith perform --spread human` does: the deviations of a piece's predictions from their mean
are scaled so that their standard deviation is the median of those of the style's training performances. It restores the
spread and leaves the order of the notes as it is. It raises the error: of the predictions with a given correlation, the
flat ones have the smallest error.

The network is the best of a search of {num_trials} trials on {folds}. It has {num_weights} weights per fold and these
hyperparameters: {settings}.
"""

SAME_FOLDS = "the same folds, so its figures are slightly optimistic"
OTHER_FOLDS = "earlier folds of the same performances, so its figures may be slightly optimistic"

PAIRED = """
| MAE lower by | paired by fold | paired by composition |
|---|---|---|
| one net than ridge regression | {ridge} |
| one net than gradient boosting | {boosting} |
| the averaged nets than gradient boosting | {averaged} |
"""

FOOT = """
The styles of this folder differ in more than style: in the instrument, in how velocities and beats were obtained, and
in the players. A model that distinguishes them has not necessarily learnt a style.

```sh
tunesmith search stylenet --corpus FOLDER --time none
python docs/tabulate_velocities.py FOLDER {trial} --seeds {seeds}
```
"""


def page(predictors: Sequence[Row], data: Performances, facts: Mapping[str, object]) -> str:
    """Return the page, with a table for each style."""
    by_name = {row.name: row for row in predictors}
    single, averaged = predictors[-5], predictors[-3]
    paragraphs = HEAD.format(**facts).split("\n\n")
    parts = ["\n\n".join(textwrap.fill(paragraph, 120) for paragraph in paragraphs) + "\n"]
    for number, style in enumerate(data.styles):
        parts += [f"\n## {style}\n\n", "\n".join(table(predictors, style)), "\n"]
        parts.append(
            PAIRED.format(
                ridge=difference(single, by_name["ridge regression"], data, number),
                boosting=difference(single, by_name["gradient boosting"], data, number),
                averaged=difference(averaged, by_name["gradient boosting"], data, number),
            )
        )
    return "".join([*parts, FOOT.format(**facts)])


class Trial(NamedTuple):
    """The trial whose hyperparameters are trained again, and its search; the fingerprint of its data, if known."""

    argument: str
    spec: StyleNetSpec
    num_trials: int
    data: Data
    fingerprint: str | None


def searched(name: str, home: Path) -> Trial:
    """Return a trial of a search in a home folder."""
    record, number = recorded_trial(home.absolute(), name)
    spec = find_family("stylenet").spec_type.from_values(record.trial(number).values)
    assert isinstance(spec, StyleNetSpec)
    return Trial(f"--trial {name}", spec, len(record.trials), record.spec.data, record.fingerprint)


def described(path: Path) -> Trial:
    """Return the trial that a page describes, with the default folds."""
    text = " ".join(path.read_text(encoding="utf-8").split())
    found = re.search(r"of a search of (\d+) trials .* these hyperparameters: (.*?)\. ## ", text)
    assert found is not None, f"{path} describes no trial"
    pairs = (setting.replace(" ", "=", 1) for setting in found[2].split(", "))
    return Trial("--again", StyleNetSpec.from_values(read_settings(pairs)), int(found[1]), Data(), None)


def main() -> None:
    """Train, score and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="the folder of performances that was searched on")
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--trial", help="SEARCH/NUMBER")
    which.add_argument("--again", action="store_true", help="the trial that the page describes")
    parser.add_argument("--home", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    trial = described(TARGET) if arguments.again else searched(arguments.trial, arguments.home)
    spec, section = trial.spec, trial.data
    prepared = prepare(arguments.folder, kind="performances", num_folds=section.num_parts, seed=section.seed)
    assert trial.fingerprint in {None, prepared.fingerprint}, "the folder must be the one that was searched on"
    data: Performances = prepared.data
    model = StyleNetTask(spec, data, seed=0, trial=0, device="cpu").model
    values = spec.model_dump()
    facts = {
        "num_performances": data.num_pieces,
        "num_compositions": len(set(data.composition.tolist())),
        "num_folds": section.num_folds,
        "num_sealed": prepared.num_test_pieces,
        "num_trials": trial.num_trials,
        "folds": SAME_FOLDS if trial.fingerprint else OTHER_FOLDS,
        "num_weights": sum(parameter.numel() for parameter in model.parameters()) // section.num_folds,
        "settings": settings_line({name: value for name, value in values.items() if spec.matters(name, values)}),
        "trial": trial.argument,
        "seeds": arguments.seeds,
    }
    text = page(rows(spec, data, arguments.seeds, section.seed), data, facts)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
