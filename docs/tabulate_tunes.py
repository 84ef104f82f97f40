"""Write docs/results/tunes.md: scores of composers on tunes, with and without copying, compared with the baselines.

    python docs/tabulate_tunes.py [--corpus oneills] [--repeats written] [--trial composer/2 --home runs] [--seeds 3]

All models are scored on the folds of the corpus; the test set stays sealed. Without --trial, the last initial point of
the built-in search is trained.
"""

import argparse
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from numpy.typing import NDArray

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.votes import EXPERTS
from data_prep.prepared.corpus import prepare
from data_prep.randomness import stream
from models.composer.baselines import MelodyNotes, melody_baselines, ngram
from models.composer.copy_gate import CopyGate, copied, gate_features
from models.composer.objective import piece_costs
from models.composer.spec import ComposerSpec
from models.composer.task import ComposerTask
from models.families import family as find_family
from models.folded.optimiser import FoldedOptimiser
from models.folded.torch_typing import tensor
from models.training.loop import LockstepTraining
from search.spec.file import load
from tunesmith.figures import settings_line
from tunesmith.names.trials import recorded_trial

TARGET = Path(__file__).parent / "results" / "tunes.md"

CLASSES = {"0": (0, 0), "1 to 3": (1, 3), "4 to 7": (4, 7), "8 and more": (8, 10**6)}
"""Ranges of match lengths (notes)."""

COPIED = "Kneser-Ney trigram + copy"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """A model and its nats per note on each held-out tune, shape (P,)."""

    name: str
    pieces: Floats


@dataclass(frozen=True)
class NoteScores:
    """Log probabilities (N,) of held-out notes under a copying composer and its network, and its gate (N, 1 + J)."""

    mixture: Floats
    network: Floats
    gate: Floats


def trained(spec: ComposerSpec, data: Melodies, seed: int, name: str) -> ComposerTask:
    """Train a composer on all folds."""
    task = ComposerTask(spec, data, seed=seed, trial=1_000_000, device="cpu")
    for report in LockstepTraining(task, spec).epochs():
        mean = report.metrics["nats_per_note"].mean
        sys.stderr.write(f"{name}, seed {seed}, epoch {report.epoch}: {mean:.4f}, {report.seconds:.0f} s\n")
    return task


def per_note(task: ComposerTask, log_p: Floats) -> Floats:
    """Return the nats per note of every tune, shape (P,), with the cost of headers, from those of notes, shape (N,)."""
    encoding = task.encoding
    return piece_costs(encoding, encoding.sequences, log_p) / np.diff(encoding.melodies.start)


def copies_alone(data: Melodies) -> Floats:
    """Return the nats per note, shape (P,), of a trigram and all experts under a trained gate, without a network."""
    notes, votes = MelodyNotes.read(data), data.votes
    features = tensor(gate_features(votes, data.bar, np.arange(data.num_notes) - data.start[data.piece_of_note]))
    present, hits = tensor(votes["length"] >= 0), tensor(votes["hits"] / np.maximum(votes["votes"], 1)).float()
    log_probabilities = np.zeros(data.num_notes)
    for fold in range(data.num_folds):
        held_out = data.fold == fold
        scored_notes = held_out[data.piece_of_note]
        log_p = np.zeros(data.num_notes)  # of a trigram that is not fitted on the note's own tune
        for part in range(data.num_folds):
            scored = data.fold == part
            log_p[scored[data.piece_of_note]] = np.log(ngram(notes, ~scored & ~held_out, scored, order=3))
        gate = CopyGate("match+bars", 0, 64, [torch.Generator().manual_seed(0)])
        optimiser = FoldedOptimiser(gate.parameters(), "adam", weight_decay=0.0, clip=1.0)
        rows = np.flatnonzero(~scored_notes)
        for step in range(1500):
            batch = tensor(stream(step, "batch of notes").choice(rows, 1024))
            mixture = _mixed(gate, features[batch], present[batch], hits[batch], tensor(log_p).float()[batch])
            optimiser.step(-mixture.mean(1), 3e-3)
        with torch.no_grad():
            mixture = _mixed(gate, features, present, hits, tensor(log_p).float())[0]
        log_probabilities[scored_notes] = mixture.double().numpy()[scored_notes]
    return -np.bincount(data.piece_of_note, log_probabilities) / np.diff(data.start)


def _mixed(
    gate: CopyGate, features: torch.Tensor, present: torch.Tensor, hits: torch.Tensor, log_p: torch.Tensor
) -> torch.Tensor:
    """Return the log probabilities of a mixture of a trigram and the experts, shape (1, n)."""
    log_gate = gate(features.new_zeros(1, len(features), 0), features[None], present[None])
    return torch.log(log_gate[..., 0].exp() * log_p.exp() + copied(log_gate, hits[None]))


def note_scores(task: ComposerTask) -> NoteScores:
    """Return the log probabilities and gates of a copying composer."""
    mixture, _ = task.note_log_probabilities(task.encoding.sequences)
    network, gate = task.gates()
    return NoteScores(mixture, network, gate)


def on_floor(task: ComposerTask, log_p: Floats) -> Floats:
    """Return the nats of each note, shape (N,), with the minimum probability for unseen notes."""
    encoding = task.encoding
    fold = encoding.scorer[encoding.melodies.piece_of_note]
    eps = encoding.eps[fold]
    return -np.logaddexp(np.log1p(-eps) + log_p, np.log(eps) + encoding.log_p0[fold, encoding.sequences.event])


def with_error(values: Floats) -> str:
    """Return a mean over tunes and its standard error as text."""
    return f"{values.mean():.3f} ± {values.std(ddof=1) / np.sqrt(len(values)):.3f}"


def table(header: str, rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown."""
    dashes = "|".join("---" for _ in header.split("|")[1:-1])
    return "\n".join([header, f"|{dashes}|", *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def models_table(rows: Sequence[Row]) -> str:
    """Compare all models with the copying n-gram, tune by tune."""
    trigram = next(row.pieces for row in rows if row.name == COPIED)
    return table(
        "| model | nats per note | lower than the copying trigram by (paired) |",
        [
            [row.name, with_error(row.pieces), with_error(trigram - row.pieces) if row.name != COPIED else ""]
            for row in rows
        ],
    )


def lengths_table(task: ComposerTask, scores: NoteScores) -> str:
    """Split the loss by the length of the longest match."""
    length, rows = task.encoding.melodies.votes["length"][:, 0], list[list[str]]()
    network, mixture = on_floor(task, scores.network), on_floor(task, scores.mixture)
    for name, (low, high) in CLASSES.items():
        in_class = (length >= low) & (length <= high)
        values = (network[in_class].mean(), mixture[in_class].mean(), scores.gate[in_class, 0].mean())
        rows.append([name, f"{100 * in_class.mean():.0f} %", *(f"{value:.2f}" for value in values)])
    return table("| matching notes before | share of notes | network alone | mixture | network's gate |", rows)


def gates_table(data: Melodies, scores: NoteScores) -> str:
    """Return a table of each expert's gate, and of its predictions where it makes one."""
    votes = data.votes
    rows = [["the network", "100 %", "", f"{scores.gate[:, 0].mean():.3f}"]]
    for number, name in enumerate(EXPERTS):
        present = votes["length"][:, number] >= 0
        share = votes["hits"][present, number] / votes["votes"][present, number]
        rows.append(
            [name, f"{100 * present.mean():.0f} %", f"{share.mean():.2f}", f"{scores.gate[:, number + 1].mean():.3f}"]
        )
    return table("| expert | predicts | mean probability of the note | mean gate |", rows)


HEAD = """# Tunes

<!-- Written by docs/tabulate_tunes.py: change it there. -->

{num_pieces} tunes of {corpus}, repeats as {repeats}, in {num_folds} folds with related tunes in the same fold. The
{num_sealed} tunes of the test set were not opened. Every figure is in nats per note of (pitch, duration) in the
original key, over all notes and including the cost of headers: the mean over the notes of a tune, then over tunes, ±
one standard error over tunes. Differences are paired, tune by tune.

The composer's hyperparameters: {settings}. Its figures are means over {seeds} seeds; the last row averages the
probabilities of the networks with these seeds.
"""

MIDDLE = """
## Copying

Nats per note of seed 0, by the number of notes directly before a note that match an earlier place in the tune. Below:
how often each expert predicts a note, the mean probability that it gives to the actual note then, and its mean gate.

"""

FOOT = """
```sh
python docs/tabulate_tunes.py --corpus {corpus} --repeats {repeats} --seeds {seeds}
```
"""


def page(task: ComposerTask, rows: Sequence[Row], scores: NoteScores, facts: Mapping[str, object]) -> str:
    """Return the page."""
    gates = gates_table(task.encoding.melodies, scores)
    head = "\n\n".join(textwrap.fill(part, 120) for part in HEAD.format(**facts).split("\n\n"))
    parts = [head, "\n\n", models_table(rows), MIDDLE, lengths_table(task, scores), "\n", gates]
    return "".join([*parts, FOOT.format(**facts)])


def settings_of(arguments: argparse.Namespace) -> ComposerSpec:
    """Return the hyperparameters of a trial, or of the last initial point of the built-in search."""
    if arguments.trial:
        record, number = recorded_trial(arguments.home.absolute(), arguments.trial)
        values = record.trial(number).values
    else:
        search = load("composer")
        values = search.space.values(search.prior[-1])
    spec = find_family("composer").spec_type.from_values(values)
    assert isinstance(spec, ComposerSpec)
    return spec


def main() -> None:
    """Train, score and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default="oneills")
    parser.add_argument("--repeats", default="written")
    parser.add_argument("--trial", help="SEARCH/NUMBER")
    parser.add_argument("--home", type=Path, default=Path("runs"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=TARGET)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    prepared = prepare(arguments.corpus, repeats=arguments.repeats)
    data, spec = prepared.data, settings_of(arguments)
    rows = [Row(baseline.name, np.array(baseline.pieces)) for baseline in melody_baselines(data)]
    rows.append(Row("Kneser-Ney trigram + all copies, no network", copies_alone(data)))
    off = spec.model_validate({**spec.model_dump(), "copying": "off", "copying_own_loss": 1.0, "copying_units": 64})
    plain = trained(off, data, 0, "without copies")
    rows.append(
        Row(
            "the same composer without copies",
            per_note(plain, plain.note_log_probabilities(plain.encoding.sequences)[0]),
        )
    )
    tasks = [trained(spec, data, seed, "composer") for seed in range(arguments.seeds)]
    scores = [note_scores(task) for task in tasks]
    single = np.mean([per_note(task, score.mixture) for task, score in zip(tasks, scores, strict=True)], axis=0)
    averaged = np.logaddexp.reduce([score.mixture for score in scores], axis=0) - np.log(len(scores))
    rows += [Row("composer that copies", single), Row(f"{len(scores)} of them averaged", per_note(tasks[0], averaged))]
    values = spec.model_dump()
    facts = {
        "num_pieces": data.num_pieces,
        "corpus": arguments.corpus,
        "repeats": arguments.repeats,
        "num_folds": data.num_folds,
        "num_sealed": prepared.num_test_pieces,
        "settings": settings_line({name: value for name, value in values.items() if spec.matters(name, values)}),
        "seeds": arguments.seeds,
    }
    text = page(tasks[0], rows, scores[0], facts)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
