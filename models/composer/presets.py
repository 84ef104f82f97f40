"""Named settings: the rows of the paper's table, and a recipe with good results.

Source of the table: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", Table 1. Its dropout is the probability of
keeping a unit, and its code left dropout on at validation; a training step is one random window of one random piece,
and the initial weights are TensorFlow's, those of the output layer from N(0, 1).

With a step of 0.01, batches of one window and no clipping, about one update in 700 makes a model much worse, and it
takes some dozens of updates to recover. On the paper's tunes about 3 folds of 100 were scored during such a recovery,
.3 to 1.3 nats worse than the others. A plain loop over ``torch.nn.LSTM`` does the same, so compare rows over several
seeds.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from models.family import Preset
from models.spec import Value

_LITERAL: Mapping[str, Value] = MappingProxyType(
    {
        "cell": "lstm",
        "input": "token",
        "head": "token",
        "initial": "tensorflow",
        "dropout": 0.0,
        "reading": "literal",
        "vocabulary": "corpus",
        "optimiser": "adam",
        "schedule": "constant",
        "clip": 0.0,
        "batch_size": 1,
        "loss": "sum",
        "windows_per_epoch": 100,
        "epochs": 10,
    }
)
"""Settings of all rows: 1000 windows, batches of one window."""


class _Row(NamedTuple):
    """A row of the paper's table."""

    peephole: bool
    keep: float
    layers: int
    step: float
    length: int
    size: int
    beats: bool
    transpose: bool
    cv_loss: str


_TABLE_1 = (
    _Row(False, 1.0, 1, 0.01, 48, 128, False, False, "2.84858"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(False, 1.0, 3, 0.01, 48, 128, False, False, "2.95909"),
    _Row(False, 1.0, 2, 0.01, 48, 32, False, False, "2.89754"),
    _Row(False, 1.0, 2, 0.01, 48, 64, False, False, "2.84535"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(False, 1.0, 2, 0.01, 48, 256, False, False, "3.1896"),
    _Row(False, 1.0, 2, 0.1, 48, 128, False, False, "4.74789"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(False, 1.0, 2, 0.001, 48, 128, False, False, "2.80328"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(True, 1.0, 2, 0.01, 48, 128, False, False, "2.83888"),
    _Row(False, 0.8, 2, 0.01, 48, 128, False, False, "3.24388"),
    _Row(False, 0.6, 2, 0.01, 48, 128, False, False, "3.48164"),
    _Row(False, 1.0, 2, 0.01, 32, 128, False, False, "2.89289"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(False, 1.0, 2, 0.01, 64, 128, False, False, "2.83842"),
    _Row(False, 1.0, 2, 0.01, 96, 128, False, False, "2.83021"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    _Row(False, 1.0, 2, 0.01, 48, 128, False, True, "2.84375"),
    _Row(False, 1.0, 2, 0.01, 48, 128, True, False, "4.33437"),
    _Row(False, 1.0, 2, 0.01, 48, 128, True, True, "3.98484"),
    _Row(False, 0.8, 3, 0.1, 48, 256, True, False, "4.17703"),
    _Row(True, 1.0, 1, 0.01, 96, 64, False, True, "2.72566"),
)


def _literal(number: int, row: _Row) -> Preset:
    values: dict[str, Value] = {
        **_LITERAL,
        "cell": "peephole" if row.peephole else "lstm",
        "layers": row.layers,
        "size": row.size,
        "dropout": round(1.0 - row.keep, 12),  # 0.8 kept is 0.2 zeroed, not 0.19999999999999996
        "dropout_at_validation": row.keep < 1.0,
        "beat": "target" if row.beats else "off",
        "transpose": row.transpose,
        "lr": row.step,
        "length": row.length,
    }
    return Preset(
        name=f"table1/{number}",
        values=values,
        source=f"row {number} of Table 1 in 'Learning Some Tonal Music (LSTM)': cross-validation loss {row.cv_loss} on "
        "the paper's own 337 tunes",
    )


_RECIPE = Preset(
    name="recipe",
    values={
        "size": 256,
        "beat": "input",
        "augment": 6,
        "copying_units": 64,
        "lr": 4e-3,
        "weight_decay": 0.01,
        "batch_size": 8,
        "length": 128,
        "epochs": 20,
    },
    source="measured on the paper's own tunes, whose repeats are written out: copies from the tune's own past, "
    "factored input and head, all keys, AdamW 4e-3 with weight decay 0.01, cosine schedule, gradient norm at most 1, "
    "output dropout 0.3 and embedding dropout 0.1: 1.195 nats per note after five minutes on one core; a copying "
    "Kneser-Ney trigram has 1.62",
)

COMPOSER_PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (*(_literal(number, row) for number, row in enumerate(_TABLE_1, start=1)), _RECIPE)
    }
)
"""The composer's presets by name."""
