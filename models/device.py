"""Where tensors live."""


def best_device() -> str:
    """Name the best device that is there: "cuda", else "cpu"."""
    import torch  # noqa: PLC0415  (listing families and help must not wait for it)

    return "cuda" if torch.cuda.is_available() else "cpu"


def num_gpus() -> int:
    """Count the GPUs that torch can use."""
    import torch  # noqa: PLC0415  (as in best_device)

    return torch.cuda.device_count()


def use_threads(count: int) -> None:
    """Compute with so many threads on the CPU, in this process."""
    import torch  # noqa: PLC0415  (as in best_device)

    torch.set_num_threads(count)
