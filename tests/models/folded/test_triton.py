"""Triton's kernels without a GPU: interpreted they agree with the reference, and compiled they fit into each GPU."""

import json
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch

from models.folded.arguments import GATES
from models.folded.triton.availability import disagreement, machine_obstacle, obstacle
from models.folded.triton.sizes import fits

ROOT = Path(__file__).parents[3]
CELLS = tuple(GATES)
CPU = torch.device("cpu")


def interpreted(code_or_script: list[str], text: str = "") -> str:
    """Return what a Python process prints in which Triton interprets kernels."""
    environment = os.environ | {"TRITON_INTERPRET": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, *code_or_script]
    return subprocess.run(command, env=environment, input=text, capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_interpreted_kernels_agree_with_the_reference() -> None:
    pytest.importorskip("triton")
    cases = [
        {"cell": cell, "size": size, "steps": steps, "batch": batch, "with_state": with_state}
        for cell in CELLS
        for size, steps, batch, with_state in [
            (1, 1, 1, False),
            (7, 6, 5, True),
            (16, 3, 17, False),
            (33, 2, 33, True),
            (130 if cell == "rnn" else 70, 2, 3, True),  # tiles of units, and weights that are read in every step
        ]
    ]
    script = str(Path(__file__).with_name("interpreted_kernels.py"))
    results = json.loads(interpreted([script], json.dumps(cases)))
    assert {str(case): found for case, found in zip(cases, results, strict=True) if not found[0] < 3e-5} == {}


@pytest.mark.slow
def test_kernels_that_compute_something_else_are_refused() -> None:
    pytest.importorskip("triton")
    code = (
        "import torch\n"
        "from models.folded.triton import lstm\n"
        "from models.folded.triton.availability import disagreement\n"
        "right = disagreement('lstm', 8, torch.device('cpu'))\n"
        "split, lstm.split = lstm.split, lambda *given: split(*given).roll(1, 1)\n"  # gates in another order
        "print(right, disagreement('lstm', 9, torch.device('cpu')))\n"
    )
    pattern = r"None Triton's lstm kernel of 9 units differs from the reference: .* by .* of its maximum\n"
    assert re.fullmatch(pattern, interpreted(["-c", code]))


def test_kernels_that_raise_are_refused() -> None:
    pytest.importorskip("triton")
    found = disagreement("gru", 8, CPU)  # compiled kernels cannot run on a CPU
    assert found is not None
    assert found.startswith("Triton's gru kernel of 8 units raised ")
    assert "\n" not in found


def test_only_float32_of_limited_size_has_kernels() -> None:
    largest = {"rnn": 1024, "gru": 591, "lstm": 512, "peephole": 512}
    for cell, size in largest.items():
        assert fits(cell, 1, torch.float32)
        assert fits(cell, size, torch.float32)
        assert not fits(cell, size + 1, torch.float32)
        assert not fits(cell, 16, torch.float64)
        assert not fits(cell, 16, torch.bfloat16)


def test_a_cpu_has_no_kernels_and_triton_is_not_imported() -> None:
    assert obstacle("lstm", 16, torch.float32, CPU) == "Triton's kernels are for NVIDIA GPUs"
    code = (
        "import sys, torch\n"
        "from models.folded.triton.availability import obstacle\n"
        "print(obstacle('lstm', 8, torch.float32, torch.device('cuda')), 'triton' in sys.modules)"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed == "torch finds no CUDA device False\n"


def test_old_gpus_and_large_layers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    device = torch.device("cuda")
    capability = (7, 5)

    def get_capability(_: torch.device) -> tuple[int, int]:
        return capability

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", get_capability)
    machine_obstacle.cache_clear()
    found = machine_obstacle(device)
    assert found == "the GPU has compute capability 7.5, and Triton's kernels need 8.0"
    machine_obstacle.cache_clear()
    capability = (9, 0)
    if machine_obstacle(device) is None:
        refused = obstacle("rnn", 8, torch.float64, device)
        assert refused is not None
        assert refused.endswith("4 MiB of a fold's recurrent weights, not for torch.float64 and rnn of size 8")
    else:
        assert machine_obstacle(device) == "the package triton is not installed"
    machine_obstacle.cache_clear()


@pytest.mark.parametrize(("steps", "batch"), [(0, 3), (3, 0), (0, 0)])
@pytest.mark.parametrize("cell", CELLS)
def test_no_steps_and_no_sequences_work(cell: str, steps: int, batch: int) -> None:
    pytest.importorskip("triton")
    from models.folded.triton.gru import gru
    from models.folded.triton.lstm import lstm
    from models.folded.triton.rnn import rnn

    def leaf(*shape: int) -> torch.Tensor:
        return torch.randn(shape, requires_grad=True)

    gates = GATES[cell]
    pre, recurrent, h, c = leaf(2, steps, batch, gates * 5), leaf(2, gates * 5, 5), leaf(2, batch, 5), leaf(2, batch, 5)
    after: tuple[torch.Tensor, ...]
    if cell in {"lstm", "peephole"}:
        hidden, after = lstm(pre, recurrent, leaf(2, 3, 5) if cell == "peephole" else None, (h, c))
    else:
        hidden, last = rnn(pre, recurrent, h) if cell == "rnn" else gru(pre, recurrent, leaf(2, 5), h)
        after = (last,)
    initial = (h, c)[: len(after)]
    assert hidden.shape == (2, steps, batch, 5)
    assert all(map(torch.equal, after, initial))  # without steps the state stays, and without sequences it is empty
    loss = hidden.sum() + torch.cat([part.sum().reshape(1) for part in after]).sum()
    drecurrent, *dinitial = torch.autograd.grad(loss, [recurrent, *initial])
    assert torch.equal(drecurrent, torch.zeros_like(recurrent))
    assert all(torch.equal(gradient, torch.ones_like(gradient)) for gradient in dinitial)


SHARED_BYTES = {80: 166_912, 86: 101_376, 90: 232_448}
"""Shared memory of a program by compute capability, from the CUDA programming guide."""


def compiled(kernel: Any, num_gates: int, size: int, capability: int, **constants: bool) -> Any:
    """Return a kernel as it would be compiled at its first launch with a size."""
    compiler: Any = import_module("triton.compiler")
    target = import_module("triton.backends.compiler").GPUTarget("cuda", capability, 32)

    from models.folded.triton.tiles import options

    chosen = options(num_gates, size) | constants
    types = {"weights": "*bf16", "num_steps": "i32", "batch": "i32", "size": "i32"}
    if size == 1:  # a launch makes it a constant
        chosen["size"], types["size"] = 1, "constexpr"
    signature = {
        part.name: "constexpr" if part.is_constexpr else types.get(part.name, "*fp32") for part in kernel.params
    }
    aligned = [part for part in kernel.params if signature[part.name].startswith("*")]
    aligned += [part for part in kernel.params if part.name == "size" and size % 16 == 0]
    source = compiler.ASTSource(
        kernel,
        signature,
        {name: value for name, value in chosen.items() if name in signature},
        {(part.num,): [["tt.divisibility", 16]] for part in aligned},
    )
    rest = {name: value for name, value in chosen.items() if name not in signature}
    return compiler.compile(source, target=target, options=rest)


def resources(binary: Any, folder: Path) -> dict[str, int]:
    """Return registers (REG) and bytes of the stack (STACK) of each thread of a compiled kernel."""
    cubin = folder / "kernel.cubin"
    cubin.write_bytes(binary.asm["cubin"])
    tool = Path(str(import_module("triton").__file__)).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    printed = subprocess.run([tool, "--dump-resource-usage", cubin], capture_output=True, text=True, check=True).stdout
    return {name: int(number) for name, number in re.findall(r"\b(REG|STACK):(\d+)", printed)}


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["forward", "backward"])
@pytest.mark.parametrize("module", ["rnn", "gru", "lstm"])
@pytest.mark.parametrize(("capability", "sizes"), [(80, (1, 15, 63, 127)), (86, (63, 127)), (90, (63, 128))])
def test_compiled_kernels_fit_into_a_multiprocessor(
    module: str,
    direction: str,
    capability: int,
    sizes: tuple[int, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("triton")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    cell = pytest.importorskip(f"models.folded.triton.{module}")
    for size in sizes:
        constants = {"peepholes": True} if module == "lstm" else {}
        binary = compiled(getattr(cell, direction), GATES[module], size, capability, **constants)
        used = resources(binary, tmp_path)
        assert used["STACK"] == 0, f"{size} units spill registers"
        assert used["REG"] * 32 * binary.metadata.num_warps <= 2**16, f"{size} units need too many registers"
        assert binary.metadata.shared <= SHARED_BYTES[capability], f"{size} units need too much shared memory"


def test_the_benchmark_ends_without_a_gpu(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "gpu.py"), "--out", str(tmp_path / "gpu.json")]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    printed = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert printed.startswith("no GPU here")
    assert not list(tmp_path.iterdir())
