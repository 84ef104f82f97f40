"""Named settings: the rows of the paper's table, and a recipe with good results.

Source of the table: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", Table 1. Its dropout is the probability of
keeping a unit, 0.8 or 0.6, and its code left dropout on at validation; a training step is one random window of one
random piece, and the initial weights are TensorFlow's, those of the output layer from N(0, 1).

With a step of 0.01, batches of one window and no clipping, about one update in 700 makes a model much worse, and it
takes some dozens of updates to recover. On the paper's tunes about 3 folds of 100 were scored during such a recovery,
.3 to 1.3 nats worse than the others. A plain loop over ``torch.nn.LSTM`` does the same, so compare rows over several
seeds.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from models.family import Preset
from models.spec import Value

LITERAL: Mapping[str, Value] = {
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
    "layers": 2,
    "size": 128,
    "dropout_at_validation": False,
    "beat": "off",
    "transpose": False,
    "lr": 0.01,
    "length": 48,
}
"""Settings of row 2, with which most rows agree: 1000 windows, batches of one window."""


TABLE_1: Sequence[tuple[Mapping[str, Value], str]] = (
    ({"layers": 1}, "2.84858"),
    ({}, "2.86406"),
    ({"layers": 3}, "2.95909"),
    ({"size": 32}, "2.89754"),
    ({"size": 64}, "2.84535"),
    ({}, "2.86406"),
    ({"size": 256}, "3.1896"),
    ({"lr": 0.1}, "4.74789"),
    ({}, "2.86406"),
    ({"lr": 0.001}, "2.80328"),
    ({}, "2.86406"),
    ({"cell": "peephole"}, "2.83888"),
    ({"dropout": 0.2, "dropout_at_validation": True}, "3.24388"),
    ({"dropout": 0.4, "dropout_at_validation": True}, "3.48164"),
    ({"length": 32}, "2.89289"),
    ({}, "2.86406"),
    ({"length": 64}, "2.83842"),
    ({"length": 96}, "2.83021"),
    ({}, "2.86406"),
    ({"transpose": True}, "2.84375"),
    ({"beat": "target"}, "4.33437"),
    ({"beat": "target", "transpose": True}, "3.98484"),
    (
        {"dropout": 0.2, "dropout_at_validation": True, "layers": 3, "lr": 0.1, "size": 256, "beat": "target"},
        "4.17703",
    ),
    ({"cell": "peephole", "layers": 1, "length": 96, "size": 64, "transpose": True}, "2.72566"),
)
"""For each row, the settings that differ from row 2, and the paper's cross-validation loss (nats per token)."""


def _literal(number: int, changes: Mapping[str, Value], cv_loss: str) -> Preset:
    return Preset(
        name=f"table1/{number}",
        values={**LITERAL, **changes},
        source=f"row {number} of Table 1 in 'Learning Some Tonal Music (LSTM)': cross-validation loss {cv_loss} on "
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

_PRESETS = (*(_literal(number, *row) for number, row in enumerate(TABLE_1, start=1)), _RECIPE)

COMPOSER_PRESETS: Mapping[str, Preset] = MappingProxyType({preset.name: preset for preset in _PRESETS})
"""The composer's presets by name."""
