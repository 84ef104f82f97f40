"""The setting of a space whose training takes the most memory, as far as its family's spec tells."""

from models.spec import Setting, Value
from search.spec.domains import Domain, Fixed, Range
from search.spec.space import Space


def largest_setting(space: Space) -> dict[str, Value]:
    """Choose, setting by setting, the value whose model takes most.

    What takes no memory (a learning rate) keeps its default, or the first value where the default is not to be tried.

    Args:
        space: What a search may try.

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
