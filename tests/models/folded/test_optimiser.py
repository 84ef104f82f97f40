from typing import Any, Literal

import pytest
import torch
from torch import nn

from models.folded.optimiser import FoldedOptimiser
from tests.models.closeness import assert_close

G = 3
Rule = Literal["sgd", "rmsprop", "adam", "adamw"]


def separate(rule: Rule, parameters: list[nn.Parameter], lr: float) -> torch.optim.Optimizer:
    made: dict[Rule, Any] = {
        "sgd": lambda: torch.optim.SGD(parameters, lr=lr),
        "rmsprop": lambda: torch.optim.RMSprop(parameters, lr=lr, alpha=0.9),
        "adam": lambda: torch.optim.Adam(parameters, lr=lr),
        "adamw": lambda: torch.optim.AdamW(parameters, lr=lr, weight_decay=0.1),
    }
    return made[rule]()


def stacked() -> list[nn.Parameter]:
    source = torch.Generator().manual_seed(1)
    return [nn.Parameter(torch.randn(G, *shape, generator=source, dtype=torch.float64)) for shape in ((4, 3), (5,))]


@pytest.mark.parametrize("clip", [0.0, 0.5])
@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "adamw"])
def test_updates_equal_torchs_optimisers_on_separate_models(rule: Rule, clip: float) -> None:
    together = stacked()
    folded = FoldedOptimiser(together, rule, weight_decay=0.1, clip=clip)
    folds = [[nn.Parameter(part.detach()[fold].clone()) for part in together] for fold in range(G)]
    rules = [separate(rule, parameters, 0.05) for parameters in folds]
    scale = torch.tensor([0.01, 1.0, 30.0]).double()  # one fold is clipped hard, one never
    for step in range(5):
        folded.step(sum(((part - step).square().flatten(1).sum(1) for part in together), torch.zeros(G)) * scale, 0.05)
        for fold, (parameters, optimiser) in enumerate(zip(folds, rules, strict=True)):
            optimiser.zero_grad()
            loss = torch.stack([(part - step).square().sum() for part in parameters]).sum()
            torch.autograd.backward(loss * scale[fold])
            if clip:
                nn.utils.clip_grad_norm_(parameters, clip)
            optimiser.step()
    for number, part in enumerate(together):
        for fold in range(G):
            assert_close(part[fold], folds[fold][number], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rule", ["sgd", "rmsprop", "adam", "adamw"])
def test_a_restored_state_continues_identically(rule: Rule) -> None:
    def run(folded: FoldedOptimiser, parameters: list[nn.Parameter], steps: range) -> None:
        for step in steps:
            folded.step(sum((part.cos().mul(step).flatten(1).sum(1) for part in parameters), torch.zeros(G)), 0.1)

    whole, halved = stacked(), stacked()
    first = FoldedOptimiser(whole, rule, weight_decay=0.1, clip=1.0)
    run(first, whole, range(6))
    second = FoldedOptimiser(halved, rule, weight_decay=0.1, clip=1.0)
    run(second, halved, range(3))
    third = FoldedOptimiser(halved, rule, weight_decay=0.1, clip=1.0)
    third.restore(second.state())
    run(third, halved, range(3, 6))
    for one, other in zip(whole, halved, strict=True):
        assert torch.equal(one, other)
