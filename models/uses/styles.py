"""The style of a performance, or a mix of styles."""

from collections.abc import Mapping
from typing import TypeAlias

from data_prep.errors import BadInputError

Mix: TypeAlias = str | Mapping[str, float]
"""A style, or the shares of several, whose sum need not be 1."""


def parse_mix(text: str) -> dict[str, float]:
    """Parse a mix such as "classical=0.3,jazz=0.7"; raise BadInputError if the text is not a mix."""
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
