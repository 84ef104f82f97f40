"""StyleNet's named settings: what its authors described, what their code really ran, and GenreNet.

Source: Malik & Ek, "Neural Translation of Musical Style" (2017), its web text and its public code. Their dropout is a
probability of keeping (0.8). Where text and code disagree, the text's reading is ``s2`` and the code's ``s2-code``.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.family import Preset
from models.spec import Value

_S2: Mapping[str, Value] = MappingProxyType(
    {
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
)

_PRESETS = (
    Preset(
        "s2",
        _S2,
        "the final set-up of 'Neural Translation of Musical Style': an interpretation layer of 176 and for each genre "
        "three stacked bidirectional layers of 176; its validation loss over all cells was 1.1e-3 (mse_all here)",
    ),
    Preset(
        "s2-code",
        {**_S2, "genre_sharing": "heads", "bi_merge": "top"},
        "the same as its public code ran it: all genres share every LSTM weight and only the linear layers differ, and "
        "the forward and backward stacks meet at the top alone",
    ),
    Preset(
        "genrenet",
        {**_S2, "interpretation": 0},
        "GenreNet of the same text: a network for each genre that shares nothing with another's",
    ),
)

STYLENET_PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _PRESETS})
"""StyleNet's presets by name."""
