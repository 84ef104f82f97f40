"""Write docs/results/velocities.md: what a StyleNet comes to on real performances, beside the simple predictors.

    python docs/tabulate_velocities.py FOLDER --trial stylenet/7 [--home runs] [--seeds 3]

The trial's settings are trained anew with other seeds on the folds of its search; the sealed performances stay sealed.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from data_prep.encodings.views import GridSizes, NoteView
from data_prep.performances import Performances
from data_prep.prepared import prepare
from models.families import family as find_family
from models.metrics import ONSET_CORRELATION, ONSET_MAE, ONSET_MAE_LEVEL_REMOVED, ONSET_SPREAD, FoldValues, of_style
from models.stylenet_spec import StyleNetSpec
from models.stylenet_task import StyleNetTask
from models.training import LockstepTraining, TrainingPlan
from models.velocity_baselines import boosting, cross_validate, velocity_baselines
from models.velocity_scores import piece_scores
from tunesmith.figures import settings_line
from tunesmith.named_trials import recorded_trial

TARGET = Path(__file__).parent / "results" / "velocities.md"
SHOWN = (ONSET_MAE, ONSET_MAE_LEVEL_REMOVED, ONSET_CORRELATION, ONSET_SPREAD)

Scores = Mapping[str, FoldValues]


@dataclass(frozen=True)
class Row:
    """One predictor's metrics on the folds, by name."""

    name: str
    scores: Scores


def nets(spec: StyleNetSpec, data: Performances, seeds: int, seed: int) -> list[NDArray[np.float64]]:
    """Train the settings with several seeds, and give what each net predicts of what it never saw, [N]."""
    found: list[NDArray[np.float64]] = []
    for number in range(seeds):
        task = StyleNetTask(spec, data, seed=seed, trial=1_000_000 + number, device="cpu")
        for report in LockstepTraining(task, TrainingPlan.of(spec)).epochs():
            sys.stderr.write(f"net {number + 1}, epoch {report.epoch}: {report.metrics[ONSET_MAE.name].mean:.3f}\n")
        found.append(task.predict().velocity)
    return found


def mean_over_seeds(scores: Sequence[Scores]) -> Scores:
    """Average each fold's value over seeds: a single net as one may expect it."""
    return {
        name: FoldValues(
            tuple(float(np.mean(values)) for values in zip(*(one[name].values for one in scores), strict=True))
        )
        for name in scores[0]
    }


def rows(spec: StyleNetSpec, data: Performances, seeds: int, seed: int) -> list[Row]:
    """Score the simple predictors, single nets, their mean, and their mean with gradient boosting."""
    sizes = GridSizes.of(data)

    def score(velocity: NDArray[np.float64]) -> Scores:
        return piece_scores(data, velocity, sizes).over_folds(data)

    simple = [Row(one.name, {ONSET_MAE.name: one.score, **one.others}) for one in velocity_baselines(data)]
    predicted = nets(spec, data, seeds, seed)
    together = np.mean(predicted, axis=0)
    trees = cross_validate(data, boosting, NoteView.of(data, "local"))
    return [
        *simple,
        Row(f"StyleNet, one net (mean of {seeds} seeds)", mean_over_seeds([score(one) for one in predicted])),
        Row(f"StyleNet, {seeds} nets averaged", score(together)),
        Row("their mean with gradient boosting", score((seeds * together + trees) / (seeds + 1))),
    ]


def cell(values: FoldValues, digits: int) -> str:
    """Write a mean and its standard error over the folds."""
    return f"{values.mean:.{digits}f} ± {values.standard_error:.{digits}f}"


def difference(one: Row, other: Row, metric: str) -> str:
    """Write how much smaller one's metric is than the other's, paired by fold."""
    pairs = zip(other.scores[metric].values, one.scores[metric].values, strict=True)
    return cell(FoldValues(tuple(b - a for b, a in pairs)), 2)


def table(found: Sequence[Row], style: str) -> list[str]:
    """Write one style's table."""
    lines = ["| predictor | MAE | MAE, level removed | correlation | spread |", "|---|---|---|---|---|"]
    for row in found:
        cells = [cell(row.scores[of_style(metric, style)], 2) for metric in SHOWN]
        lines.append(f"| {row.name} | {' | '.join(cells)} |")
    return lines


HEAD = """# Velocities of real performances

<!-- Written by docs/tabulate_velocities.py: change it there. -->

{num_performances} performances of {num_compositions} compositions in {num_folds} folds by composition;
{num_sealed} more performances are sealed. Every figure is a mean over a performance's notes, then over a fold's
performances, ± one standard error over the folds; velocities are MIDI's, 0..127. Spread is the standard deviation of
what is predicted over that of what was played.

The net is the best of a search of {num_trials} trials, with {num_weights} weights a fold: {settings}.
"""

PAIRED = """
Paired by fold, one net is better than ridge regression by {ridge} and than gradient boosting by {boosting};
the averaged nets are better than gradient boosting by {averaged}.
"""

FOOT = """
The styles of such a folder differ in more than style: in instrument, in how velocities and beats were obtained, and in
who is heard. That a model tells them apart is no evidence of style.

```sh
tunesmith search stylenet --corpus FOLDER --time none
python docs/tabulate_velocities.py FOLDER --trial {trial} --seeds {seeds}
```
"""


def page(found: Sequence[Row], data: Performances, facts: Mapping[str, object]) -> str:
    """Write the page of all styles' tables."""
    by_name = {row.name: row for row in found}
    single, averaged = found[-3], found[-2]
    parts = [HEAD.format(**facts)]
    for style in data.styles:
        metric = of_style(ONSET_MAE, style)
        parts += [f"\n## {style}\n\n", "\n".join(table(found, style)), "\n"]
        parts.append(
            PAIRED.format(
                ridge=difference(single, by_name["ridge regression"], metric),
                boosting=difference(single, by_name["gradient boosting"], metric),
                averaged=difference(averaged, by_name["gradient boosting"], metric),
            )
        )
    return "".join([*parts, FOOT.format(**facts)])


def main() -> None:
    """Train, score and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", help="the folder of performances that the search was on")
    parser.add_argument("--trial", required=True, help="SEARCH/NUMBER")
    parser.add_argument("--home", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    record, number = recorded_trial(arguments.home.absolute(), arguments.trial)
    spec = find_family("stylenet").spec_type.from_values(record.trial(number).values)
    assert isinstance(spec, StyleNetSpec)
    asked = record.spec.data
    prepared = prepare(arguments.folder, kind="performances", num_folds=asked.folds, seed=asked.seed)
    assert prepared.fingerprint == record.fingerprint, "the folder is the one that was searched on"
    data: Performances = prepared.data
    model = StyleNetTask(spec, data, seed=0, trial=0, device="cpu").model
    facts = {
        "num_performances": data.num_pieces,
        "num_compositions": len(set(data.composition.tolist())),
        "num_folds": asked.folds,
        "num_sealed": prepared.num_test_pieces,
        "num_trials": len(record.trials),
        "num_weights": sum(parameter.numel() for parameter in model.parameters()) // asked.folds,
        "settings": settings_line(spec.model_dump()),
        "trial": arguments.trial,
        "seeds": arguments.seeds,
    }
    text = page(rows(spec, data, arguments.seeds, asked.seed), data, facts)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
