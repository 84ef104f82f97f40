"""What holds for every test: one thread a process, examples that repeat."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; read when numpy and torch are first imported

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.load_profile("repeatable")
