"""The number of trials that fit, compared with tables and with a simulation."""

from collections.abc import Sequence
from itertools import combinations_with_replacement
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.nodes import Node
from cluster.resources import SlotPlan, num_fitting, part_of, plan_slots, share_of_gpu
from data_prep.errors import BadInputError
from models.training.device import GPU_CONTEXT, part_for_tensors


def node(cpus: float, gpus: float, number: int = 1) -> Node:
    return Node("", f"10.0.0.{number}", cpus, gpus)


def sizes(*pairs: tuple[float, float]) -> list[Node]:
    return [node(cpus, gpus, number) for number, (cpus, gpus) in enumerate(pairs, 1)]


def placed(nodes: Sequence[Node], cpus: int, parts: int) -> int:
    """Place trials one by one, each on the first node with enough free CPUs and GPUs (in ten-thousandths)."""
    count = 0
    for node in nodes:
        left, on_gpus = node.cpus, [10_000] * int(node.gpus)
        while left >= cpus:
            if parts <= 10_000:
                free = [gpu for gpu, rest in enumerate(on_gpus) if rest >= parts]
                if parts and not free:
                    break
                if parts:
                    on_gpus[free[0]] -= parts
            else:
                whole = [gpu for gpu, rest in enumerate(on_gpus) if rest == 10_000]
                if len(whole) * 10_000 < parts:
                    break
                for gpu in whole[: parts // 10_000]:
                    on_gpus[gpu] = 0
            left -= cpus
            count += 1
    return count


NODES = st.lists(st.builds(node, st.integers(0, 12), st.integers(0, 4)), min_size=1, max_size=4)


@given(NODES, st.integers(1, 4), st.one_of(st.integers(1, 10_000), st.integers(1, 5).map(lambda n: n * 10_000)))
def test_num_fitting_equals_placing_trials_one_by_one(nodes: list[Node], cpus: int, parts: int) -> None:
    assert num_fitting(nodes, cpus, parts / 10_000) == placed(nodes, cpus, parts)
    assert num_fitting(nodes, cpus, 0) == placed(nodes, cpus, 0)


@given(NODES, st.integers(0, 40), st.integers(1, 4), st.none() | st.floats(0.02, 1.0), st.booleans())
def test_planned_slots_fit(nodes: list[Node], slots: int, cpus: int, share: float | None, may_grow: bool) -> None:
    try:
        plan = plan_slots(nodes, slots=slots, cpus=cpus, share=share, may_grow=may_grow)
    except BadInputError:
        parts = [10_000 // k for k in range(1, max(4, slots) + 1)]
        if share:
            parts = [part for part in parts if part >= round(share * 10_000)] or [10_000]
        has_gpu = any(node.gpus for node in nodes)
        most = max(placed(nodes, cpus, part if has_gpu else 0) for part in parts)
        assert most < max(slots, 1)
        return
    assert plan.cpus == cpus
    assert plan.count == 1 or placed(nodes, cpus, round(plan.gpus * 10_000)) >= plan.count
    assert may_grow or (slots in {0, plan.count} and placed(nodes, cpus, round(plan.gpus * 10_000)) >= plan.count)
    assert (plan.gpus > 0) == any(node.gpus for node in nodes)
    if plan.gpus and share:
        assert plan.gpus >= share - 1e-4 or plan.gpus == 1


@given(NODES, st.integers(1, 4))
def test_auto_runs_the_maximum_number_of_trials_with_the_largest_share_that_allows_it(
    nodes: list[Node], cpus: int
) -> None:
    best = max(placed(nodes, cpus, 10_000 // k) for k in range(1, 5)) if any(node.gpus for node in nodes) else 0
    if best:
        plan = plan_slots(nodes, cpus=cpus)
        assert plan.count == best
        larger = [k for k in range(1, 5) if 10_000 // k > round(plan.gpus * 10_000)]
        assert all(placed(nodes, cpus, 10_000 // k) < best for k in larger)


@pytest.mark.parametrize(
    ("nodes", "wanted", "plan"),
    [
        (sizes((2, 0)), {}, SlotPlan(2, 1, 0.0)),
        (sizes((8, 0)), {"cpus": 4}, SlotPlan(2, 4, 0.0)),
        (sizes((16, 1)), {}, SlotPlan(4, 1, 0.25)),
        (sizes((16, 2)), {}, SlotPlan(8, 1, 0.25)),
        (sizes((3, 1)), {}, SlotPlan(3, 1, 0.3333)),
        (sizes((2, 4)), {}, SlotPlan(2, 1, 1.0)),
        (sizes((16, 1)), {"gpus": 0.1}, SlotPlan(10, 1, 0.1)),
        (sizes((16, 1)), {"gpus": 1 / 3}, SlotPlan(3, 1, 0.3333)),  # Ray takes four decimals
        (sizes((16, 1)), {"gpus": 0}, SlotPlan(16, 1, 0)),
        (sizes((16, 1)), {"slots": 3, "gpus": 0.25}, SlotPlan(3, 1, 0.25)),
        (sizes((16, 1)), {"slots": 6}, SlotPlan(6, 1, 0.1666)),
        # a fraction never spans two GPUs: 3 of 0.3 on each of 4, not 13 on all
        (sizes((32, 4)), {"gpus": 0.3}, SlotPlan(12, 1, 0.3)),
        (sizes((32, 4)), {"gpus": 0.6}, SlotPlan(4, 1, 0.6)),
        # a trial never spans two nodes: 3 CPUs and 3 CPUs hold no three trials of 2
        (sizes((3, 0), (3, 0)), {"cpus": 2}, SlotPlan(2, 2, 0.0)),
        (sizes((8, 3), (8, 3)), {"gpus": 2}, SlotPlan(2, 1, 2)),
        # a head without CPUs, GPU nodes of two sizes, and a node without GPUs, where trials with a GPU do not fit
        (sizes((0, 0), (8, 1), (16, 8), (64, 0)), {}, SlotPlan(20, 1, 0.25)),
        (sizes((64, 0), (8, 1)), {"gpus": 0}, SlotPlan(72, 1, 0)),
        (sizes((0, 0), (4, 0), (4, 0)), {}, SlotPlan(8, 1, 0.0)),
        # measured: as many as fit, at most 8, and no more than there are CPUs
        (sizes((16, 1)), {"share": 0.5}, SlotPlan(2, 1, 0.5)),
        (sizes((16, 1)), {"share": 0.125}, SlotPlan(8, 1, 0.125)),
        (sizes((3, 1)), {"share": 0.125}, SlotPlan(3, 1, 0.3333)),
        (sizes((16, 2)), {"share": 1.0}, SlotPlan(2, 1, 1.0)),
        (sizes((16, 1)), {"share": 0.125, "slots": 2}, SlotPlan(2, 1, 0.5)),
        # where nodes may join, more may be wanted than fit
        (sizes((8, 1)), {"slots": 64, "may_grow": True}, SlotPlan(4, 1, 0.25)),
        (sizes((2, 0)), {"slots": 64, "may_grow": True}, SlotPlan(2, 1, 0.0)),
        (sizes((0, 0)), {"slots": 8, "may_grow": True}, SlotPlan(1, 1, 0.0)),
        (sizes((4, 0)), {"slots": 8, "gpus": 1, "may_grow": True}, SlotPlan(1, 1, 1)),
    ],
)
def test_examples(nodes: list[Node], wanted: dict[str, Any], plan: SlotPlan) -> None:
    assert plan_slots(nodes, **wanted) == plan


@pytest.mark.parametrize(
    ("nodes", "wanted", "message"),
    [
        (
            sizes((2, 0)),
            {"slots": 3},
            "the slots must fit on the nodes: 3 of 1 CPU and 0 GPUs on 2 CPUs and 0 GPUs, where 2 fit (resources)",
        ),
        (
            sizes((2, 0)),
            {"cpus": 4},
            (
                "a trial must fit on one node: it has 4 CPUs and 0 GPUs, and 10.0.0.1 has 2 CPUs and 0 GPUs; "
                "lower resources.cpus to 2"
            ),
        ),
        (
            sizes((16, 2), (8, 2), (64, 0)),
            {"gpus": 4},
            (
                "a trial must fit on one node: it has 1 CPU and 4 GPUs, and the largest node, 10.0.0.1, has 16 CPUs "
                "and 2 GPUs; lower resources.gpus to 2"
            ),
        ),
        (sizes((16, 2)), {"gpus": 4, "slots": 8, "may_grow": True}, "a trial must fit on one node: it has 1 CPU and 4"),
        (sizes((16, 0)), {"gpus": 0.5}, "and 10.0.0.1 has 16 CPUs and 0 GPUs; lower resources.gpus to 0"),
        (
            sizes((16, 0)),
            {"gpus": 1, "may_grow": True},
            "lower resources.gpus to 0; or set the number of slots, and the search waits for nodes to join",
        ),
        (sizes((16, 2)), {"gpus": 1.5}, "a trial gets whole GPUs, or a share of one from 0.0001 to 1: got 1.5"),
        (sizes((16, 2)), {"gpus": 0.00001}, "a trial gets whole GPUs, or a share of one from 0.0001 to 1: got 1e-05"),
        ([], {}, "a search needs a node to run on: the cluster has none"),
    ],
)
def test_trials_that_do_not_fit_are_rejected(nodes: list[Node], wanted: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInputError) as caught:
        plan_slots(nodes, **wanted)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


GIB = 2**30


@pytest.mark.parametrize(
    ("peak", "total", "context", "trials"),
    [
        (1, 80, 0, 8),  # 36 would fit; at most 8 share a GPU
        (20, 80, 0, 3),  # 24 and 1 each
        (20, 80, 3, 2),  # CUDA itself takes 3
        (10, 16, 0, 1),
        (79, 80, 0, 1),  # nothing to spare
        (200, 80, 0, 1),
    ],
)
def test_memory_limits_the_number_of_trials_per_gpu(peak: int, total: int, context: int, trials: int) -> None:
    assert share_of_gpu(peak * GIB, total * GIB, context=context * GIB) == part_of(trials)


@given(st.integers(1, 200 * GIB), st.integers(8 * GIB, 200 * GIB), st.integers(0, 2 * GIB))
def test_a_trial_may_use_more_memory_than_the_largest_setting_took(peak: int, total: int, context: int) -> None:
    share = share_of_gpu(peak, total, context=context)
    trials = int(1 / share)
    if trials > 1:
        assert part_for_tensors(share, total) * total > 1.15 * peak
        assert trials * (part_for_tensors(share, total) * total + GPU_CONTEXT) <= total * (1 + 1e-9) or share < 0.5


def test_shares_of_a_gpu_are_rounded_so_that_all_trials_fit() -> None:
    for trials, cpus in combinations_with_replacement(range(1, 64), 2):
        assert num_fitting([node(cpus, 1)], 1, part_of(trials)) >= min(trials, cpus)


@pytest.mark.parametrize(
    ("gpus", "trials"), [(0.0, 1), (0.1, 10), (0.25, 4), (0.3333, 3), (0.6, 1), (1.0, 1), (2.0, 1)]
)
def test_trials_on_a_gpu(gpus: float, trials: int) -> None:
    assert SlotPlan(1, 1, gpus).per_gpu == trials
