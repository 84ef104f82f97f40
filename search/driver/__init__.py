"""The driver of a search: the Ray Tune adapter, the sampler, the scheduler and the worker."""
