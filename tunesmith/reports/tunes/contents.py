"""The report on composed tunes: measures compared with the corpus, and the source of the longest copy."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from data_prep.tunes.copies import Copied, CorpusIndex
from data_prep.tunes.corpus_measures import CorpusMeasures
from data_prep.tunes.measures import MEASURES, Value, measure
from data_prep.tunes.notation import Tune
from data_prep.tunes.spelling import tonic

TuneReport = dict[str, Any]
"""The report as JSON: "corpus" (or null), "measures" by name, and "tunes" by the stem of their files."""

_USUAL = (0.05, 0.95)
"""Quantiles of the corpus that the report shows."""

_UNUSUAL = {-1: "low", 0: None, 1: "high"}


def report_data(tunes: Mapping[str, Tune], corpus: CorpusMeasures | None, index: CorpusIndex | None) -> TuneReport:
    """Measure composed tunes.

    Args:
        tunes: The tunes by the stem of their files.
        corpus: The measures of the corpus; None if it is not available.
        index: The index of the same corpus, to find copies.

    Returns:
        The report.
    """
    assert (corpus is None) == (index is None), "both belong to the same corpus"
    return {
        "corpus": corpus and {"name": corpus.corpus, "pieces": corpus.num_pieces},
        "measures": {
            name: {**asdict(entry), "corpus": corpus and _usual(corpus, name)} for name, entry in MEASURES.items()
        },
        "tunes": {stem: _of_tune(tune, corpus, index) for stem, tune in tunes.items()},
    }


def _usual(corpus: CorpusMeasures, name: str) -> TuneReport | None:
    known = corpus.known(name)
    if not len(known):
        return None
    low, median, high = corpus.quantiles(name, _USUAL[0], 0.5, _USUAL[1])
    return {"pieces": len(known), "mean": float(known.mean()), "median": median, "low": low, "high": high}


def _of_tune(tune: Tune, corpus: CorpusMeasures | None, index: CorpusIndex | None) -> TuneReport:
    copied = index.copied(tune) if index else None
    values = {**measure(tune), "longest_copy": None, "copied": None}
    if copied:
        values |= {"longest_copy": float(copied.longest.length) if copied.longest else 0.0, "copied": copied.share}
    length = sum(tune.duration)
    return {
        "title": tune.title,
        "key": f"{tonic(tune)} {tune.mode}",
        "metre": "/".join(map(str, tune.metre)),
        "notes": tune.num_notes,
        "given_notes": tune.num_prompt,
        "bars": round(float(length / tune.bar_length), 2),
        "values": {name: _compared(name, values[name], corpus) for name in MEASURES},
        "longest_copy": _source(tune, copied),
    }


def _compared(name: str, value: Value, corpus: CorpusMeasures | None) -> TuneReport:
    rank = corpus.rank(name, value) if corpus and value is not None else None
    return {
        "value": value,
        "percentile": rank and round(rank.percentile, 1),
        "unusual": rank and _UNUSUAL[rank.outlying],
    }


def _source(tune: Tune, copied: Copied | None) -> TuneReport | None:
    if copied is None or copied.longest is None:
        return None
    return {**asdict(copied.longest), "bar": tune.bars()[copied.longest.note] + (0 if tune.pickup else 1)}
