"""Temperature, top-k and top-p compared with a loop over sorted tokens, and frequencies of draws."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.composer.composing.sampling import drawn, shaped

rows = st.lists(st.floats(-30.0, 3.0) | st.just(-np.inf), min_size=1, max_size=9).filter(
    lambda row: bool(np.isfinite(row).any())
)


def naive(row: NDArray[np.float64], temperature: float, top_k: int, top_p: float) -> list[float]:
    """Keep tokens in descending order of probability until the limits are reached."""
    order = sorted(range(len(row)), key=lambda token: (-row[token], token))
    if temperature == 0:
        return [1.0 if token == order[0] else 0.0 for token in range(len(row))]
    best = row[order[0]]
    p = [float(np.exp((value - best) / temperature)) for value in row]
    if top_k:
        order = order[:top_k]
    whole, sum_before = sum(p[token] for token in order), 0.0
    kept: list[int] = []
    for token in order:
        if top_p < 1 and sum_before >= top_p * whole:
            break
        kept.append(token)
        sum_before += p[token]
    total = sum(p[token] for token in kept)
    return [p[token] / total if token in kept else 0.0 for token in range(len(row))]


@given(
    rows,
    st.sampled_from([0.0, 0.1, 0.7, 1.0, 1.9, 100.0]),
    st.integers(0, 10),
    st.sampled_from([1e-9, 0.31, 0.77, 0.95, 1.0]),
)
def test_shaping_equals_the_naive_walk(row: list[float], temperature: float, top_k: int, top_p: float) -> None:
    log_p = np.array(row)
    actual = shaped(np.stack([log_p, log_p[::-1]]), temperature, top_k, top_p)
    np.testing.assert_allclose(actual.sum(axis=1), 1.0)
    np.testing.assert_allclose(actual[0], naive(log_p, temperature, top_k, top_p), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(actual[1], naive(log_p[::-1], temperature, top_k, top_p), rtol=1e-9, atol=1e-12)


def test_extreme_temperatures_approach_the_limits() -> None:
    log_p = np.log([[0.2, 0.5, 0.3]])
    np.testing.assert_array_equal(shaped(log_p, 1e-308, 0, 1.0), shaped(log_p, 0.0, 0, 1.0))
    np.testing.assert_allclose(shaped(log_p, 1e9, 0, 1.0), 1 / 3, rtol=1e-6)


def test_draws_follow_their_probabilities() -> None:
    p = np.array([0.0, 0.125, 0.0, 0.5, 0.25, 0.125, 0.0])
    u = np.arange(64) / 64  # every number that has six bits
    tokens = drawn(np.tile(p, (64, 1)), u)
    np.testing.assert_array_equal(np.bincount(tokens, minlength=7) / 64, p)


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=9).filter(lambda p: sum(p) > 0), st.floats(0.0, 1.0))
def test_impossible_tokens_are_not_drawn(p: list[float], u: float) -> None:
    (token,) = drawn(np.array([p]), np.array([np.nextafter(u, 0.0)]))
    assert p[token] > 0
