"""StyleNet's settings."""

from typing import Literal

from models.spec import Spec, setting
from models.training.hyperparameters import TrainingSpec


class _NetworkSpec(Spec):
    """What a StyleNet is, reads and learns."""

    view: Literal["note", "grid"] = setting(
        "note",
        "what is read and predicted: a row of features for each note, or S2's grid of 1/16 notes and 88 keys",
        memory_order=("note", "grid"),
    )
    features: Literal["minimal", "local", "piece"] = setting(
        "piece",
        "of each note: itself and its neighbours in time; also what sounds around it; also the piece as a whole",
        when={"view": ("note",)},
        memory_order=("minimal", "local", "piece"),
    )
    metre: bool = setting(
        True, "give the place in the bar as an input", when={"view": ("grid",)}, memory_order=(False, True)
    )
    interpretation: int = setting(
        0, "units of the interpretation layer, which reads forwards and is shared by all styles; 0 is none",
        low=0, high=2048, unit="units",
    )  # fmt: skip
    genre_sharing: Literal["heads", "branches"] = setting(
        "heads",
        "what styles have of their own: the output layer alone, or everything above the interpretation layer",
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
        "where the two directions meet: after each layer, or above two stacks that run separately",
        memory_order=("top", "each"),
    )
    input_dropout: float = setting(0.2, "probability of zeroing an input", low=0.0, high=0.95)
    dropout: float = setting(0.5, "probability of zeroing a unit of each layer's output", low=0.0, high=0.95)
    augment: int = setting(
        0, "train on windows transposed at random by -augment..augment semitones", low=0, high=12, unit="semitones"
    )
    loss: Literal["l1", "huber", "mse"] = setting("l1", "error of a velocity; huber turns linear at 8 of 127")
    level: Literal["joint", "apart"] = setting(
        "apart",
        "a window's mean error: part of its notes' errors, or taken off them and counted apart, for a piece's level "
        "says more of the player and the recording than of the notes",
    )
    level_weight: float = setting(
        0.1, "what the mean error counts beside the deviations'", low=0.0, high=1.0, when={"level": ("apart",)}
    )
    loss_cells: Literal["onset", "masked_all", "all"] = setting(
        "onset",
        "cells of the grid whose error counts: where a key is struck; also where it is held; all, as in S2",
        when={"view": ("grid",)},
    )
    level_shrink: float = setting(
        0.4, "share by which a piece's predicted mean is drawn to its style's training median", low=0.0, high=1.0
    )


class StyleNetSpec(TrainingSpec, _NetworkSpec):
    """Settings of one StyleNet: those of Malik and Ek (2017) and those that were measured to matter beyond them.

    A search samples the network's settings first, then the shared ones of a training, then these.
    """

    lr: float = TrainingSpec.with_default("lr", 4e-3)
    weight_decay: float = TrainingSpec.with_default("weight_decay", 0.5)
    length: int = setting(
        256, "notes or steps in a training window, over which errors are propagated back", low=1, high=100_000
    )
    truncation: Literal["chunk", "carry"] = setting(
        "chunk",
        "windows stand alone, or go through a piece in order with the forward state carried from one to the next",
    )
    epochs: int = TrainingSpec.with_default(
        "epochs", 12, "the full budget, each a pass over one performance of every composition"
    )
