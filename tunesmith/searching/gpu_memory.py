"""The share of a GPU that a search's trials need, measured once on each kind of GPU and then cached."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.node_software import this_environment
from cluster.nodes import Node, on_each
from cluster.resources import share_of_gpu
from data_prep.errors import BadInputError
from data_prep.prepared.corpus import Prepared
from data_prep.storage.cache import write
from models.family import Family
from models.training.memory import PeakMemory, peak_memory
from search.spec.file import SearchSpec
from search.spec.largest import largest_setting
from search.study.database import folder
from tunesmith.console import err

_SECONDS = 600.0


def gpu_peaks(
    spec: SearchSpec,
    family: Family[Any, Any],
    prepared: Prepared,
    nodes: Sequence[Node],
    home: Path,
    progress: Callable[[str], None],
) -> dict[Node, PeakMemory | BadInputError]:
    """Measure the memory of the largest setting of a search on one node of each kind of GPU, unless it is cached.

    Args:
        spec: The search.
        family: The search's family.
        prepared: The search's data.
        nodes: The nodes of the connected cluster.
        home: The home folder; results are cached in the search's folder there.
        progress: Called with a description of each measurement.

    Returns:
        The memory of an epoch, or why it could not be measured, by the first node of each kind.
    """
    kinds: dict[str, Node] = {}
    for node in nodes:
        if node.gpus >= 1:
            kinds.setdefault(node.gpu_kind, node)
    values = largest_setting(spec.space)
    peaks: dict[Node, PeakMemory | BadInputError] = {}
    for kind, node in kinds.items():
        path = folder(home, spec.name) / f"memory-{_fingerprint(spec, values, prepared, kind)}.json"
        peak: PeakMemory | BadInputError | None = _read(path)
        if peak is None:
            progress(f"measuring the memory of the largest setting on {node}")
            setting = family.spec_type.from_values(values, "the largest setting")
            arguments = (family, setting, prepared.data, "cuda")
            peak = on_each(peak_memory, [node], *arguments, seconds=_SECONDS, gpus=1.0)[node]
            if isinstance(peak, PeakMemory):
                write(path, json.dumps(asdict(peak)).encode())
        peaks[node] = peak
    return peaks


def needed_share(peaks: Mapping[Node, PeakMemory | BadInputError]) -> float | None:
    """Return the smallest share of a GPU that is enough for every trial on every kind of GPU; None if unknown."""
    known = [peak for peak in peaks.values() if isinstance(peak, PeakMemory)]
    if not known or len(known) < len(peaks):
        return None
    return max(share_of_gpu(peak.tensors, peak.total, context=peak.context) for peak in known)


def measured_share(
    spec: SearchSpec, family: Family[Any, Any], prepared: Prepared, nodes: Sequence[Node], home: Path
) -> float | None:
    """Measure memory at a search's start, print problems, and return :func:`needed_share`."""
    with err.status("looking for GPUs ...") as status:
        peaks = gpu_peaks(spec, family, prepared, nodes, home, lambda text: status.update(f"{text} ..."))
    for node, peak in peaks.items():
        if isinstance(peak, BadInputError):
            err.print(f"the largest setting's memory could not be measured: {peak.problem}", markup=False)
        elif not peak.fits:
            err.print(f"the largest setting needs more memory than a GPU of {node} has: such trials fail", markup=False)
    return needed_share(peaks)


def _fingerprint(spec: SearchSpec, values: dict[str, Any], prepared: Prepared, kind: str) -> str:
    here = this_environment()
    parts = [spec.family, sorted(values.items()), prepared.fingerprint, kind, here.torch, here.code["models"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _read(path: Path) -> PeakMemory | None:
    try:
        return PeakMemory(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # missing or damaged, so measure it again
