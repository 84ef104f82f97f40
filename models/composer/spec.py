"""The composer's settings."""

from typing import Literal

from models.spec import Spec, setting
from models.training.hyperparameters import TrainingSpec


class _NetworkSpec(Spec):
    """What a composer is and reads."""

    cell: Literal["rnn", "gru", "lstm", "peephole"] = setting(
        "lstm",
        "recurrent cell; peephole is an LSTM whose gates see the cell state (Gers & Schmidhuber 2000)",
        memory_order=("rnn", "gru", "peephole", "lstm"),
    )
    layers: int = setting(1, "recurrent layers", low=1, high=8)
    size: int = setting(128, "hidden units of each layer", low=1, high=2048, unit="units")
    input: Literal["token", "factored"] = setting(
        "factored",
        "how a note enters: its token's one-hot straight into the first layer, or the sum of embeddings of token, "
        "pitch and duration",
        memory_order=("factored", "token"),
    )
    embedding: int = setting(
        128, "width of the summed embeddings", low=1, high=1024, unit="units", when={"input": ("factored",)}
    )
    embedding_dropout: float = setting(
        0.1, "probability of zeroing an embedded input", low=0.0, high=0.95, when={"input": ("factored",)}
    )
    head: Literal["token", "factored"] = setting(
        "factored",
        "output weights of each token: its own, or the sum of its own, its pitch's and its duration's",
        memory_order=("token", "factored"),
    )
    initial: Literal["torch", "tensorflow"] = setting(
        "torch",
        "initial weights: small ones as torch draws them, or the paper's (cells by TensorFlow's Glorot rule, output "
        "weights from N(0, 1))",
        when={"cell": ("rnn", "lstm", "peephole"), "input": ("token",), "head": ("token",)},
    )
    dropout: float = setting(0.3, "probability of zeroing a unit of each layer's output", low=0.0, high=0.95)
    dropout_at_validation: bool = setting(
        False, "leave dropout on when scoring held-out pieces, as the paper's code did (only literal presets want it)"
    )
    reading: Literal["sounding", "literal"] = setting(
        "sounding",
        "tokens from sounding events (MIDI pitch or rest, a chord's top note), or as the paper's code read them "
        "(spelled names, rests and chords left out)",
    )
    vocabulary: Literal["training", "corpus"] = setting(
        "training", "tokens known to a fold's model: those of its training pieces, or of the whole corpus (a leak)"
    )
    beat: Literal["off", "input", "target"] = setting(
        "input",
        "the position in the bar: unused, an input beside the note, or part of the predicted token",
        memory_order=("off", "input", "target"),
    )
    transpose: bool = setting(False, "shift every piece to C by its key signature (literal reading: always downward)")
    augment: int = setting(
        0,
        "train on pieces shifted at random by -augment..augment-1 semitones; 0 is off",
        low=0,
        high=6,
        unit="semitones",
        when={"transpose": (False,), "reading": ("sounding",), "vocabulary": ("training",)},
    )
    copying: Literal["off", "match", "match+bars"] = setting(
        "match+bars",
        "experts in the tune's own past that a gate mixes with the network: none, what followed the longest match, or "
        "also what stood 1, 2, 4, 8 and 16 bars before",
        when={"reading": ("sounding",)},
        memory_order=("off", "match", "match+bars"),
        earlier="off",
    )
    copying_own_loss: float = setting(
        1.0,
        "weight of the network's own cross-entropy beside the mixture's, without which it learns little of what is "
        "copied",
        low=0.0,
        high=100.0,
        when={"copying": ("match", "match+bars")},
    )
    copying_units: int = setting(
        64, "hidden units of the gate", low=1, high=1024, unit="units", when={"copying": ("match", "match+bars")}
    )


class ComposerSpec(TrainingSpec, _NetworkSpec):
    """Settings of one composer: those of Qin et al. (2017) and those that were measured to matter beyond them.

    A search samples the network's settings first, then the shared ones of a training, then these.
    """

    lr: float = TrainingSpec.with_default("lr", 3e-3, "learning rate (the paper's step)")
    length: int = setting(64, "notes in a training window, over which errors are propagated back", low=1, high=4096)
    loss: Literal["mean", "sum"] = setting("mean", "reduction of the cross-entropy over the notes of a batch")
    windows_per_epoch: int = setting(
        0,
        "random windows of each fold in an epoch; 0 is one pass over its training notes",
        low=0,
        high=1_000_000,
        takes_memory=False,
    )

    @property
    def copies(self) -> Literal["off", "match", "match+bars"]:
        """The experts that the model has; none where the reading leaves notes out."""
        return self.copying if self.reading == "sounding" else "off"
