"""StyleNet's named settings: the authors' description, their code, and GenreNet.

Source: Malik & Ek, "Neural Translation of Musical Style" (2017), its web text and its public code. Their dropout is the
probability of keeping a unit (0.8). ``s2`` follows the text and ``s2-code`` the code, which differ.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.family import Preset
from models.spec import Value

_S2: Mapping[str, Value] = {
    "view": "grid",
    "metre": False,
    "interpretation": 176,
    "genre_sharing": "branches",
    "cell": "lstm",
    "layers": 3,
    "size": 176,
    "bi_merge": "each",
    "input_dropout": 0.0,
    "dropout": 0.2,
    "loss": "mse",
    "level": "joint",
    "level_shrink": 0.0,
    "loss_cells": "all",
    "optimiser": "adam",
    "lr": 1e-3,
    "schedule": "constant",
    "clip": 10.0,
    "batch_size": 4,
    "length": 200,
    "truncation": "chunk",
    "epochs": 160,
}

_PRESETS = (
    Preset(
        "s2",
        _S2,
        "the final model of 'Neural Translation of Musical Style': an interpretation layer of 176 units and for each "
        "genre three stacked bidirectional layers of 176; its validation loss over all cells was 1.1e-3 (mse_all here)",
    ),
    Preset(
        "s2-code",
        {**_S2, "genre_sharing": "heads", "bi_merge": "top"},
        "the same model in its public code: all genres share the LSTM weights and only the linear layers differ, and "
        "only the output joins the forward and backward stacks",
    ),
    Preset(
        "genrenet",
        {**_S2, "interpretation": 0},
        "GenreNet of the same text: separate networks for the genres",
    ),
)

STYLENET_PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _PRESETS})
"""StyleNet's presets by name."""
