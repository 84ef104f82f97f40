"""Update rules over folds: parameters [G, ...] are updated elementwise, so one step updates all folds' models at once.

Only the norm for gradient clipping is not elementwise; it is computed for each fold. The rules are torch.optim's
functions: its classes import torch's compiler, which would add more than a second to the start of every worker.
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, Literal, cast

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.rmsprop import rmsprop
from torch.optim.sgd import sgd

from models.folded.torch_typing import row_norms

_AVERAGES: Final = {
    "sgd": (),
    "rmsprop": ("square_avg",),
    "adam": ("exp_avg", "exp_avg_sq"),
    "adamw": ("exp_avg", "exp_avg_sq"),
}
"""Torch's names of each rule's running averages."""

_SGD = partial(sgd, fused=True, weight_decay=0.0, momentum=0.0, dampening=0.0, nesterov=False, maximize=False)
_RMSPROP = partial(rmsprop, foreach=True, alpha=0.9, eps=1e-8, weight_decay=0.0, momentum=0.0, centered=False)
_ADAM = partial(
    adam, fused=True, beta1=0.9, beta2=0.999, eps=1e-8, decoupled_weight_decay=True, amsgrad=False, maximize=False
)


class FoldedOptimiser:
    """Updates stacked parameters by torch.optim's rules, after clipping each fold's gradient by its norm."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        rule: Literal["sgd", "rmsprop", "adam", "adamw"],
        *,
        weight_decay: float,
        clip: float,
    ) -> None:
        """Create the optimiser; the learning rate is an argument of each step.

        Args:
            parameters: Tensors [G, ...].
            rule: The update rule; rmsprop has a decay of 0.9, and only adamw decays weights.
            weight_decay: adamw's decay per step, multiplied by the learning rate.
            clip: Largest norm of a fold's gradient; 0 does not clip.
        """
        self._parameters = list(parameters)
        self._rule: Final = rule
        self._weight_decay = weight_decay if rule == "adamw" else 0.0
        self._clip = clip
        self._states: list[dict[str, Tensor]] = [{} for _ in self._parameters]

    def step(self, loss: Tensor, lr: float) -> None:
        """Back-propagate each fold's loss [G] and update its model at learning rate ``lr``.

        Parameters without a gradient, and their averages, are unchanged.
        """
        for parameter in self._parameters:
            parameter.grad = None
        torch.autograd.backward(loss.sum())
        with torch.no_grad():
            if self._clip > 0.0:
                self._clip_gradients()
            self._update(lr)

    def state(self) -> dict[str, Any]:
        """Return the running averages and step counts in torch.optim's format."""
        return {"state": {index: dict(state) for index, state in enumerate(self._states) if state}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Load a state of the same rule and parameters."""
        for index, saved in state["state"].items():
            device = cast("torch.device", self._parameters[index].device)
            self._states[index] = {name: value.to(device, copy=True) for name, value in saved.items()}

    def _update(self, lr: float) -> None:
        pairs = [pair for pair in zip(self._parameters, self._states, strict=True) if pair[0].grad is not None]
        if not pairs:
            return
        for parameter, state in pairs:
            if not state:
                state["step"] = torch.zeros((), device=parameter.device)
                state.update({name: torch.zeros_like(parameter) for name in _AVERAGES[self._rule]})
        parameters: list[Tensor] = [parameter for parameter, _ in pairs]
        gradients = [cast("Tensor", parameter.grad) for parameter in parameters]

        def states_of(name: str) -> list[Tensor]:
            return [state[name] for _, state in pairs]

        if self._rule == "sgd":
            _SGD(parameters, gradients, [None] * len(parameters), lr=lr)
        elif self._rule == "rmsprop":
            _RMSPROP(parameters, gradients, states_of("square_avg"), [], [], states_of("step"), lr=lr)
        else:
            averages = states_of("exp_avg"), states_of("exp_avg_sq")
            _ADAM(parameters, gradients, *averages, [], states_of("step"), lr=lr, weight_decay=self._weight_decay)

    def _clip_gradients(self) -> None:
        gradients = [parameter.grad for parameter in self._parameters if parameter.grad is not None]
        norms = torch.stack([row_norms(gradient.flatten(1)) for gradient in gradients], dim=1)
        scale = (self._clip / (row_norms(norms) + 1e-6)).clamp_max_(1.0)
        for gradient in gradients:
            gradient.mul_(scale.view(-1, *[1] * (gradient.dim() - 1)))
