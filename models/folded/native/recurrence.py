"""Recurrent layers of the native backend.

Symbols: G folds, T steps, B sequences of a fold, K inputs, H units, n gates of a cell.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.folded.arguments import GATES, CellWeights, LayerState, Reversal
from models.folded.native.library import LAYER, Argument, Library
from models.folded.torch_typing import Function


def run_layer(
    library: Library,
    cell: CellWeights,
    x: Tensor,
    dense: tuple[Tensor, Tensor] | None,
    state: LayerState | None,
    turn: Reversal | None,
) -> tuple[Tensor, LayerState]:
    """Run a layer.

    Args:
        library: The compiled kernels.
        cell: The cell and its weights.
        x: [G, T, B, K] inputs, or without ``dense`` pre-activations [G, T, B, n * H], which are overwritten.
        dense: Weights [G, n * H, K] and biases [G, n * H].
        state: The state before the first step; None for zeros.
        turn: Reads the sequences from their ends; None for a forward layer.

    Returns:
        [G, T, B, H] hidden states in the order of time, and the state after the last step, which is undefined for
        reversed sequences.
    """
    kernel = "lstm" if cell.cell == "peephole" else cell.cell
    own = cell.recurrent_bias if kernel == "gru" else cell.peephole
    h0, c0 = (*(state or ()), None, None)[:2]
    weight, bias = dense or (None, None)
    tensors = (x, weight, bias, cell.recurrent, own, h0, c0)
    hidden, last = cast("tuple[Tensor, Tensor]", _Layer.apply(library, kernel, turn, *tensors))
    return hidden, (hidden[:, -1], last) if kernel == "lstm" else (hidden[:, -1],)


class _Layer(Function):
    @staticmethod
    def forward(  # noqa: PLR0913, PLR0917  (autograd takes tensors one by one)
        ctx: Any,
        library: Library,
        kernel: str,
        turn: Reversal | None,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        recurrent: Tensor,
        own: Tensor | None,
        h0: Tensor | None,
        c0: Tensor | None,
    ) -> tuple[Tensor, Tensor]:
        num_folds, num_steps, batch, inputs = x.shape
        size = recurrent.shape[2]
        hidden = x.new_empty(num_folds, num_steps, batch, size)
        arguments: dict[str, Argument] = {
            "recurrent": recurrent.contiguous(),
            "h0": None if h0 is None else h0.contiguous(),
            "hidden": hidden,
        }
        if weight is None or bias is None:
            arguments["gates"] = x.detach().contiguous()
        else:
            arguments |= {"x": x.contiguous(), "weight": weight.contiguous(), "bias": bias.contiguous()}
            arguments["gates"] = x.new_empty(num_folds, num_steps, batch, GATES[kernel] * size)
        if own is not None:
            arguments["recurrent_bias" if kernel == "gru" else "peephole"] = own.contiguous()
        if kernel == "lstm":
            arguments |= {"cells": torch.empty_like(hidden), "tanh_cells": torch.empty_like(hidden)}
            arguments["c0"] = None if c0 is None else c0.contiguous()
        elif kernel == "gru":
            arguments["products"] = torch.empty_like(hidden)
        ctx.sizes = {"folds": num_folds, "steps": num_steps, "batch": batch, "size": size}
        ctx.sizes["inputs"] = inputs if weight is not None else 0
        ctx.sizes["backwards"] = int(turn is not None)
        if turn is not None and turn.lengths is not None:
            arguments["lengths"] = turn.lengths
        library.call(f"{kernel}_forward", x.dtype, LAYER, ctx.sizes | arguments)
        ctx.library, ctx.kernel = library, kernel
        saved = {name: tensor for name, tensor in arguments.items() if isinstance(tensor, Tensor)}
        ctx.names = tuple(saved)
        ctx.save_for_backward(*saved.values())
        return hidden, saved["cells"][:, -1].clone() if kernel == "lstm" else hidden.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dhidden: Tensor, dcell: Tensor) -> tuple[Tensor | None, ...]:
        saved: dict[str, Tensor] = dict(zip(ctx.names, ctx.saved_tensors, strict=True))
        wanted = ("weight", "bias", "recurrent", "h0", "peephole", "recurrent_bias")
        gradients = {name: torch.empty_like(saved[name]) for name in wanted if name in saved}
        if "x" not in saved:
            gradients["pre"] = torch.empty_like(saved["gates"])
        elif ctx.needs_input_grad[3]:
            gradients["x"] = torch.empty_like(saved["x"])
        if ctx.kernel == "lstm":
            gradients["cell"] = dcell.clone(memory_format=torch.contiguous_format)
        results = {f"d{name}": gradient for name, gradient in gradients.items()}
        arguments = ctx.sizes | saved | results | {"dhidden": dhidden.contiguous()}
        ctx.library.call(f"{ctx.kernel}_backward", dhidden.dtype, LAYER, arguments)
        of = gradients.get
        own = of("recurrent_bias") if ctx.kernel == "gru" else of("peephole")
        dinputs = of("pre") if "x" not in saved else of("x")
        dc0 = of("cell") if "c0" in saved else None
        return None, None, None, dinputs, of("weight"), of("bias"), of("recurrent"), own, of("h0"), dc0
