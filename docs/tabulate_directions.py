"""Write docs/results/directions.md: what two further directions of the composer's paper change, in paired runs.

    python docs/tabulate_directions.py [--corpus oneills] [--seeds 3] [--epochs 6] [--runs runs/directions]

All models are scored on the folds of the corpus; the test set stays sealed. Each finished run is kept in the folder of
--runs, so that a stopped measurement continues.
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from tabulate_tunes import Floats, per_note, table, trained, with_error

from data_prep.melodies.arrays import Melodies
from data_prep.prepared.corpus import prepare
from models.composer.spec import ComposerSpec
from models.folded.request import use
from models.spec import Value
from tunesmith.figures import settings_line

TARGET = Path(__file__).parent / "results" / "directions.md"

DEFAULT = "default"
COPYING = ("off", "match+bars")
CHANGES: Mapping[str, Mapping[str, Value]] = {
    DEFAULT: {},
    **{f"near_miss {share}": {"near_miss": share} for share in (0.05, 0.2)},
    "rhythm_first": {"factorisation": "rhythm_first"},
}
"""Settings that differ from the defaults, by the name of a row."""

HEAD = """# Further directions

<!-- Written by docs/tabulate_directions.py: change it there. -->

Section 6 of the composer's paper (Qin, Nichani and Kural 2017) suggests changes that its authors did not try. Three of
them are hyperparameters of the composer, off by default. Two are measured here on single tunes, the third on chorales:
[voices that hear each other](voices.md).

With `near_miss`, the training loss forgives predictions that are wrong in only one of pitch, duration and position in
the bar. This share of each note's target probability is spread over the tokens that differ from it in one of them,
mostly over near ones: the weight falls by a factor of e with each whole tone, octave of duration or quarter note of
position. The loss is least for flatter predictions than the true probabilities, so it costs nats if it does not
otherwise help the network to learn.

With `factorisation = "rhythm_first"`, the network predicts the duration of a note first, and then its pitch given the
duration. The paper suggests a network for the rhythm of the entire tune, and a second one that reads the rhythm and
adds the pitches. Predicting each note in two steps has the same order within a note, but keeps the past pitches as an
input of the rhythm, copies of whole notes, and the probability of unseen notes, so that figures can be compared.

The models were trained on {num_pieces} tunes of {corpus}, repeats as written, in {num_folds} folds with related tunes
in the same fold; the {num_sealed} tunes of the test set were not opened. All other hyperparameters have their defaults,
with {epochs} epochs: {settings}.

Every figure is in nats per note of (pitch, duration) in the original key, with exact targets: the mean of {seeds}
seeds, then over tunes, ± one standard error over tunes. Differences are from the default, paired tune by tune and seed
by seed; lower is better.
"""

FOOT = """
```sh
python docs/tabulate_directions.py --corpus {corpus} --seeds {seeds} --epochs {epochs}
```
"""


def pieces_of(data: Melodies, values: Mapping[str, Value], seed: int, kept: Path) -> Floats:
    """Train a composer, or read the kept run, and return the nats per note of every tune, shape (P,)."""
    name = "-".join([*(f"{key}={value}" for key, value in sorted(values.items())), f"seed={seed}"])
    file = kept / f"{name}.npy"
    if not file.exists():
        task = trained(ComposerSpec.from_values(values), data, seed, name)
        nats = per_note(task, task.note_log_probabilities(task.encoding.sequences)[0])
        kept.mkdir(parents=True, exist_ok=True)
        np.save(file, nats)
    return np.load(file)


def rows_of(runs: Mapping[str, Sequence[Floats]]) -> list[list[str]]:
    """Compare runs, [seeds] of (P,) by name, with those of the default."""
    base, rows = runs[DEFAULT], list[list[str]]()
    for name, pieces in runs.items():
        row = [name, with_error(np.mean(pieces, axis=0)), "", ""]
        if name != DEFAULT:
            differences = [one - other for one, other in zip(pieces, base, strict=True)]
            by_seed = ", ".join(f"{difference.mean():+.3f}" for difference in differences)
            row[2:] = [with_error(np.mean(differences, axis=0)), by_seed]
        rows.append(row)
    return rows


def begin(description: str | None, corpus: str, target: Path) -> argparse.Namespace:
    """Read the arguments of a script that trains models and writes a page, and train on one thread."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--corpus", default=corpus)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--runs", type=Path, default=Path("runs", "directions"))
    parser.add_argument("--out", type=Path, default=target)
    torch.set_num_threads(1)
    use("auto")
    return parser.parse_args()


def main() -> None:
    """Train, score and write the page."""
    arguments = begin(__doc__, "oneills", TARGET)
    prepared = prepare(arguments.corpus)
    kept = arguments.runs / prepared.data.fingerprint
    runs: dict[str, dict[str, list[Floats]]] = {copying: {name: [] for name in CHANGES} for copying in COPYING}
    for seed in range(arguments.seeds):
        for copying, by_name in runs.items():
            for name, changes in CHANGES.items():
                values = {"copying": copying, "epochs": arguments.epochs, **changes}
                by_name[name].append(pieces_of(prepared.data, values, seed, kept))
    defaults = ComposerSpec(epochs=arguments.epochs).model_dump()
    varied = {"copying", "near_miss", "factorisation"}
    shown = {name: value for name, value in defaults.items() if name not in varied}
    facts = {
        "num_pieces": prepared.data.num_pieces,
        "corpus": arguments.corpus,
        "num_folds": prepared.data.num_folds,
        "num_sealed": prepared.num_test_pieces,
        "settings": settings_line(shown),
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
    }
    text = "\n\n".join(textwrap.fill(part, 120) for part in HEAD.format(**facts).split("\n\n")) + "\n"
    for copying, by_name in runs.items():
        text += f"\n## With copying {copying}\n\n"
        text += table("| changed | nats per note | difference | mean difference of each seed |", rows_of(by_name))
    text += FOOT.format(**facts)
    arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
