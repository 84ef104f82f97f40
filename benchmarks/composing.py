"""Speed of a trained composer: notes per second, time of one tune, and time to load the model.

    python benchmarks/composing.py

The model is a network of two layers of 128 units. The time does not depend on how well it is trained, so it is trained
for one epoch on random tunes. It takes turns in one process with a loop as a user would write it: torch.nn.LSTM stepped
note by note, with torch.multinomial, without bars, keys or endings. Both use one thread; results are medians. Loading
is timed in a new process, imports included.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from lockstep import hardware
from summary import figure, write
from torch import nn

from data_prep.melodies.arrays import Melodies
from data_prep.melodies.upper_voices import no_voices
from data_prep.melodies.votes import find_votes
from data_prep.pitches import REST
from data_prep.randomness import stream
from models.composer.composing.tune_composer import TuneComposer
from models.composer.family import Composer
from models.composer.spec import ComposerSpec
from models.training import checkpoint
from models.uses.request import SamplingRequest

BATCH, LAYERS, SIZE, NUM_EVENTS = 16, 2, 128, 400
BATCH_LIMIT, TUNE_LIMIT, LOAD_LIMIT, FILE_LIMIT = 10_000.0, 0.050, 3.0, 5.0
TURNS = 9
RESULT = Path(__file__).parent / "results" / "composing.json"
LOAD = """
import sys, time
began = time.perf_counter()
from pathlib import Path
from models.composer.composing.tune_composer import TuneComposer
TuneComposer.load(Path(sys.argv[1]))
print(time.perf_counter() - began)
"""


def tunes() -> Melodies:
    """Return a random corpus of about 400 distinct events: 40 pitches and the rest, in ten durations."""
    random = stream(0, "benchmark tunes")
    durations = tuple(Fraction(n, 12) for n in (2, 3, 4, 6, 8, 9, 12, 18, 24, 36))
    positions = tuple(Fraction(n, 12) for n in range(48))
    num_pieces, length = 60, 120
    pitch = random.choice([REST, *range(48, 88)], num_pieces * length).astype(np.int16)
    duration = random.integers(len(durations), size=len(pitch)).astype(np.int16)
    ticks = np.array([int(12 * each) for each in durations])[duration].reshape(num_pieces, length)
    onset = np.cumsum(ticks, axis=1) - ticks
    start = np.arange(num_pieces + 1) * length
    zero_per_note, zero_per_piece = np.zeros(len(pitch), np.int16), np.zeros(num_pieces, np.int16)
    return Melodies(
        pitch=pitch,
        duration=duration,
        position=(onset % 48).ravel().astype(np.int16),
        bar=(onset // 48).ravel().astype(np.int32),
        votes=find_votes(pitch, duration, start, durations, [Fraction(4)] * num_pieces),
        upper=no_voices(len(pitch)),
        spelling=zero_per_note,
        in_chord=zero_per_note.astype(np.bool_),
        start=start,
        fold=np.ones(num_pieces, np.int8),
        tonic=zero_per_piece.astype(np.int8),
        one_key=np.ones(num_pieces, np.bool_),
        metre=zero_per_piece,
        pickup=zero_per_piece,
        durations=durations,
        positions=positions,
        spellings=("C4",),
        metres=((4, 4),),
        ids=tuple(f"tune {number}" for number in range(num_pieces)),
        num_folds=1,
        fingerprint="none",
        corpus="made up",
    )


def train(path: Path) -> None:
    """Train the composer for one epoch on all pieces, and save it."""
    family, spec = Composer(), ComposerSpec(epochs=1, layers=LAYERS, size=SIZE)
    training = family.start(spec, tunes(), seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    extra = {"seed": 0, "trial": 0, "family": family.name, "vocabulary": dict(training.vocabulary)}
    checkpoint.save(path, training.weights(), spec, extra)


class Peer(nn.Module):
    """A model of the same size, as a user would write it by hand."""

    def __init__(self) -> None:
        """Build the layers with torch's initial weights."""
        super().__init__()
        self.embedding = nn.Embedding(NUM_EVENTS + 1, SIZE)
        self.lstm = nn.LSTM(SIZE, SIZE, LAYERS)
        self.head = nn.Linear(SIZE, NUM_EVENTS)

    @torch.no_grad()
    def compose(self, num_tunes: int, num_notes: int) -> int:
        """Sample tunes of equal length, and return their total number of notes."""
        token, state = torch.full((1, num_tunes), NUM_EVENTS), None
        for _ in range(num_notes):
            hidden, state = self.lstm(self.embedding(token), state)
            token = torch.multinomial(self.head(hidden[0]).softmax(dim=1), 1).T
        return num_tunes * num_notes


def measure(composer: TuneComposer) -> dict[str, float]:
    """Time both models on a batch, and the composer on one tune, in turns."""
    peer, request = Peer(), SamplingRequest(key="C", metre="4/4", top_p=0.95)
    ours: list[float] = []
    theirs: list[float] = []
    alone: list[float] = []
    notes: list[int] = []
    for turn in range(TURNS + 1):
        began = time.perf_counter()
        tunes_made = composer.compose(request, count=BATCH, seed=turn)
        ours.append(sum(tune.num_notes for tune in tunes_made) / (time.perf_counter() - began))
        began = time.perf_counter()
        theirs.append(peer.compose(BATCH, tunes_made[0].num_notes) / (time.perf_counter() - began))
        began = time.perf_counter()
        (tune,) = composer.compose(request, seed=turn)
        alone.append(time.perf_counter() - began)
        notes.append(tune.num_notes)
    return {
        "notes a second, batch": statistics.median(ours[1:]),
        "notes a second, batch, torch.nn.LSTM by hand": statistics.median(theirs[1:]),
        "one tune, s": statistics.median(alone[1:]),
        "notes of one tune": statistics.median(notes[1:]),
    }


def load_seconds(path: Path) -> float:
    """Return the median time that a new process needs to load the file (seconds)."""
    root = str(Path(__file__).resolve().parent.parent)
    times = [
        float(subprocess.run([sys.executable, "-c", LOAD, str(path)], cwd=root, check=True, capture_output=True).stdout)
        for _ in range(3)
    ]
    return statistics.median(times)


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.pt"
        train(path)
        composer, size, seconds = TuneComposer.load(path), path.stat().st_size / 1e6, load_seconds(path)
    speeds = measure(composer)
    result: dict[str, Any] = {
        "hardware": hardware(),
        "tokens": composer.vocabulary.num_tokens,
        **speeds,
        "figures": [
            figure("composing 16 tunes, notes/s", speeds["notes a second, batch"], at_least=BATCH_LIMIT),
            figure("one tune of 16 bars, s", speeds["one tune, s"], at_most=TUNE_LIMIT),
            figure("a trained composer, from the file to ready, s", seconds, at_most=LOAD_LIMIT),
            figure("its file, MB", size, at_most=FILE_LIMIT),
        ],
    }
    print(json.dumps(result, indent=2))
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
