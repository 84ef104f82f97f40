"""What a backend needs before it is first used on a machine. Nothing here imports torch."""

import os
from collections.abc import Callable

from models.folded.native import build
from models.folded.request import VARIABLE, BackendName


def prepare(name: BackendName, say: Callable[[str], None]) -> str:
    """Compile the C++ kernels if training on this machine's processors would use them, without importing torch.

    Args:
        name: The requested backend.
        say: Called with a message before something is compiled.

    Returns:
        Why they are not available, in one line; empty if they are, or are not needed.
    """
    if (os.environ.get(VARIABLE) or name) not in {"auto", "native"}:
        return ""
    try:
        target = build.find_target()
        if not build.is_built(target):
            say("compiling the C++ kernels for this machine, once: about 10 s")
        build.built_library(target)
    except build.BuildError as error:
        return str(error)
    return ""
