import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.resources import Slots, plan_slots
from data_prep.errors import BadInputError


@given(st.integers(1, 256), st.integers(0, 16), st.integers(0, 64), st.integers(1, 8))
def test_what_is_planned_fits(num_cpus: int, num_gpus: int, slots: int, cpus: int) -> None:
    try:
        plan = plan_slots(num_cpus=num_cpus, num_gpus=num_gpus, slots=slots, cpus=cpus)
    except BadInputError:
        assert max(slots, 1) * cpus > num_cpus
        return
    assert plan.count >= 1
    assert slots in {0, plan.count}
    assert plan.count * plan.cpus <= num_cpus
    assert (plan.gpus > 0) == (num_gpus > 0)
    if num_gpus:
        assert plan.count <= num_gpus * int(1 / plan.gpus)


@pytest.mark.parametrize(
    ("num_cpus", "num_gpus", "wanted", "plan"),
    [
        (2, 0, {}, Slots(2, 1, 0.0)),
        (8, 0, {"cpus": 4}, Slots(2, 4, 0.0)),
        (16, 1, {}, Slots(4, 1, 0.25)),
        (16, 2, {}, Slots(8, 1, 0.25)),
        (3, 1, {}, Slots(3, 1, 0.3333)),
        (2, 4, {}, Slots(2, 1, 1.0)),
        (16, 1, {"gpus": 0.1}, Slots(10, 1, 0.1)),
        (16, 1, {"gpus": 0}, Slots(16, 1, 0)),
        (16, 1, {"slots": 3, "gpus": 0.25}, Slots(3, 1, 0.25)),
    ],
)
def test_examples(num_cpus: int, num_gpus: int, wanted: dict[str, float], plan: Slots) -> None:
    assert plan_slots(num_cpus=num_cpus, num_gpus=num_gpus, **wanted) == plan  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"slots": 3}, "the slots must fit on what is there: 3 of 1 CPUs and 0 GPUs on 2 CPUs and 0 GPUs"),
        ({"cpus": 4}, "1 of 4 CPUs"),
        ({"gpus": 1}, "1 of 1 CPUs and 1 GPUs on 2 CPUs and 0 GPUs"),
    ],
)
def test_what_does_not_fit_is_refused(wanted: dict[str, int], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        plan_slots(num_cpus=2, num_gpus=0, **wanted)
