"""The operations of the native backend.

Symbols: G folds, T steps, B sequences of a fold, M rows, K inputs, H units, V tokens, n gates of a cell.
"""

from functools import partial
from typing import Any, ClassVar, cast, get_args

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.arguments import GATES, Cell, CellWeights, LayerState, Pointer, Reversal
from models.folded.native import build
from models.folded.native.library import CROSS_ENTROPY, LINEAR, Library
from models.folded.native.recurrence import run_layer
from models.folded.reference.backend import Reference
from models.folded.torch_typing import Function


class Native(Reference):
    """C++ kernels on the CPU, for float32 and float64."""

    name: ClassVar[str] = "native"

    def __init__(self, library: Library, version: str) -> None:
        """Use a library.

        Args:
            library: The compiled kernels.
            version: Its instruction set and compiler.
        """
        self._library = library
        self._version = version

    @property
    def version(self) -> str:
        """The instruction set and the compiler."""
        return self._version

    def recurrence(
        self, cell: CellWeights, pre: Tensor, state: LayerState | None, turn: Reversal | None
    ) -> tuple[Tensor, LayerState]:
        """Run a layer on pre-activations; see ``Reference.recurrence``."""
        return run_layer(self._library, cell, pre, None, state, turn)

    def dense_recurrence(
        self,
        cell: CellWeights,
        x: Tensor,
        weight: Tensor,
        bias: Tensor,
        state: LayerState | None,
        turn: Reversal | None,
    ) -> tuple[Tensor, LayerState]:
        """Run a layer on dense inputs; see ``Reference.dense_recurrence``."""
        return run_layer(self._library, cell, x, (weight, bias), state, turn)

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Apply a dense layer; see :func:`models.folded.reference.dense.linear`."""
        return cast("Tensor", _Linear.apply(self._library, x, weight, bias))

    def linear_cross_entropy(
        self, hidden: Tensor, weight: Tensor, bias: Tensor, target: Tensor, share: Tensor, pointer: Pointer | None
    ) -> tuple[Tensor, Tensor]:
        """Return losses; see :func:`models.folded.cross_entropy.linear_cross_entropy`."""
        mixed = (None, None, 0.0) if pointer is None else (pointer.log_weight, pointer.probability, pointer.own_loss)
        loss = _CrossEntropy.apply(self._library, hidden, weight, bias, target, share, *mixed)
        return cast("tuple[Tensor, Tensor]", loss)

    def token_log_probabilities(self, hidden: Tensor, weight: Tensor, bias: Tensor, tokens: Tensor) -> Tensor:
        """Return log probabilities; see :func:`models.folded.cross_entropy.token_log_probabilities`."""
        log_p = hidden.new_empty(tokens.shape)
        arguments = {"hidden": hidden, "weight": weight, "bias": bias, "target": tokens}
        self._library.call(
            "log_probabilities",
            hidden.dtype,
            CROSS_ENTROPY,
            {name: tensor.detach().contiguous() for name, tensor in arguments.items()}
            | _sizes(hidden, weight)
            | {"asked": tokens.shape[2], "log_p": log_p},
        )
        return log_p


def load() -> "Native | str":
    """Return the backend, compiled first if need be, or the reason why it is not available."""
    try:
        target = build.find_target()
        library = Library(build.built_library(target))
    except build.BuildError as error:
        return str(error)
    except OSError as error:
        return f"the compiled kernels cannot be loaded ({error})"
    native = Native(library, f"{target.instructions}, {target.version}")
    with torch.inference_mode(False), torch.enable_grad():
        return _difference(native) or native


_SELF_TEST_TOLERANCE = 1e-5
"""Largest difference from the reference, in float32, of values of the order of 1."""


def _difference(native: Native) -> str | None:
    """Compare a small layer of each cell, forwards and backwards, with the reference; return a difference."""
    source = torch.Generator().manual_seed(0)
    for cell in get_args(Cell):
        gates = GATES[cell]
        own_cell = cell in {"lstm", "peephole"}
        x, weight, bias, recurrent, own, h0, c0 = (
            torch.randn(2, *shape, generator=source).mul_(0.5).requires_grad_()
            for shape in ((3, 5, 7), (gates * 9, 7), (gates * 9,), (gates * 9, 9), (3, 9), (5, 9), (5, 9))
        )
        weights = CellWeights(
            cell, recurrent, own[:, 0] if cell == "gru" else None, own if cell == "peephole" else None
        )
        results: list[list[Tensor]] = []
        for backend in (native, Reference()):
            hidden, _ = backend.dense_recurrence(weights, x, weight, bias, (h0, c0) if own_cell else (h0,), None)
            inputs = (x, weight, bias, recurrent, h0)
            results.append([hidden, *torch.autograd.grad(hidden.sum(), inputs)])
        for ours, theirs in zip(*results, strict=True):
            if not torch.allclose(ours, theirs, rtol=_SELF_TEST_TOLERANCE, atol=_SELF_TEST_TOLERANCE):
                return f"its {cell} differs from the reference by {float((ours - theirs).abs().max()):.2g}"
    return None


class _Linear(Function):
    @staticmethod
    def forward(ctx: Any, library: Library, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        (num_folds, num_rows, inputs), outputs = x.shape, weight.shape[1]
        sizes = {"folds": num_folds, "rows": num_rows, "inputs": inputs, "outputs": outputs}
        x, weight = x.contiguous(), weight.contiguous()
        y = x.new_empty(num_folds, num_rows, outputs)
        ctx.call = partial(library.call, dtype=x.dtype, fields=LINEAR)
        ctx.sizes = sizes
        arguments = {"x": x, "weight": weight, "bias": bias.contiguous(), "y": y}
        ctx.call("linear_forward", arguments=sizes | arguments)
        ctx.save_for_backward(x, weight)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        dx = torch.empty_like(x) if ctx.needs_input_grad[1] else None
        dweight, dbias = torch.empty_like(weight), weight.new_empty(weight.shape[:2])
        arguments = {"x": x, "weight": weight, "dy": dy.contiguous(), "dx": dx, "dweight": dweight, "dbias": dbias}
        ctx.call("linear_backward", arguments=ctx.sizes | arguments)
        return None, dx, dweight, dbias


class _CrossEntropy(Function):
    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917  (autograd takes tensors one by one)
        ctx: Any,
        library: Library,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor,
        target: Tensor,
        share: Tensor,
        log_weight: Tensor | None,
        probability: Tensor | None,
        own_loss: float,
    ) -> tuple[Tensor, Tensor]:
        inputs = {"hidden": hidden, "weight": weight, "bias": bias, "target": target, "share": share}
        if log_weight is not None and probability is not None:
            inputs |= {"log_weight": log_weight, "probability": probability}
        arguments = {name: tensor.detach().contiguous() for name, tensor in inputs.items()}
        names = [name for name in ("hidden", "weight", "bias", "log_weight", "probability") if name in arguments]
        gradients = {f"d{name}": torch.empty_like(arguments[name]) for name in names}
        nats, own = hidden.new_empty((2, len(hidden)))
        results = {"nats": nats, "own": own, "own_loss": hidden.new_tensor(own_loss)}
        library.call(
            "cross_entropy",
            hidden.dtype,
            CROSS_ENTROPY,
            {**arguments, **gradients, **results, **_sizes(hidden, weight)},
        )
        ctx.save_for_backward(*gradients.values())
        ctx.mark_non_differentiable(nats)
        return nats + own_loss * own, nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dloss: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
        gradients = ctx.saved_tensors
        if not bool((dloss == 1.0).all()):
            gradients = [gradient * dloss.view(-1, *[1] * (gradient.dim() - 1)) for gradient in gradients]
        dhidden, dweight, dbias, *mixture = gradients
        return None, dhidden, dweight, dbias, None, None, *(mixture or (None, None)), None


def _sizes(hidden: Tensor, weight: Tensor) -> dict[str, int]:
    num_folds, num_rows, size = hidden.shape
    return {"folds": num_folds, "rows": num_rows, "size": size, "tokens": weight.shape[1]}
