"""Triton and its language as values of any type: it has no annotations, and is not installed where it has no use."""

from importlib import import_module
from typing import Any

triton: Any = import_module("triton")
tl: Any = import_module("triton.language")
