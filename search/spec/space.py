"""The search space: the domain of each setting, checked against the setting's legal bounds.

A space has every setting of a family's spec. Settings are visited in the spec's order. A setting whose condition
(``when``) is not met by earlier values is not sampled and keeps its default, so that equal models have equal settings.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import cast

from data_prep.errors import BadInputError, unknown
from models.spec import Setting, Spec, Value
from search.spec.domains import Categorical, Domain, Fixed, Range, Suggester, read_domain


@dataclass(frozen=True)
class Space:
    """The domains of all settings of a spec, in the spec's order.

    Calling a space with an Optuna trial samples the settings that matter. It is a class, not a closure, so that it can
    be pickled.

    Attributes:
        spec_type: The spec.
        domains: The domain of each setting.
        only: Whether the search file lists all searched settings, not just changes to the built-in search.
    """

    spec_type: type[Spec]
    domains: Mapping[str, Domain]
    only: bool = False

    def __call__(self, trial: Suggester) -> dict[str, Value]:
        """Sample a trial's settings.

        Args:
            trial: The Optuna trial; if it was sampled before, it returns its stored values.

        Returns:
            The values of the settings that matter, fixed ones included.
        """
        return self._visit(lambda name, domain: domain.suggest(name, trial))

    def values(self, params: Mapping[str, Value]) -> dict[str, Value]:
        """Return all settings that matter, fixed ones included, from the sampled ones."""
        return self._visit(lambda name, domain: domain.value if isinstance(domain, Fixed) else params.get(name))

    def _visit(self, value_of: Callable[[str, Domain], Value | None]) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for name, domain in self.domains.items():
            if self.spec_type.matters(name, values):
                value = value_of(name, domain)
                if value is not None:
                    values[name] = value
        return values

    @property
    def searched(self) -> tuple[str, ...]:
        """Names of the settings with more than one value."""
        return tuple(name for name, domain in self.domains.items() if not isinstance(domain, Fixed))

    def default(self, name: str) -> Value:
        """Return a setting's default, its value whenever it does not matter."""
        return self.spec_type.settings()[name].default

    def project(self, point: Mapping[str, Value]) -> dict[str, Value] | None:
        """Reduce a known good point to the settings that this space samples; None if one of its values is outside."""
        kept = {name: value for name, value in point.items() if name in self.searched}
        values = self.values(kept)
        kept = {name: value for name, value in kept.items() if name in values}
        return kept if all(value in self.domains[name] for name, value in kept.items()) else None

    def size(self) -> float:
        """Return the number of distinct points; infinite if a real range has no step."""
        controls = {other for setting in self.spec_type.settings().values() for other in setting.when}
        return self._count(list(self.domains.items()), {}, controls)

    def _count(self, rest: list[tuple[str, Domain]], values: dict[str, Value], controls: set[str]) -> float:
        total = 1.0
        for index, (name, domain) in enumerate(rest):
            if not self.spec_type.matters(name, values):
                continue
            if name in controls and not isinstance(domain, Fixed):
                return total * sum(
                    weight * self._count(rest[index + 1 :], {**values, name: value}, controls)
                    for value, weight in _branches(domain)
                )
            values = {**values, name: domain.value} if isinstance(domain, Fixed) else values
            total *= domain.count
        return total

    def discrete_size(self) -> float:
        """Return the number of distinct points, with real ranges without a step counted as one value."""
        finite = {
            name: Fixed(domain.low) if domain.count == math.inf and isinstance(domain, Range) else domain
            for name, domain in self.domains.items()
        }
        return Space(self.spec_type, finite).size()

    @property
    def hash(self) -> str:
        """12 hexadecimal digits that identify this space."""
        text = "\n".join(f"{name} = {domain.to_toml()}" for name, domain in self.domains.items())
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def _branches(domain: Categorical | Range) -> Iterator[tuple[Value, float]]:
    if isinstance(domain, Categorical):
        yield from ((value, 1) for value in domain.values)
    elif domain.whole:
        step = int(domain.step or 1)
        yield from ((value, 1) for value in range(int(domain.low), int(domain.high) + 1, step))
    else:
        yield domain.low, domain.count


def make_space(
    spec_type: type[Spec],
    entries: Mapping[str, object],
    *,
    place: Callable[[str], str],
    written: frozenset[str],
    only: bool = False,
) -> Space:
    """Make a space from the entries of a search file.

    Args:
        spec_type: The spec whose settings are searched.
        entries: Entries by setting; settings without one keep their default.
        place: Returns the file and line of a setting's entry, for errors.
        written: The settings whose entries must have an effect: those from the command line, or else from the file.
        only: Whether the file lists all searched settings.

    Returns:
        The space.

    Raises:
        BadInputError: For an unknown setting, an illegal entry, or an entry in ``written`` that can never matter.
    """
    settings = spec_type.settings()
    for name in entries:
        if name not in settings:
            raise unknown("setting", name, settings, place(name))
    domains: dict[str, Domain] = {
        name: read_domain(setting, entries[name], place(name)) if name in entries else Fixed(setting.default)
        for name, setting in settings.items()
    }
    for name in settings:
        idle = isinstance(domains[name], Fixed) and cast("Fixed", domains[name]).value == settings[name].default
        if not idle and not _can_matter(settings, domains, name):
            if name not in written:  # an entry of the built-in search that another entry made useless
                domains[name] = Fixed(settings[name].default)
                continue
            needs = " and ".join(
                f"{other} = {' or '.join(map(str, allowed))}" for other, allowed in settings[name].when.items()
            )
            raise BadInputError(f"{name} changes nothing in this space", f"it needs {needs}", place(name))
    return Space(spec_type, domains, only)


def _can_matter(settings: Mapping[str, Setting], domains: Mapping[str, Domain], name: str) -> bool:
    return all(
        any(value in domains[other] for value in allowed) and _can_matter(settings, domains, other)
        for other, allowed in settings[name].when.items()
    )
