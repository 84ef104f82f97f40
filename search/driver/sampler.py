"""The samplers of Optuna that a search file can name."""

import warnings

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, BruteForceSampler, RandomSampler, TPESampler

from data_prep.randomness import integer_seed
from search.spec.sampler_section import Grid, Random, Tpe
from search.spec.whole_search import SearchSpec


def make_sampler(search: SearchSpec, num_trials: int) -> BaseSampler:
    """Make a search's sampler.

    Args:
        search: The search.
        num_trials: Number of its trials so far, which selects the random stream: a resumed search must not repeat
            proposals.

    Returns:
        The sampler.
    """
    seed = integer_seed(search.sampler.seed, "sampler", trial=num_trials)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)  # of group, and of BruteForceSampler
        match search.sampler:
            case Tpe(startup=startup):  # group=True, because the space is conditional
                return TPESampler(seed=seed, group=True, n_startup_trials=startup)
            case Random():
                return RandomSampler(seed)
            case Grid():  # GridSampler does not support conditional spaces: it would repeat equal points
                return BruteForceSampler(seed)
            case other:
                raise NotImplementedError(other.kind)
