"""Whether an error says that a model is too large for the memory it was given."""

_ON_CPU = "DefaultCPUAllocator"


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether memory ran out: a GPU's (torch.OutOfMemoryError), or the machine's for torch or Python.

    Args:
        error: What was raised; torch is looked up by name, so that nobody imports it for this.

    Returns:
        Whether it did. With the same settings it would again.
    """
    names = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(error).__mro__}
    return (
        isinstance(error, MemoryError)
        or bool(names & {"torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"})
        or (isinstance(error, RuntimeError) and _ON_CPU in str(error))
    )
