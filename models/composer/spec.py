"""The composer's settings."""

from typing import Literal

from models.spec import Spec, setting
from models.training.hyperparameters import TrainingSpec


class _NetworkSpec(Spec):
    """Settings of the network and its encoding."""

    cell: Literal["rnn", "gru", "lstm", "peephole"] = setting(
        "lstm",
        "recurrent cell; peephole is an LSTM whose gates see the cell state (Gers & Schmidhuber 2000)",
        memory_order=("rnn", "gru", "peephole", "lstm"),
    )
    layers: int = setting(1, "recurrent layers", low=1, high=8)
    size: int = setting(128, "hidden units of each layer", low=1, high=2048, unit="units")
    input: Literal["token", "factored"] = setting(
        "factored",
        "input of a note: the one-hot token, or the sum of embeddings of token, pitch and duration",
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
        "output weights of a token: its own, or the sum of those of token, pitch and duration",
        memory_order=("token", "factored"),
    )
    factorisation: Literal["joint", "rhythm_first"] = setting(
        "joint",
        "output of a note: one softmax over tokens, or one over durations (with bar positions if they are in tokens) "
        "and then one over the pitches given the duration",
        memory_order=("joint", "rhythm_first"),
    )
    initial: Literal["torch", "tensorflow"] = setting(
        "torch",
        "initial weights: torch's, or the paper's (cells by TensorFlow's Glorot rule, output weights from N(0, 1))",
        when={"cell": ("rnn", "lstm", "peephole"), "input": ("token",), "head": ("token",)},
    )
    dropout: float = setting(0.3, "probability of zeroing a unit of each layer's output", low=0.0, high=0.95)
    dropout_at_validation: bool = setting(
        False, "apply dropout when scoring held-out pieces, like the paper's code (only for literal presets)"
    )
    reading: Literal["sounding", "literal"] = setting(
        "sounding",
        "tokens from sounding events (MIDI pitch or rest, a chord's top note), or like the paper's code (spelled note "
        "names without rests and chords)",
    )
    vocabulary: Literal["training", "corpus"] = setting(
        "training", "tokens known to a fold's model: those of its training pieces, or of the entire corpus (a leak)"
    )
    beat: Literal["off", "input", "target"] = setting(
        "input",
        "the position in the bar: unused, a further input, or part of the predicted token",
        memory_order=("off", "input", "target"),
    )
    conditioning: Literal["off", "upper_voices"] = setting(
        "off",
        "what a note is predicted from besides the voice's own past: nothing, or also what the higher voices of its "
        "score sound when it begins",
        when={"reading": ("sounding",)},
        memory_order=("off", "upper_voices"),
    )
    transpose: bool = setting(
        False, "transpose every piece to C by its key signature (literal reading: always downward)"
    )
    augment: int = setting(
        0,
        "train on pieces transposed at random by -augment..augment-1 semitones; 0 is off",
        low=0,
        high=6,
        unit="semitones",
        when={"transpose": (False,), "reading": ("sounding",), "vocabulary": ("training",)},
    )
    copying: Literal["off", "match", "match+bars"] = setting(
        "match+bars",
        "experts that copy from the tune's own past, mixed with the network by a gate: none, the continuation of the "
        "longest match, or also the note 1, 2, 4, 8 and 16 bars earlier",
        when={"reading": ("sounding",)},
        memory_order=("off", "match", "match+bars"),
        earlier="off",
    )
    copying_own_loss: float = setting(
        1.0,
        "weight of the network's own cross-entropy, added to the mixture's; without it the network learns little about "
        "notes that are copied",
        low=0.0,
        high=100.0,
        when={"copying": ("match", "match+bars")},
    )
    copying_units: int = setting(
        64, "hidden units of the gate", low=1, high=1024, unit="units", when={"copying": ("match", "match+bars")}
    )


class ComposerSpec(TrainingSpec, _NetworkSpec):
    """Settings of one composer: those of Qin et al. (2017), and further settings that improve the model.

    A search samples the network's settings first, then those of training, then those of this class.
    """

    length: int = setting(64, "notes in a training window (truncated backpropagation)", low=1, high=4096)
    loss: Literal["mean", "sum"] = setting("mean", "reduction of the cross-entropy over the notes of a batch")
    near_miss: float = setting(
        0.0,
        "share of a note's target probability that training spreads over tokens that differ from it in only one of "
        "pitch, duration and bar position, mostly over near ones; it changes only the network's own cross-entropy "
        "(see copying_own_loss), and no score; 0 is off",
        low=0.0,
        high=1.0,
        when={"reading": ("sounding",), "factorisation": ("joint",)},
    )
    windows_per_epoch: int = setting(
        0,
        "random windows of each fold in an epoch; 0 is one pass over its training notes",
        low=0,
        high=1_000_000,
        takes_memory=False,
    )

    @property
    def copies(self) -> Literal["off", "match", "match+bars"]:
        """The experts of the model; "off" if the reading leaves notes out."""
        return self.copying if self.reading == "sounding" else "off"
