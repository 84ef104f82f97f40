"""The results of the StyleNet paper as experiments.

Source: Malik & Ek, "Neural Translation of Musical Style", 2017. Its losses are mean squared errors over all cells of
the grid, most of which are silent; ``models.stylenet.paper.presets`` has its settings.
"""

from collections.abc import Mapping
from types import MappingProxyType

from data_prep.wording import counted
from models.experiments import Claim, Corpus, Experiment, GridExperiment, Row
from models.metrics import MSE_ALL, ONSET_CORRELATION, ONSET_MAE, TRAIN_LOSS
from models.spec import Value
from models.stylenet.paper.presets import STYLENET_PRESETS

_PAPER = "'Neural Translation of Musical Style'"
_PIANO = Corpus("349 classical and 349 jazz files of the Piano dataset", (680, 710), (500_000, 10_000_000))
_REMARK = (
    "The paper's loss is the squared error over all cells of the grid, silent ones too, on which a constant velocity "
    "scores well: the error and the correlation of struck notes say whether anything was learnt. The paper validates "
    "on 5 % of the files; here, every file is held out once. Its final losses are 7.0e-4 in training and 1.1e-3 in "
    "validation."
)
_SNAPSHOTS = (1, 5, 20, 80)
_SHARED = "a shared interpretation layer needs less data than separate nets"
_TEXT, _CODE, _GENRENET, _OWN = "StyleNet, text", "StyleNet, code", "GenreNet", "the default here"


def _preset(name: str, **changes: Value) -> dict[str, Value]:
    values = {**STYLENET_PRESETS[name].values, **changes}
    return {key: value for key, value in values.items() if key != "epochs"}


def _of_final_model(
    name: str,
    title: str,
    place: str,
    *,
    curves: bool = False,
    pictures: tuple[str, ...] = (),
    picture_names: tuple[str, ...] = (),
) -> Experiment:
    """Return an experiment with the final model and its variants; all of them are one search."""
    return Experiment(
        name=name,
        search="s2/models",
        title=title,
        source=f"{place} of {_PAPER}",
        corpus=_PIANO,
        default_corpus="synthetic",
        repeats="written",
        rows=(
            Row(_TEXT, _preset("s2"), 1.1e-3),
            Row(_CODE, _preset("s2-code")),
            Row(_GENRENET, _preset("genrenet")),
            Row(_OWN, {}),
        ),
        base=_TEXT,
        metric=MSE_ALL,
        epochs=160,
        seconds=20_000,
        claims=(
            Claim(_SHARED, (_TEXT,), (_GENRENET,)),
            Claim(_SHARED, (_TEXT,), (_GENRENET,), ONSET_MAE),
        ),
        also=(TRAIN_LOSS, ONSET_MAE, ONSET_CORRELATION),
        curves=curves,
        pictures=pictures,
        picture_names=picture_names,
        snapshots=_SNAPSHOTS,
        by_epoch="snapshot" in picture_names,
        remark=_REMARK,
    )


_DROPOUT = Experiment(
    name="s2/figure15",
    title="snapshots with dropout p = .5 and .8, which are probabilities of keeping a unit",
    source=f"Figure 15 of {_PAPER}",
    corpus=_PIANO,
    default_corpus="synthetic",
    repeats="written",
    rows=(Row("keep 80 %", _preset("s2-code")), Row("keep 50 %", _preset("s2-code", dropout=0.5))),
    base="keep 80 %",
    metric=MSE_ALL,
    epochs=160,
    seconds=9_000,
    claims=(
        Claim("losing half of the network underfits", ("keep 80 %",), ("keep 50 %",)),
        Claim("losing half of the network underfits", ("keep 80 %",), ("keep 50 %",), ONSET_MAE),
    ),
    also=(TRAIN_LOSS, ONSET_MAE, ONSET_CORRELATION),
    curves=True,
    pictures=("keep 80 %", "keep 50 %"),
    picture_names=("snapshot",),
    snapshots=_SNAPSHOTS,
    by_epoch=True,
    remark=_REMARK,
)

_LENGTHS = (50, 200, 800)

_TRUNCATION = Experiment(
    name="s2/truncation",
    title="truncated backpropagation: windows of 50, 200 and 800 steps, independent or with the state carried",
    source=f"section 'Truncated Backpropagation Through Time' of {_PAPER}",
    corpus=_PIANO,
    default_corpus="synthetic",
    repeats="written",
    rows=(
        *(Row(counted(length, "step"), _preset("s2-code", length=length)) for length in _LENGTHS),
        Row("200 steps, carried", _preset("s2-code", truncation="carry")),
    ),
    base="200 steps",
    metric=MSE_ALL,
    epochs=160,
    seconds=18_000,
    claims=(
        Claim("truncation limits what is learnt", ("800 steps",), ("200 steps",)),
        Claim("truncation limits what is learnt", ("200 steps",), ("50 steps",)),
    ),
    also=(TRAIN_LOSS, ONSET_MAE, ONSET_CORRELATION),
    curves=True,
    remark=f"{_REMARK} The paper reports 12 hours with windows of 200 steps and 36 without truncation: compare the "
    "times.",
)

STYLENET_EXPERIMENTS: Mapping[str, Experiment | GridExperiment] = MappingProxyType(
    {
        experiment.name: experiment
        for experiment in (
            _of_final_model(
                "s2/figure12",
                "different velocities of each performance, and played and predicted velocities",
                "Figure 12",
                pictures=(_TEXT,),
                picture_names=("distinct_velocities", "velocities"),
            ),
            _of_final_model(
                "s2/figure13",
                "the encoding: struck, held and silent cells, and velocities",
                "Figures 13 and 14",
                pictures=(_TEXT,),
                picture_names=("encoding",),
            ),
            _DROPOUT,
            _of_final_model("s2/figure16", "training and validation loss of the final run", "Figure 16", curves=True),
            _of_final_model(
                "s2/figure17",
                "a snapshot: every style's output, their difference, the interpretation layer",
                "Figure 17",
                pictures=(_TEXT, _CODE),
                picture_names=("snapshot",),
            ),
            _of_final_model(
                "s2/final",
                "final losses of StyleNet as described and as coded, GenreNet, and a small net",
                "Summary of Final Setup",
            ),
            _TRUNCATION,
        )
    }
)
"""StyleNet's experiments by name."""
