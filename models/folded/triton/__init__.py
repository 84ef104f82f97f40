"""The recurrences over folds as Triton kernels for NVIDIA GPUs."""
