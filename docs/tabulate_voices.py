"""Write docs/results/voices.md: what a composer gains by hearing the higher voices of a score, in paired runs.

    python docs/tabulate_voices.py [--corpus chorales] [--seeds 3] [--epochs 6] [--runs runs/directions]

All models are scored on the folds of the corpus; the test set stays sealed. Each finished run is kept in the folder of
--runs, so that a stopped measurement continues.
"""

import sys
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray
from tabulate_directions import COPYING, begin, pieces_of
from tabulate_tunes import Floats, table, with_error

from data_prep.prepared.corpus import prepare
from models.composer.spec import ComposerSpec
from tunesmith.figures import settings_line

TARGET = Path(__file__).parent / "results" / "voices.md"

CONDITIONING = ("off", "upper_voices")
VOICES = ("soprano", "alto", "tenor", "bass")

HEAD = """# Voices that hear each other

<!-- Written by docs/tabulate_voices.py: change it there. -->

Section 6 of the composer's paper (Qin, Nichani and Kural 2017) suggests learning from pieces of several voices, such as
Bach's, as a whole instead of one voice at a time. With `conditioning = "upper_voices"`, a note of a voice is predicted
from the past of this voice and from the higher voices of its score: their pitches when the note begins, their next
pitches, the time until then, and whether they begin a note too. Embeddings of these are added to that of the past note.

Each voice is predicted given the voices above it, and the onset of a note follows from past durations. So by the chain
rule, p(S) p(A | S) p(T | S, A) p(B | S, A, T) is the probability of the entire chorale, as is p(S) p(A) p(T) p(B)
without conditioning, and the nats per note of the two can be compared. A soprano hears nothing: its difference is that
of a network which can tell sopranos from other voices.

The models were trained on {num_pieces} voices of {num_scores} scores of {corpus}, repeats as written, in {num_folds}
folds with all voices of related chorales in the same fold; the {num_sealed} voices of the test set were not opened. All
other hyperparameters have their defaults, with {epochs} epochs: {settings}.

Every figure is in nats per note of (pitch, duration) in the original key: of a chorale, the nats of all its voices
divided by all their notes; the mean of {seeds} seeds, then over chorales, ± one standard error over chorales.
Differences are paired chorale by chorale and seed by seed; lower is better. Chorales with the same melody are related:
with the mean of each of {num_groups} groups of related chorales as the unit, {by_group}.
"""

FOOT = """
```sh
python docs/tabulate_voices.py --corpus {corpus} --seeds {seeds} --epochs {epochs}
```
"""

Ints = NDArray[np.int64]


def of_units(pieces: Floats, notes: Ints, unit: Ints) -> Floats:
    """Return the nats per note of each unit from those of its pieces; other arrays have a row for each piece."""
    return np.bincount(unit, pieces * notes) / np.bincount(unit, notes)


def compared(runs: Mapping[str, Sequence[Floats]]) -> list[list[str]]:
    """Compare runs, [seeds] of an array over units by name, with the first."""
    base, *others = (np.stack(of_seeds) for of_seeds in runs.values())
    rows = [[next(iter(runs)), with_error(base.mean(axis=0)), "", ""]]
    for name, other in zip([*runs][1:], others, strict=True):
        difference = other - base
        by_seed = ", ".join(f"{of_seed.mean():+.3f}" for of_seed in difference)
        rows.append([name, with_error(other.mean(axis=0)), with_error(difference.mean(axis=0)), by_seed])
    return rows


def by_voice(runs: Mapping[str, Sequence[Floats]], voice: Ints) -> list[list[str]]:
    """Compare the two runs voice by voice."""
    base, other = (np.mean(of_seeds, axis=0) for of_seeds in runs.values())
    return [
        [name, str(int(of.sum())), with_error(base[of]), with_error(other[of]), with_error((other - base)[of])]
        for name, of in ((name, voice == number) for number, name in enumerate(VOICES))
    ]


def main() -> None:
    """Train, score and write the page."""
    arguments = begin(__doc__, "chorales", TARGET)
    prepared = prepare(arguments.corpus)
    data, origins = prepared.data, prepared.origins
    kept = arguments.runs / data.fingerprint
    runs: dict[str, dict[str, list[Floats]]] = {copying: {name: [] for name in CONDITIONING} for copying in COPYING}
    for seed in range(arguments.seeds):
        for copying, by_name in runs.items():
            for name, of_seeds in by_name.items():
                values = {"copying": copying, "epochs": arguments.epochs, "conditioning": name}
                of_seeds.append(pieces_of(data, values, seed, kept))
    voice, notes = np.array([origin.voice for origin in origins]), np.diff(data.start)
    _, score = np.unique([origin.score for origin in origins], return_inverse=True)
    _, group = np.unique([origin.group for origin in origins], return_inverse=True)

    def over(unit: Ints, by_name: Mapping[str, Sequence[Floats]]) -> dict[str, list[Floats]]:
        return {name: [of_units(one, notes, unit) for one in of_seeds] for name, of_seeds in by_name.items()}

    shown = {
        name: value
        for name, value in ComposerSpec(epochs=arguments.epochs).model_dump().items()
        if name not in {"copying", "conditioning"}
    }
    of_groups = {copying: compared(over(group, by_name))[1][2] for copying, by_name in runs.items()}
    facts = {
        "num_pieces": data.num_pieces,
        "num_scores": int(score.max()) + 1,
        "num_groups": int(group.max()) + 1,
        "by_group": "the differences are "
        + " and ".join(f"{one} with copying {name}" for name, one in of_groups.items()),
        "corpus": arguments.corpus,
        "num_folds": data.num_folds,
        "num_sealed": prepared.num_test_pieces,
        "settings": settings_line(shown),
        "seeds": arguments.seeds,
        "epochs": arguments.epochs,
    }
    text = "\n\n".join(textwrap.fill(part, 120) for part in HEAD.format(**facts).split("\n\n")) + "\n"
    for copying, by_name in runs.items():
        text += f"\n## With copying {copying}\n\n"
        header = "| conditioning | nats per note | difference | mean difference of each seed |"
        text += table(header, compared(over(score, by_name)))
        text += "\n" + table("| voice | pieces | off | upper_voices | difference |", by_voice(by_name, voice))
    text += FOOT.format(**facts)
    arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
