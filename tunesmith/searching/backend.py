"""Make the backend ready before training, so that the user sees what takes time and what is missing."""

from models.folded.preparation import prepare
from models.folded.request import BackendName, use
from tunesmith.console import err, warn


def ready_backend(name: BackendName) -> None:
    """Use a backend in this process; compile its kernels first if need be, and warn if there is no compiler."""
    use(name)
    if reason := prepare(name, lambda text: err.print(f"{text} ...", markup=False)):
        warn(f"training on CPUs is slower than it could be: {reason}; tunesmith doctor says what to do")
