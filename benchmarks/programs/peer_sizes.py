"""Sizes of the model and the budget on both sides of ``benchmarks/peer.py``."""

SIZE, BATCH, LENGTH, WINDOWS, EPOCHS, RUNG, REDUCTION, SLOTS = 64, 16, 64, 256, 9, 1, 3, 2
