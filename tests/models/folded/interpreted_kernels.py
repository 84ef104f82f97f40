"""Run the kernels in Triton's interpreter on a CPU; a process of its own, as Triton reads TRITON_INTERPRET on import.

Reads a list of keyword arguments of ``largest_difference`` as JSON, and prints a list of its results.
"""

import json
import sys

from models.folded.triton.agreement import largest_difference

json.dump([largest_difference(device="cpu", **case) for case in json.load(sys.stdin)], sys.stdout)
