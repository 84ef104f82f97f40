"""A registered StyleNet as MLflow serves it: rows of notes in, velocities out; MLflow runs this file to load it."""

# MLflow and pandas are partly untyped, and MLflow's own predict is said to give None:
# pyright: reportMissingTypeStubs=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownMemberType=false, reportIncompatibleMethodOverride=false, reportPrivateImportUsage=false

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc import PythonModel, PythonModelContext

from data_prep.performances.arrays import Performance
from data_prep.wording import counted
from models.stylenet.performer import Performer, parse_mix
from search.promotion.serving import answer, checked_model

_SECONDS_A_QUARTER = 0.5
"""The tempo where no times are given: 120 quarter notes a minute."""

_FLAT = 64.0
"""The velocity of a note that a piano has no key for."""


class ServedStyleNet(PythonModel):
    """One row is one piece."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the trained model."""
        self._performer = Performer.load(checked_model(context.artifacts))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None
    ) -> pd.DataFrame:
        """Give velocities to pieces.

        Args:
            context: What ``load_context`` was given.
            model_input: Columns pitch, onset and duration, arrays of equal length, times in quarter notes; seconds,
                the onsets' times; style, a style or a mix as in "classical=0.3,jazz=0.7", else the first style.
            params: Not used.

        Returns:
            The column velocity, arrays in the order of the notes, not rounded.
        """
        del context, params
        return answer(model_input, self._perform)

    def _perform(self, row: Mapping[str, Any]) -> Mapping[str, Any]:
        pitch, onset, duration = (np.asarray(row[name], np.float64) for name in ("pitch", "onset", "duration"))
        seconds = np.asarray(row.get("seconds", onset * _SECONDS_A_QUARTER), np.float64)
        _check(pitch, onset, duration, seconds)
        order = np.lexsort((pitch, onset))
        performance = Performance(
            pitch=pitch[order].astype(np.int16),
            velocity=np.full(len(pitch), _FLAT, np.int16),
            onset=onset[order],
            duration=duration[order],
            seconds=seconds[order],
            tick=np.arange(len(pitch)),
        )
        text = str(row.get("style", self._performer.styles[0]))
        style = parse_mix(text) if "=" in text else text
        found = np.empty(len(pitch))
        found[order] = self._performer.velocities(performance, style)
        return {"velocity": np.where(np.isnan(found), _FLAT, found).tolist()}


def _check(*columns: np.ndarray[Any, np.dtype[np.float64]]) -> None:
    pitch, onset, duration, seconds = columns
    if not len(pitch) or len({len(column) for column in columns}) > 1:
        raise ValueError(
            f"a piece has as many onsets, durations (and seconds) as pitches, at least one: got "
            f"{counted(len(pitch), 'pitch')}, {counted(len(onset), 'onset')}, {len(duration)} durations, "
            f"{counted(len(seconds), 'second')}"
        )
    if not all(np.isfinite(column).all() for column in columns):
        raise ValueError("pitches and times are finite numbers")
    if pitch.min() < 0 or pitch.max() > 127 or onset.min() < 0 or duration.min() <= 0:  # noqa: PLR2004  (MIDI)
        raise ValueError("pitches are 0 to 127, onsets not negative, durations positive")


set_model(ServedStyleNet())
