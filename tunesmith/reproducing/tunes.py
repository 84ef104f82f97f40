"""Tunes by the trained models of an experiment: one of each engraved, and the measures of several."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from data_prep.tunes.copies import CorpusIndex
from data_prep.tunes.corpus_measures import corpus_measures
from data_prep.tunes.from_melodies import corpus_tunes
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.measures import MEASURES, measure
from data_prep.wording import counted
from data_prep.writers.engraving import to_svg
from data_prep.writers.score import to_musicxml
from models.families import offering
from models.uses.offers import ComposingFamily
from models.uses.request import SamplingRequest

if TYPE_CHECKING:
    from data_prep.melodies.arrays import Melodies
    from data_prep.tunes.notation import Tune

NUM_TUNES = 20
"""Tunes of each model that are measured."""

_BARS, _PROMPT_BARS = 16, 3
"""Bars of a tune, and of the training tune that it starts with (Figure 7 starts with three)."""

_SHOWN = ("in_key", "largest_leap", "in_scale_runs", "complete_triplets", "bars_filled", "bar_similarity")


@dataclass(frozen=True)
class Composed:
    """The tunes of one row.

    Attributes:
        name: The row's name.
        tunes: The tunes, all with the same beginning.
    """

    name: str
    tunes: Sequence["Tune"]


def compose(models: Mapping[str, Path], family: str, melodies: "Melodies") -> list[Composed]:
    """Continue the beginning of a tune of median length by each model.

    Args:
        models: Files of trained models by the names of their rows.
        family: The name of their family, which composes.
        melodies: The corpus.

    Returns:
        The tunes of each model.
    """
    prompt = _prompt(corpus_tunes(melodies))
    notes = sum(bar < _PROMPT_BARS for bar in prompt.bars())
    request = SamplingRequest(bars=_BARS, temperature=1.0, end_on_tonic=False, prompt=prompt, prompt_notes=notes)
    composing = offering(ComposingFamily)[family]
    return [
        Composed(
            name,
            [
                replace(tune, title=f"{name}, number {number}")
                for number, tune in enumerate(composing.composing_model(path).compose(request, count=NUM_TUNES), 1)
            ],
        )
        for name, path in models.items()
    ]


def _prompt(tunes: Sequence["Tune"]) -> "Tune":
    major = [tune for tune in tunes if tune.metre == (4, 4) and tune.mode == "major"] or list(tunes)
    return sorted(major, key=lambda tune: tune.num_notes)[len(major) // 2]


def engraved(composed: Sequence[Composed]) -> Iterator[tuple[str, str, bytes]]:
    """Yield file name, caption and SVG of the first tune of each row."""
    for number, row in enumerate(composed):
        page = to_svg(to_musicxml(row.tunes[0])).encode()
        yield f"tune-{number + 1}.svg", f"The first of {counted(len(row.tunes), 'tune')} by {row.name}", page


def measured(composed: Sequence[Composed], melodies: "Melodies") -> Iterator[str]:
    """Yield a Markdown table of measures: the means of each row's tunes, and the corpus's median."""
    corpus = corpus_measures(melodies, CorpusIndex(melodies, melodies.ids))
    yield from ("", "## The tunes", "")
    yield f"Each model continues the first {_PROMPT_BARS} bars of the same tune {NUM_TUNES} times at temperature 1."
    yield ""
    yield f"| measure | {' | '.join(row.name for row in composed)} | {melodies.corpus}, median |"
    yield f"|---|{'---|' * (len(composed) + 1)}"
    for name in _SHOWN:
        cells = [_mean([measure(tune)[name] for tune in row.tunes]) for row in composed]
        median = corpus.quantiles(name, 0.5)[0] if len(corpus.known(name)) else math.nan
        yield f"| {MEASURES[name].title} ({MEASURES[name].unit}) | {' | '.join(cells)} | {median:.2f} |"

    drifts = [_mean([key_drift(tune) for tune in row.tunes]) for row in composed]
    own = _mean([key_drift(tune) for tune in corpus_tunes(melodies)])
    yield f"| key signature drifts (fifths, first half to second) | {' | '.join(drifts)} | {own} (mean) |"


def key_drift(tune: "Tune") -> float:
    """Return how far apart the estimated key signatures of a tune's halves are, in fifths."""
    half = len(tune.pitch) // 2
    parts = [(tune.pitch[:half], tune.duration[:half]), (tune.pitch[half:], tune.duration[half:])]
    first, second = (estimate_key(*part)[0] for part in parts)
    apart = abs(first - second) % 12
    return float(min(apart, 12 - apart))


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    if not known:
        return "-"
    mean = math.fsum(known) / len(known)
    error = math.sqrt(math.fsum((value - mean) ** 2 for value in known) / max(1, len(known) - 1) / len(known))
    return f"{mean:.2f} ± {error:.2f}"
