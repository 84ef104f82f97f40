"""Telling the user with which points of other searches a new search begins."""

from pathlib import Path
from typing import TYPE_CHECKING

from tunesmith.console import err

if TYPE_CHECKING:
    from search.spec.file import SearchSpec
    from search.study.records import TakenPoints


def points_taken(spec: "SearchSpec", home: Path, *, is_plan: bool) -> "TakenPoints | None":
    """Choose the points that a new search takes from other searches, and print which.

    Args:
        spec: The search.
        home: The home folder.
        is_plan: Whether the search is only planned.

    Returns:
        The points; None without a warm start, or if the search was started before.

    Raises:
        BadInputError: If one of the other searches cannot be used.
    """
    if not spec.warm_start.sources:
        return None
    from search.warm_start.choice import choose

    choice = choose(spec, home, is_plan=is_plan)
    if choice is None:
        return None
    for line in choice.lines:
        err.print(line, markup=False, soft_wrap=True)
    return choice.taken
