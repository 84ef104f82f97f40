"""Published counts of listening tests, scored as examples: ``tunesmith listen score --example NAME``."""

import json
from importlib.resources import files
from typing import Any

from data_prep.errors import unknown
from tunesmith.listening import statistics
from tunesmith.listening.design import planned
from tunesmith.listening.results import PAIR_OUTCOMES, POINTS, Comparison, Judgement, Results, compared

_VALUES = dict(zip(PAIR_OUTCOMES, (POINTS, 0.0, POINTS / 2), strict=True))


def example(name: str) -> tuple[str, Results]:
    """Score an example.

    Args:
        name: Its name.

    Returns:
        Its source, and its results: each survey is a comparison.

    Raises:
        BadInputError: If there is no such example.
    """
    folder = files("tunesmith.listening") / "published"
    known = {path.name.removesuffix(".json"): path for path in folder.iterdir() if path.name.endswith(".json")}
    if name not in known:
        raise unknown("example", name, known)
    data: dict[str, Any] = json.loads(known[name].read_text(encoding="utf-8"))
    plan = planned("pair", data["margin"])
    comparisons: list[Comparison] = []
    for survey in data["surveys"]:
        judgements = [
            Judgement("", "", _VALUES[outcome], outcome)
            for outcome, count in survey["counts"].items()
            for _ in range(count)
        ]
        estimate = statistics.independent([judgement.value for judgement in judgements], (0.0, POINTS))
        comparisons.append(compared(survey["name"], judgements, estimate, "pair", plan, is_grouped=False))
    return data["source"], Results("pair", plan, data["listeners"], comparisons, {}, [], data["remarks"])
