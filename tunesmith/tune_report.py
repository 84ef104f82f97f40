"""What is told of composed tunes: every measure beside the corpus's own, as JSON, as Markdown and as a picture."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_prep.copies import Copied, CorpusIndex
from data_prep.corpus_measures import CorpusMeasures
from data_prep.errors import BadInputError
from data_prep.tune_measures import MEASURES, Value, measure
from data_prep.tunes import Tune
from data_prep.writers.spelling import tonic
from tunesmith.report_text import markdown

Report = dict[str, Any]
"""The report as JSON: "corpus" (or null), "measures" by their names and "tunes" by their files' stems."""

_USUAL = (0.05, 0.95)
"""Quantiles between which the corpus's pieces are said to be."""

_UNUSUAL = {-1: "low", 0: None, 1: "high"}


def report_data(tunes: Mapping[str, Tune], corpus: CorpusMeasures | None, index: CorpusIndex | None) -> Report:
    """Measure composed tunes.

    Args:
        tunes: The tunes by their files' stems.
        corpus: The measures of the corpus that the composer learned from, None where that is not at hand.
        index: The same corpus, to find copies in.

    Returns:
        The report.
    """
    assert (corpus is None) == (index is None), "both are of one corpus"
    return {
        "corpus": corpus and {"name": corpus.corpus, "pieces": corpus.num_pieces},
        "measures": {
            name: {**asdict(one), "corpus": corpus and _usual(corpus, name)} for name, one in MEASURES.items()
        },
        "tunes": {stem: _of_tune(tune, corpus, index) for stem, tune in tunes.items()},
    }


def _usual(corpus: CorpusMeasures, name: str) -> Report | None:
    known = corpus.known(name)
    if not len(known):
        return None
    low, median, high = corpus.quantiles(name, _USUAL[0], 0.5, _USUAL[1])
    return {"pieces": len(known), "mean": float(known.mean()), "median": median, "low": low, "high": high}


def _of_tune(tune: Tune, corpus: CorpusMeasures | None, index: CorpusIndex | None) -> Report:
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
        "values": {name: _told(name, values[name], corpus) for name in MEASURES},
        "longest_copy": _told_copy(tune, copied),
    }


def _told(name: str, value: Value, corpus: CorpusMeasures | None) -> Report:
    place = corpus.place(name, value) if corpus and value is not None else None
    return {
        "value": value,
        "percentile": place and round(place.percentile, 1),
        "unusual": place and _UNUSUAL[place.outlying],
    }


def _told_copy(tune: Tune, copied: Copied | None) -> Report | None:
    if copied is None or copied.longest is None:
        return None
    return {**asdict(copied.longest), "bar": tune.bars()[copied.longest.note] + (0 if tune.pickup else 1)}


def write_report(
    tunes: Mapping[str, Tune], corpus: CorpusMeasures | None, index: CorpusIndex | None, folder: Path
) -> tuple[Report, list[Path]]:
    """Write report.json, report.md and, where the corpus is at hand, report.png beside the tunes' own files.

    Args:
        tunes: The tunes by their files' stems.
        corpus: The measures of the corpus that the composer learned from, None where that is not at hand.
        index: The same corpus, to find copies in.
        folder: Where the tunes' files are.

    Returns:
        The report, and the files.

    Raises:
        BadInputError: If the folder cannot be written.
    """
    report = report_data(tunes, corpus, index)
    paths = [folder / "report.json", folder / "report.md"]
    picture = folder / "report.png"
    if corpus is not None:
        paths.append(picture)
    try:
        paths[0].write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        paths[1].write_text(markdown(report, folder), encoding="utf-8")
    except OSError as error:
        raise BadInputError(
            f"the report must be writable: {error.filename or folder} ({error.strerror or error}); name another folder"
        ) from None
    if corpus is not None:
        from tunesmith.pictures import save
        from tunesmith.report_picture import draw

        save(draw(report, corpus), picture)
    return report, paths
