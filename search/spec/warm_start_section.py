"""The table ``[warm_start]`` of a search file: earlier searches whose best points a new search tries first."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from data_prep.errors import BadInputError, shown
from search.spec.sections import Section

_MOST = 100


def _check_names(names: object) -> object:
    match names:
        case str():
            raise ValueError(f"it is a list of names: got {shown(names)}")
        case _:
            return names


class WarmStart(Section):
    """What a new search takes from earlier searches of its family, at its first start."""

    searches: Annotated[tuple[str, ...], BeforeValidator(_check_names)] = Field(
        default=(),
        max_length=_MOST,
        description='searches in the same home folder, such as ["composer"], whose best settings are tried after the '
        "points of [[prior]]; empty: none",
    )
    points: int = Field(default=5, ge=0, le=_MOST, description="number of settings that are taken in all; 0 for none")

    @property
    def sources(self) -> tuple[str, ...]:
        """The searches from which points are taken, each once; empty if there are none."""
        return tuple(dict.fromkeys(self.searches)) if self.points else ()

    def check(self, sampler: str, where: str) -> None:
        """Raise BadInputError if the sampler, named by its kind, tries only the points of the search file."""
        if self.sources and sampler == "points":
            raise BadInputError(
                'the sampler "points" tries only the points of [[prior]]',
                f"[warm_start] takes others, from {' and '.join(self.sources)}",
                where,
                "choose another sampler, or leave [warm_start] out",
            )
