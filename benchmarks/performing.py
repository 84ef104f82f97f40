"""Time to prepare piano performances, cold and warm, and to perform a five-minute piece.

    python benchmarks/performing.py --corpus FOLDER

FOLDER contains real performances. The default is TUNESMITH_TEST_PERFORMANCES, or else the built-in synthetic corpus;
the result names the corpus. Preparation is timed in a new process, imports included. Performing is timed after
start-up, on one thread, from bytes to bytes.
"""

import argparse
import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from lockstep import hardware
from reading import prepared_in
from summary import figure, write

from data_prep.prepared.corpus import prepare
from data_prep.randomness import stream
from models.stylenet.family import StyleNet
from models.stylenet.performer import Performer
from models.training import checkpoint
from models.uses.performing import perform

pretty_midi: Any = import_module("pretty_midi")  # it has no types
COLD_LIMIT, WARM_LIMIT, PERFORM_LIMIT = 20.0, 1.0, 2.0
RESULT = Path(__file__).parent / "results" / "performing.json"
MINUTES, NOTES_A_SECOND = 5, 12


def piece() -> bytes:
    """Return five minutes of dense piano music as a MIDI file: chords and runs with equal velocities."""
    random = stream(0, "benchmark piece")
    midi = pretty_midi.PrettyMIDI(initial_tempo=120)
    piano = pretty_midi.Instrument(0)
    for number in range(MINUTES * 60 * NOTES_A_SECOND):
        begin = number / NOTES_A_SECOND
        pitch, length = int(random.integers(36, 97)), float(random.uniform(0.1, 1.0))
        piano.notes.append(pretty_midi.Note(64, pitch, begin, begin + length))
    midi.instruments.append(piano)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "piece.mid"
        midi.write(str(path))
        return path.read_bytes()


def performer(corpus: str) -> Performer:
    """Train the default StyleNet for one epoch; the time to perform does not depend on how well it is trained."""
    family = StyleNet()
    spec = family.spec_type(epochs=1)
    training = family.start(spec, prepare(corpus, kind="performances").data, seed=0, trial=0, device="cpu")
    for _ in training.epochs():
        pass
    extra = {"family": family.name, "vocabulary": training.vocabulary}
    return Performer(checkpoint.Checkpoint(training.weights(), spec.model_dump(), extra))


def main() -> int:
    """Measure, print and write; return the exit status, which is 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", default=os.environ.get("TUNESMITH_TEST_PERFORMANCES", "synthetic"))
    parser.add_argument("--out", type=Path, default=RESULT, help="the JSON file to write")
    arguments = parser.parse_args()
    corpus = str(arguments.corpus) if arguments.corpus == "synthetic" else str(Path(arguments.corpus).resolve())
    with tempfile.TemporaryDirectory() as cache:
        cold, num_files = prepared_in(corpus, Path(cache), kind="performances")
        warm = min(prepared_in(corpus, Path(cache), kind="performances")[0] for _ in range(3))
    torch.set_num_threads(1)
    trained, midi = performer(corpus), piece()
    perform(midi, trained, trained.styles[0])
    began = time.perf_counter()
    perform(midi, trained, trained.styles[0])
    seconds = time.perf_counter() - began
    result: dict[str, Any] = {
        "hardware": hardware(),
        "corpus": "synthetic" if corpus == "synthetic" else "a folder of real performances",
        "performances": num_files,
        "figures": [
            figure("performances, nothing cached, s", cold, at_most=COLD_LIMIT),
            figure("performances from the cache, s", warm, at_most=WARM_LIMIT),
            figure("performing five minutes, s", seconds, at_most=PERFORM_LIMIT),
        ],
    }
    print(
        f"{num_files} performances: cold {cold:.1f} s (at most {COLD_LIMIT:.0f}), warm {warm:.2f} s (at most "
        f"{WARM_LIMIT:.0f}); {MINUTES} minutes performed in {seconds:.2f} s (at most {PERFORM_LIMIT:.0f})"
    )
    return write(result, arguments.out)


if __name__ == "__main__":
    sys.exit(main())
