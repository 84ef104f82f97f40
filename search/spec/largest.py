"""The hyperparameters in a space whose training takes the most memory, estimated from the family's spec."""

from models.spec import Setting, Value
from search.spec.domains import Domain, Fixed, Range
from search.spec.space import Space


def largest_setting(space: Space) -> dict[str, Value]:
    """Choose for each setting the value whose model takes the most memory.

    A setting that does not affect memory (a learning rate) keeps its default, or the first value of its domain if the
    default is not in it.

    Args:
        space: The search space.

    Returns:
        The values of the settings that matter.
    """
    settings = space.spec_type.settings()
    values: dict[str, Value] = {}
    for name, domain in space.domains.items():
        if space.spec_type.matters(name, values):
            values[name] = _heaviest(settings[name], domain)
    return values


def _heaviest(setting: Setting, domain: Domain) -> Value:
    if isinstance(domain, Fixed):
        return domain.value
    if isinstance(domain, Range):
        if setting.takes_memory:
            return int(domain.high) if domain.whole else domain.high
        first: Value = int(domain.low) if domain.whole else domain.low
    elif setting.takes_memory:
        return max(value for value in domain.values if not isinstance(value, str))
    elif setting.memory_order:
        return max(domain.values, key=setting.memory_order.index)
    else:
        first = domain.values[0]
    return setting.default if setting.default in domain else first
