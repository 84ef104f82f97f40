"""Map the values of a trial of another search to a search's space."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.spec import Setting, Value
from search.spec.domains import Categorical, Fixed, Range, toml_value
from search.spec.space import Space


@dataclass(frozen=True)
class Misfit:
    """A value of a trial that is not in a space.

    Attributes:
        setting: The setting's name.
        value: The trial's value.
        used: The value instead; None if the sampler proposes one.
    """

    setting: str
    value: Value
    used: Value | None

    def in_words(self, trial: str, space: Space) -> str:
        """Return the misfit in words, as in "size = 512 of composer/7 is outside 32 to 256: 256 is used"."""
        used = "it is sampled" if self.used is None else f"{_text(self.used)} is used"
        return f"{self.setting} = {_text(self.value)} of {trial} is {self._reason(space)}: {used}"

    def _reason(self, space: Space) -> str:
        match space.domains[self.setting]:
            case Fixed():
                return "not searched"
            case Categorical(values=values):
                return f"not one of {', '.join(map(_text, values))}"
            case Range(low=low, high=high, step=step):
                if step and low <= float(self.value) <= high:
                    return f"not in steps of {step:g} from {low:g}"
                return f"outside {low:g} to {high:g}"


def mapped(values: Mapping[str, Value], space: Space) -> tuple[dict[str, Value], list[Misfit]]:
    """Map the values of a trial to a space.

    Args:
        values: The values of the settings that matter in the trial, fixed ones included.
        space: The space of the search that takes the point.

    Returns:
        The values of searched settings that matter in the space, all inside it; and the values that did not fit. A
        number becomes the nearest one of its domain, and a category that is not in its domain is left out.
    """
    settings = space.spec_type.settings()
    point: dict[str, Value] = {}
    fixed: dict[str, Value] = {}
    misfits: list[Misfit] = []
    for name, domain in space.domains.items():
        if not space.spec_type.matters(name, {**fixed, **point}):
            continue
        used, value = None, values.get(name)
        if isinstance(domain, Fixed):
            used = fixed[name] = domain.value
        elif value is not None:
            used = _nearest(settings[name], domain, value)
            if used is not None:
                point[name] = used
        if value not in (None, used) and name != "epochs":  # epochs are fixed by the budget
            misfits.append(Misfit(name, value, used))
    return point, misfits


def _nearest(setting: Setting, domain: Categorical | Range, value: Value) -> Value | None:
    """Return the nearest value of a domain; None for a category that is not in it."""
    if setting.kind not in ("integer", "real"):
        return value if value in domain else None
    number = float(value)
    if value not in domain:
        nearest = (
            domain.nearest(number)
            if isinstance(domain, Range)
            else min(map(float, domain.values), key=lambda other: (abs(other - number), other))
        )
        number = nearest
    return int(number) if setting.kind == "integer" else number


def _text(value: Value) -> str:
    return f"{value:.4g}" if isinstance(value, float) else toml_value(value)
