"""The command line, which composes data_prep, models, search and cluster; and ``load_model`` for Python."""

from tunesmith.python_interface import load_model

__all__ = ["load_model"]
