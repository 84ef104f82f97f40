"""The parts of benchmarks/utilisation.py, which Ray's workers receive by value: they do not import from this folder."""

import sys

from ray import cloudpickle  # pyright: ignore[reportMissingTypeStubs]

cloudpickle.register_pickle_by_value(sys.modules[__name__])  # pyright: ignore[reportUnknownMemberType]
