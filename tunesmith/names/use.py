"""The command that uses a family's trained models."""

from typing import Any

from models.family import Family
from models.uses.offers import ComposingFamily, PerformingFamily
from tunesmith.program import command


def use_command(family: Family[Any, Any], *model: str) -> str:
    """Return a command that makes music with a model.

    Args:
        family: The model's family.
        *model: The options that name the model ("--trial", "composer/7").

    Returns:
        The command; empty if the family's models do not make music.
    """
    if isinstance(family, ComposingFamily):
        return command("compose", *model, "--count", "4")
    if isinstance(family, PerformingFamily):
        return command("perform", "FILE.mid", *model, "--genre", "all")
    return ""
