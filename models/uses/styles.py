"""What a piece is performed in: a style, or shares of several."""

from collections.abc import Mapping
from typing import TypeAlias

from data_prep.errors import BadInputError

Mix: TypeAlias = str | Mapping[str, float]
"""A style, or a share of each of several, which need not add to 1."""


def parse_mix(text: str) -> dict[str, float]:
    """Read a mix as it is typed, "classical=0.3,jazz=0.7"; a BadInputError says how it is written."""
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, separator, share = part.partition("=")
        is_new = name.strip() not in mix
        try:
            mix[name.strip()] = float(share)
        except ValueError:
            separator = ""
        if not separator or not name.strip() or not is_new:
            raise BadInputError("a mix is written like classical=0.3,jazz=0.7, each style once", f"got {text!r}")
    return mix
