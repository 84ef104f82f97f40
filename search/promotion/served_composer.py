"""A registered composer as MLflow serves it: rows of wishes in, tunes out; MLflow runs this file to load it."""

# MLflow and pandas are partly untyped, and MLflow's own predict is said to give None:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportIncompatibleMethodOverride=false, reportPrivateImportUsage=false

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from data_prep.pitches import NUM_PITCHES, REST
from data_prep.tunes.keys import estimate_key
from data_prep.tunes.notation import Mode, Tune
from data_prep.tunes.spelling import tonic
from data_prep.writers.abc import to_abc
from models.composer.composing.request import Wish, parse_key, parse_metre
from models.composer.composing.tune_composer import TuneComposer
from search.promotion.serving import answer, checked_model

_FINEST = 96
"""Durations of a prompt are moved to the nearest fraction with at most this denominator, in quarter notes."""

_MAX_BARS = 256
"""Most bars of a tune that is asked for in a row: a server has others to answer."""

_MAX_PROMPT = 4096
"""Most notes of a prompt, likewise."""

_MODES: Mapping[Mode, str] = {"major": "", "minor": "m", "dorian": "dor", "mixolydian": "mix"}
"""How a mode is written behind a tonic, as ``parse_key`` reads it."""


class ServedComposer(PythonModel):
    """One row is one tune."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the trained model."""
        self._composer = TuneComposer.load(checked_model(context.artifacts))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Compose tunes.

        Args:
            context: What ``load_context`` was given.
            model_input: Columns bars, key, metre, form, temperature, top_p, top_k and seed, as in ``Wish``; and
                prompt_pitch and prompt_duration, arrays of MIDI pitches (-1 is a rest) and quarter notes. All may be
                missing.
            params: Not used.

        Returns:
            Columns pitch and duration, arrays as in the prompt; metre, key, and abc, the tune as a file's text.
        """
        del context, params
        return answer(model_input, self._compose)

    def _compose(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        asked = {name: row[name] for name in ("temperature", "top_p", "key", "metre", "form") if name in row}
        for name in ("bars", "top_k"):
            if name in row:
                asked[name] = _whole(name, row[name])
        if asked.get("bars", 0) > _MAX_BARS:
            raise ValueError(f"at most {_MAX_BARS} bars are composed at once: got {asked['bars']}")
        prompt = _prompt(row)
        wish = Wish(**asked, prompt=prompt, prompt_notes=1 if prompt is None else prompt.num_notes)
        tune = self._composer.compose(wish, seed=_whole("seed", row.get("seed", 1)))[0]
        return {
            "pitch": list(tune.pitch),
            "duration": [float(one) for one in tune.duration],
            "metre": f"{tune.metre[0]}/{tune.metre[1]}",
            "key": tonic(tune) + _MODES[tune.mode],
            "abc": to_abc(tune),
        }


def _prompt(row: Mapping[str, Any]) -> Tune | None:
    """Make a tune of a row's prompt, in the key and metre that the row names, else the key that fits and 4/4."""
    pitch, duration = (np.asarray(row.get(name, ()), np.float64) for name in ("prompt_pitch", "prompt_duration"))
    if not len(pitch) and not len(duration):
        return None
    if len(pitch) != len(duration):
        raise ValueError(f"a prompt has as many durations as pitches: got {len(duration)} and {len(pitch)}")
    if len(pitch) > _MAX_PROMPT:
        raise ValueError(f"a prompt has at most {_MAX_PROMPT} notes: got {len(pitch)}")
    if not (np.isfinite(duration).all() and duration.min() > 0):
        raise ValueError("the durations of a prompt are positive quarter notes")
    if not (np.isfinite(pitch).all() and pitch.min() >= REST and pitch.max() < NUM_PITCHES):
        raise ValueError(f"the pitches of a prompt are 0 to {NUM_PITCHES - 1}, or {REST} for a rest")
    pitches = tuple(int(one) for one in pitch)
    durations = tuple(Fraction(one).limit_denominator(_FINEST) for one in duration)
    fifths, mode = parse_key(str(row["key"])) if "key" in row else estimate_key(pitches, durations)
    return Tune(pitches, durations, metre=parse_metre(str(row.get("metre", "4/4"))), fifths=fifths, mode=mode)


def _whole(name: str, value: Any) -> int:
    if float(value) != int(value):
        raise ValueError(f"{name} is a whole number: got {value}")
    return int(value)


set_model(ServedComposer())
