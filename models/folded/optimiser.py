"""Update rules over folds: parameters [G, ...] are updated elementwise, so one step updates all folds' models at once.

What is not elementwise, the norm by which a gradient is clipped, is taken for each fold by itself.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from models.folded.torch_doors import row_norms


class FoldedOptimiser:
    """torch.optim's update of stacked parameters, after clipping each fold's gradient by its own norm."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        rule: Literal["sgd", "rmsprop", "adam", "adamw"],
        *,
        weight_decay: float,
        clip: float,
    ) -> None:
        """Make the optimiser; the learning rate is given at each step.

        Args:
            parameters: Tensors [G, ...].
            rule: rmsprop has a decay of 0.9; adamw alone decays weights.
            weight_decay: adamw's decay, times the learning rate a step.
            clip: Largest norm of a fold's gradient; 0 leaves it as it is.
        """
        self._parameters = list(parameters)
        self._clip = clip
        match rule:
            case "sgd":
                self._rule: torch.optim.Optimizer = torch.optim.SGD(self._parameters, lr=1.0, fused=True)
            case "rmsprop":
                self._rule = torch.optim.RMSprop(self._parameters, lr=1.0, alpha=0.9, foreach=True)
            case "adam":
                self._rule = torch.optim.Adam(self._parameters, lr=1.0, fused=True)
            case "adamw":
                self._rule = torch.optim.AdamW(self._parameters, lr=1.0, weight_decay=weight_decay, fused=True)

    def step(self, loss: Tensor, lr: float) -> None:
        """Back-propagate each fold's loss [G] and update its model at learning rate ``lr``."""
        for parameter in self._parameters:
            parameter.grad = None
        torch.autograd.backward(loss.sum())
        if self._clip > 0.0:
            self._clip_gradients()
        for group in self._rule.param_groups:
            group["lr"] = lr
        self._rule.step()

    def state(self) -> dict[str, Any]:
        """Give the running averages and step counts."""
        return self._rule.state_dict()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take up a state of the same rule and parameters."""
        self._rule.load_state_dict(dict(state))

    @torch.no_grad()
    def _clip_gradients(self) -> None:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        norms = torch.stack([row_norms(gradient.flatten(1)) for gradient in gradients], dim=1)
        scale = (self._clip / (row_norms(norms) + 1e-6)).clamp_max_(1.0)
        for gradient in gradients:
            gradient.mul_(scale.view(-1, *[1] * (gradient.dim() - 1)))
