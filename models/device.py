"""Where tensors live."""


def best_device() -> str:
    """Name the best device that is there: "cuda", else "cpu"."""
    import torch  # noqa: PLC0415  (listing families and help must not wait for it)

    return "cuda" if torch.cuda.is_available() else "cpu"
