"""StyleNet's settings."""

from typing import Literal

from models.spec import Spec, setting
from models.training.hyperparameters import TrainingSpec


class _NetworkSpec(Spec):
    """Settings of the network, its inputs and its loss."""

    view: Literal["note", "grid"] = setting(
        "note",
        "inputs and outputs: a row of features for each note, or S2's grid of 1/16 notes and 88 keys",
        memory_order=("note", "grid"),
    )
    features: Literal["minimal", "local", "piece"] = setting(
        "piece",
        "features of a note: the note and its neighbours in time; also the notes that sound around it; also the piece",
        when={"view": ("note",)},
        memory_order=("minimal", "local", "piece"),
    )
    metre: bool = setting(
        True, "the position in the bar is an input", when={"view": ("grid",)}, memory_order=(False, True)
    )
    interpretation: int = setting(
        0, "interpretation layer's units (forwards, shared by all styles); 0 for none", low=0, high=2048, unit="units"
    )
    genre_sharing: Literal["heads", "branches"] = setting(
        "heads",
        "parts that styles do not share: the output layer, or everything above the interpretation layer",
        memory_order=("heads", "branches"),
    )
    cell: Literal["rnn", "gru", "lstm", "peephole"] = setting(
        "lstm",
        "recurrent cell; peephole is an LSTM whose gates see the cell state (Gers & Schmidhuber 2000)",
        memory_order=("rnn", "gru", "peephole", "lstm"),
    )
    layers: int = setting(1, "bidirectional layers", low=1, high=8)
    size: int = setting(48, "hidden units of each layer and direction", low=1, high=2048, unit="units")
    bi_merge: Literal["each", "top"] = setting(
        "each",
        "where the two directions are joined: after each layer, or above two separate stacks",
        memory_order=("top", "each"),
    )
    input_dropout: float = setting(0.2, "probability of zeroing an input", low=0.0, high=0.95)
    dropout: float = setting(0.5, "probability of zeroing a unit of each layer's output", low=0.0, high=0.95)
    augment: int = setting(
        0, "train on windows transposed at random by -augment..augment semitones", low=0, high=12, unit="semitones"
    )
    loss: Literal["l1", "huber", "mse"] = setting("l1", "error of a velocity; huber is linear above 8 of 127")
    level: Literal["joint", "apart"] = setting(
        "apart",
        "a window's mean error: part of its notes' errors, or subtracted from them and weighted separately, as a "
        "piece's level depends more on the player and the recording than on the notes",
    )
    level_weight: float = setting(
        0.1, "weight of the mean error relative to the deviations", low=0.0, high=1.0, when={"level": ("apart",)}
    )
    loss_cells: Literal["onset", "masked_all", "all"] = setting(
        "onset",
        "cells of the grid in the loss: where a key is struck; also where it is held; all, as in S2",
        when={"view": ("grid",)},
    )
    level_shrink: float = setting(
        0.4, "share by which a piece's predicted mean is moved to its style's training median", low=0.0, high=1.0
    )


class StyleNetSpec(TrainingSpec, _NetworkSpec):
    """Settings of one StyleNet: those of Malik and Ek (2017), and further settings that improve the model.

    A search samples the network's settings first, then those of training, then those of this class.
    """

    lr: float = TrainingSpec.with_default("lr", 4e-3)
    weight_decay: float = TrainingSpec.with_default("weight_decay", 0.5)
    length: int = setting(256, "notes or steps in a training window (truncated backpropagation)", low=1, high=100_000)
    truncation: Literal["chunk", "carry"] = setting(
        "chunk",
        "windows are independent, or follow each other in a piece, with the forward state carried from one to the next",
    )
    epochs: int = TrainingSpec.with_default(
        "epochs", 12, "the full budget; an epoch is a pass over one performance of every composition"
    )
