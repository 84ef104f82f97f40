"""The served composer: rows of requests in, tunes out."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import BadInputError
from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Tune
from data_prep.tunes.spelling import tonic
from data_prep.writers.abc import MODE_SUFFIXES, to_abc
from models.composer.composing.tune_composer import TuneComposer
from models.serving import Answer, Column, Row, Serving
from models.uses.request import SamplingRequest, parse_key, parse_metre

_FINEST = 96
"""Largest denominator of a prompt's durations (quarter notes), which are rounded to the nearest such fraction."""

_MAX_BARS = 256
"""Most bars of a tune in one request, as a server has other requests to answer."""

_MAX_PROMPT = 4096
"""Most notes of a prompt in one request."""


def load(trained: Path) -> Answer:
    """Load a trained composer and return the function that composes a tune for a row."""
    composer = TuneComposer.load(trained)
    return lambda row: _compose(composer, row)


def _compose(composer: TuneComposer, row: Row) -> Row:
    asked = {name: row[name] for name in ("temperature", "top_p", "key", "metre", "form") if name in row}
    asked |= {name: _whole(name, row[name]) for name in ("bars", "top_k") if name in row}
    if asked.get("bars", 0) > _MAX_BARS:
        raise BadInputError(f"at most {_MAX_BARS} bars are composed at once", f"got {asked['bars']}")
    prompt = _prompt(row)
    request = SamplingRequest(**asked, prompt=prompt, prompt_notes=1 if prompt is None else prompt.num_notes)
    tune = composer.compose(request, seed=_whole("seed", row.get("seed", 1)))[0]
    return {
        "pitch": list(tune.pitch),
        "duration": [float(duration) for duration in tune.duration],
        "metre": f"{tune.metre[0]}/{tune.metre[1]}",
        "key": tonic(tune) + MODE_SUFFIXES[tune.mode],
        "abc": to_abc(tune),
    }


def _prompt(row: Row) -> Tune | None:
    """Return the prompt of a row or None, in the row's key and metre, by default the estimated key and 4/4."""
    pitch, duration = (np.asarray(row.get(name, ()), np.float64) for name in ("prompt_pitch", "prompt_duration"))
    if not len(pitch) and not len(duration):
        return None
    if len(pitch) != len(duration):
        raise BadInputError("a prompt has as many durations as pitches", f"got {len(duration)} and {len(pitch)}")
    if len(pitch) > _MAX_PROMPT:
        raise BadInputError(f"a prompt has at most {_MAX_PROMPT} notes", f"got {len(pitch)}")
    if not (np.isfinite(duration).all() and duration.min() > 0):
        raise BadInputError("the durations of a prompt are positive quarter notes")
    if not (np.isfinite(pitch).all() and pitch.min() >= REST and pitch.max() < NUM_PITCHES):
        raise BadInputError(f"the pitches of a prompt are 0 to {NUM_PITCHES - 1}, or {REST} for a rest")
    pitches = tuple(int(value) for value in pitch)
    durations = tuple(Fraction(value).limit_denominator(_FINEST) for value in duration)
    fifths, mode = parse_key(str(row["key"])) if "key" in row else estimate_key(pitches, durations)
    return Tune(pitches, durations, metre=parse_metre(str(row.get("metre", "4/4"))), fifths=fifths, mode=mode)


def _whole(name: str, value: Any) -> int:
    if float(value) != int(value):
        raise BadInputError(f"{name} is an integer", f"got {value}")
    return int(value)


SERVING = Serving(
    load=load,
    inputs=(
        Column("bars", "integer", required=False),
        Column("key", "text", required=False),
        Column("metre", "text", required=False),
        Column("form", "text", required=False),
        Column("temperature", "real", required=False),
        Column("top_p", "real", required=False),
        Column("top_k", "integer", required=False),
        Column("seed", "integer", required=False),
        Column("prompt_pitch", "integer", is_list=True, required=False),
        Column("prompt_duration", "real", is_list=True, required=False),
    ),
    outputs=(
        Column("pitch", "integer", is_list=True),
        Column("duration", "real", is_list=True),
        Column("metre", "text"),
        Column("key", "text"),
        Column("abc", "text"),
    ),
    examples=[{"bars": 8, "key": "D", "metre": "4/4", "temperature": 0.9, "top_p": 0.95, "seed": 1}],
    explanation="""One row is one tune: `bars`, `key` (D, Am, E dorian), `metre` (6/8), `form` (AABB), `temperature`,
`top_p`, `top_k` and `seed`, at least one of them; to continue a prompt, `prompt_pitch` and `prompt_duration` (MIDI
pitches, -1 for a rest, and quarter notes). The answer has `pitch` and `duration`, `metre`, `key`, and the tune as
`abc`.""",
)
