"""Parts of benchmarks/utilisation.py, sent to Ray's workers by value: workers do not import from this folder."""

import sys

from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # pyright: ignore[reportUnknownMemberType]
