"""The results of the composer's paper as experiments.

Source: Qin, Nichani, Kural, "Learning Some Tonal Music (LSTM)", 2017. Models and settings are those of its public code;
see ``models.composer.paper.presets``.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from models.composer.paper.presets import LITERAL, TABLE_1
from models.experiments import Claim, Corpus, Experiment, GridExperiment, Row
from models.metrics import CV_LOSS, NATS_PER_NOTE, TRAIN_LOSS
from models.spec import Value

_PAPER = "'Learning Some Tonal Music (LSTM)'"
_CONNOLLY = Corpus("the 337 Irish violin pieces of the Connolly collection", (320, 345), (60_000, 75_000))
_BASE = {name: value for name, value in LITERAL.items() if name != "epochs"}

_WORDS: Mapping[str, Mapping[Value, str]] = {
    "cell": {"peephole": "peephole"},
    "layers": {1: "1 layer", 3: "3 layers"},
    "dropout": {0.2: "keep 80 %", 0.4: "keep 60 %"},
    "transpose": {True: "in C"},
    "beat": {"target": "beats", "input": "beats as input"},
}
_UNITS = {"size": "{} units", "lr": "step {:g}", "length": "length {}"}

_A, _B = "model A", "model B"
_MODEL_A, _MODEL_B = TABLE_1[22][0], TABLE_1[23][0]


def _name(changes: Mapping[str, Value]) -> str:
    """Return the name of a row by what differs from the base."""
    words = [
        _UNITS[name].format(value) if name in _UNITS else _WORDS[name][value]
        for name, value in changes.items()
        if name in _UNITS or name in _WORDS
    ]
    return ", ".join(words) or "base"


def _row(changes: Mapping[str, Value], name: str = "", published: float | None = None, number: str = "") -> Row:
    return Row(name or _name(changes), {**_BASE, **changes}, published, number)


def _table_rows() -> Iterator[Row]:
    """Yield the 19 different rows of Table 1."""
    numbers: dict[str, list[int]] = {}
    for number, (changes, _) in enumerate(TABLE_1, start=1):
        numbers.setdefault(_name(changes), []).append(number)
    for places in numbers.values():
        changes, published = TABLE_1[places[0] - 1]
        yield _row(changes, "", float(published), ", ".join(map(str, places)))


_CLAIMS = (
    Claim("having more layers gives higher loss", ("1 layer",), ("base",)),
    Claim("having more layers gives higher loss", ("base",), ("3 layers",)),
    Claim("a medium number (64) of nodes gave the best results", ("64 units",), ("32 units",)),
    Claim("a medium number (64) of nodes gave the best results", ("64 units",), ("base",)),
    Claim("a medium number (64) of nodes gave the best results", ("64 units",), ("256 units",)),
    Claim("the loss decreased as we decreased our step size", ("base",), ("step 0.1",)),
    Claim("the loss decreased as we decreased our step size", ("step 0.001",), ("base",)),
    Claim("a peephole LSTM decreased the loss", ("peephole",), ("base",)),
    Claim("dropout increased the loss", ("base",), ("keep 80 %",)),
    Claim("dropout increased the loss", ("keep 80 %",), ("keep 60 %",)),
    Claim("the loss decreased with increasing sample length", ("base",), ("length 32",)),
    Claim("the loss decreased with increasing sample length", ("length 96",), ("base",)),
    Claim("transposition to C decreased the loss", ("in C",), ("base",)),
    Claim("beat detection increases the loss", ("base",), ("beats",)),
    Claim("the same per note, which is comparable", ("base",), ("beats",), NATS_PER_NOTE),
)

_TABLE = Experiment(
    name="s1/table1",
    title="cross-validation losses of 24 settings",
    source=f"Table 1 of {_PAPER}",
    corpus=_CONNOLLY,
    default_corpus="ryans",
    repeats="played",
    rows=tuple(_table_rows()),
    base="base",
    metric=CV_LOSS,
    epochs=10,
    seconds=750,
    claims=_CLAIMS,
    also=(NATS_PER_NOTE,),
    remark="The paper's dropout is the probability of keeping a unit, and stayed on at validation. The loss per token "
    "of rows with beats has another unit, so these rows can be compared per note only. With 1000 windows, one at a "
    "time, training is noisy: differences of .01 to .05 between rows are within the noise of the folds.",
)

_TREND_CHANGES: tuple[Mapping[str, Value], ...] = (
    {},
    {"layers": 1},
    {"layers": 3},
    {"size": 32},
    {"size": 64},
    {"size": 256},
    {"lr": 0.1},
    {"lr": 0.03},
    {"lr": 0.003},
    {"lr": 0.001},
    {"cell": "peephole"},
    {"dropout": 0.2},
    {"dropout": 0.4},
    {"length": 32},
    {"length": 96},
    {"transpose": True},
    {"beat": "target"},
    {"beat": "input"},
)

_TRENDS = Experiment(
    name="s1/trends",
    title="one setting at a time, compared per note, with dropout off at validation",
    source=f"section 5.1 of {_PAPER}",
    corpus=_CONNOLLY,
    default_corpus="ryans",
    repeats="played",
    rows=tuple(_row(changes) for changes in _TREND_CHANGES),
    base="base",
    metric=NATS_PER_NOTE,
    epochs=20,
    seconds=1200,
    claims=(
        *(claim for claim in _CLAIMS if claim.metric is None and claim.worse != ("beats",)),
        Claim("beat detection does not help", ("base",), ("beats",)),
    ),
    also=(CV_LOSS,),
    remark="The paper's statements, with twice as many windows, dropout in training only, and the loss per note of "
    "(pitch, duration) in the original key, which is comparable across encodings.",
)

_STEPS = (0.1, 0.01, 0.001)
_OPTIMISERS = {"sgd": "SGD", "rmsprop": "RMSProp", "adam": "Adam"}


def _of(optimiser: str) -> tuple[str, ...]:
    return tuple(f"{_OPTIMISERS[optimiser]}, step {step:g}" for step in _STEPS)


_OPTIMISER_TEST = Experiment(
    name="s1/optimisers",
    title="SGD, RMSProp and Adam, each at its best of three steps",
    source=f"section 4.3 of {_PAPER}",
    corpus=_CONNOLLY,
    default_corpus="ryans",
    repeats="played",
    rows=tuple(
        _row({"optimiser": optimiser, "lr": step}, name)
        for optimiser in _OPTIMISERS
        for step, name in zip(_STEPS, _of(optimiser), strict=True)
    ),
    base="Adam, step 0.01",
    metric=CV_LOSS,
    epochs=10,
    seconds=250,
    claims=(
        Claim("RMSProp did a much better job than SGD", _of("rmsprop"), _of("sgd")),
        Claim("Adam out-performed RMSProp", _of("adam"), _of("rmsprop")),
    ),
)


def _models(name: str, title: str, place: str, *, curves: bool = False, tunes: tuple[str, ...] = ()) -> Experiment:
    """Return an experiment with models A and B; all of them are one search."""
    return Experiment(
        name=name,
        search="s1/models",
        title=title,
        source=f"{place} of {_PAPER}",
        corpus=_CONNOLLY,
        default_corpus="ryans",
        repeats="played",
        rows=(
            _row(_MODEL_A, _A, float(TABLE_1[22][1]), "23"),
            _row(_MODEL_B, _B, float(TABLE_1[23][1]), "24"),
        ),
        base=_B,
        metric=CV_LOSS,
        epochs=20,
        seconds=550,
        claims=(
            Claim("model A converges at a far higher validation loss than model B", (_B,), (_A,)),
            Claim("model A converges at a far higher training loss than model B", (_B,), (_A,), TRAIN_LOSS),
        ),
        also=(TRAIN_LOSS, NATS_PER_NOTE),
        curves=curves,
        tunes=tunes,
        remark="Model A has beats in its tokens, so that its loss per token has another unit than model B's; the loss "
        "per note is comparable.",
    )


_GRID = GridExperiment(
    name="s1/figure4",
    title="Mary Had a Little Lamb by inputs and iterations",
    source=f"Figure 4 of {_PAPER}",
    inputs=(1, 2, 4, 8),
    iterations=(250, 500, 1000, 2000),
    bars=4,
    seconds=25,
)

COMPOSER_EXPERIMENTS: Mapping[str, Experiment | GridExperiment] = MappingProxyType(
    {
        experiment.name: experiment
        for experiment in (
            _TABLE,
            _GRID,
            _models("s1/figure5", "training and validation loss of models A and B", "Figure 5", curves=True),
            _models("s1/figure6", "tunes by model A, the poor one", "Figure 6", tunes=(_A, _B)),
            _models("s1/figure7", "tunes by model B, the better one", "Figure 7", tunes=(_B, _A)),
            _OPTIMISER_TEST,
            _TRENDS,
        )
    }
)
"""The composer's experiments by name."""
