"""Recognise errors that mean that memory ran out."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the memory of a GPU or of the machine ran out.

    Args:
        error: The error; torch's classes are compared by name, so that torch need not be imported.

    Returns:
        True if it does; it would happen again with the same settings.
    """
    names = {f"{base.__module__}.{base.__qualname__}" for base in type(error).__mro__}
    return (
        isinstance(error, MemoryError)
        or bool(names & {"torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError"})
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )
