"""Named settings: the paper's table, row by row, and the recipe that was measured to be good.

Source of the table: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", Table 1. Its dropout is a probability of
keeping, and its code left dropout on at validation; its training draws one random window of one random piece a step.
"""

from collections.abc import Mapping
from types import MappingProxyType

from models.family import Preset
from models.spec import Value

_LITERAL: Mapping[str, Value] = MappingProxyType(
    {
        "cell": "lstm",
        "input": "token",
        "head": "token",
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
"""What all rows share: 1000 windows, one at a time."""

# peephole, probability of keeping, layers, step, length, size, beats, transposed, the paper's cross-validation loss
_TABLE_1: tuple[tuple[bool, float, int, float, int, int, bool, bool, str], ...] = (
    (False, 1.0, 1, 0.01, 48, 128, False, False, "2.84858"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (False, 1.0, 3, 0.01, 48, 128, False, False, "2.95909"),
    (False, 1.0, 2, 0.01, 48, 32, False, False, "2.89754"),
    (False, 1.0, 2, 0.01, 48, 64, False, False, "2.84535"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (False, 1.0, 2, 0.01, 48, 256, False, False, "3.1896"),
    (False, 1.0, 2, 0.1, 48, 128, False, False, "4.74789"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (False, 1.0, 2, 0.001, 48, 128, False, False, "2.80328"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (True, 1.0, 2, 0.01, 48, 128, False, False, "2.83888"),
    (False, 0.8, 2, 0.01, 48, 128, False, False, "3.24388"),
    (False, 0.6, 2, 0.01, 48, 128, False, False, "3.48164"),
    (False, 1.0, 2, 0.01, 32, 128, False, False, "2.89289"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (False, 1.0, 2, 0.01, 64, 128, False, False, "2.83842"),
    (False, 1.0, 2, 0.01, 96, 128, False, False, "2.83021"),
    (False, 1.0, 2, 0.01, 48, 128, False, False, "2.86406"),
    (False, 1.0, 2, 0.01, 48, 128, False, True, "2.84375"),
    (False, 1.0, 2, 0.01, 48, 128, True, False, "4.33437"),
    (False, 1.0, 2, 0.01, 48, 128, True, True, "3.98484"),
    (False, 0.8, 3, 0.1, 48, 256, True, False, "4.17703"),
    (True, 1.0, 1, 0.01, 96, 64, False, True, "2.72566"),
)


def _row(
    number: int,
    peephole: bool,
    keep: float,
    layers: int,
    step: float,
    length: int,
    size: int,
    beats: bool,
    transposed: bool,
    reported: str,
) -> Preset:
    values: dict[str, Value] = {
        **_LITERAL,
        "cell": "peephole" if peephole else "lstm",
        "layers": layers,
        "size": size,
        "dropout": round(1.0 - keep, 12),
        "dropout_at_validation": keep < 1.0,
        "beat": "target" if beats else "off",
        "transpose": transposed,
        "lr": step,
        "length": length,
    }
    return Preset(
        name=f"table1/{number}",
        values=values,
        source=f"row {number} of Table 1 in 'Learning Some Tonal Music (LSTM)': cross-validation loss {reported} on the "
        "paper's own 337 tunes",
    )


_RECIPE = Preset(
    name="recipe",
    values={"batch_size": 8, "length": 128, "size": 256, "beat": "input", "augment": 6},
    source="measured on the paper's tunes without copying: factored input and head, AdamW 4e-3 with weight decay 0.01, "
    "cosine schedule, gradient norm at most 1, output dropout 0.3 and embedding dropout 0.1",
)

COMPOSER_PRESETS: Mapping[str, Preset] = MappingProxyType(
    {preset.name: preset for preset in (*(_row(number, *row) for number, row in enumerate(_TABLE_1, start=1)), _RECIPE)}
)
"""The composer's presets by name."""
