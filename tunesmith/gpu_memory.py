"""What part of a GPU a search's trials need: measured once on each kind of GPU, and kept."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cluster.environment import this_environment
from cluster.nodes import Node, on_each
from cluster.resources import share_of_gpu
from data_prep.cache import write
from data_prep.errors import BadInputError
from data_prep.prepared import Prepared
from models.family import Family
from models.memory import PeakMemory, peak_memory
from search.largest import largest_setting
from search.search_spec import SearchSpec
from search.study import folder
from tunesmith.console import err

_SECONDS = 600.0


def measured_share(
    spec: SearchSpec, family: Family[Any, Any], prepared: Prepared, nodes: Sequence[Node], home: Path
) -> float | None:
    """Train the largest setting of a search for an epoch on one node of each kind of GPU.

    Args:
        spec: The search.
        family: Its family.
        prepared: Its data.
        nodes: The nodes of the cluster that this program is connected to.
        home: The home folder; what was measured is kept in the search's.

    Returns:
        The least part of a GPU that holds every trial on every kind; None where there is no GPU, or where it could not
        be measured, which is told.
    """
    kinds = {node.gpu_kind: node for node in nodes if node.gpus >= 1}
    if not kinds:
        return None
    values = largest_setting(spec.space)
    shares: list[float] = []
    for kind, node in kinds.items():
        path = folder(home, spec.name) / f"memory-{_fingerprint(spec, values, prepared, kind)}.json"
        peak = _read(path)
        if peak is None:
            with err.status(f"measuring the memory of the largest setting on {node} ..."):
                setting = family.spec_type.from_values(values, "the largest setting")
                answer = on_each(
                    peak_memory, [node], family, setting, prepared.data, "cuda", seconds=_SECONDS, gpus=1.0
                )[node]
            if isinstance(answer, BadInputError):
                err.print(f"the largest setting's memory could not be measured: {answer}", markup=False)
                return None
            peak = answer
            write(path, json.dumps(asdict(peak)).encode())
        if not peak.fits:
            err.print(f"the largest setting needs more memory than a GPU of {node} has: such trials fail", markup=False)
        shares.append(share_of_gpu(peak.tensors, peak.total, context=peak.context))
    return max(shares)


def _fingerprint(spec: SearchSpec, values: dict[str, Any], prepared: Prepared, kind: str) -> str:
    here = this_environment()
    parts = [spec.family, sorted(values.items()), prepared.fingerprint, kind, here.torch, here.code["models"]]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]


def _read(path: Path) -> PeakMemory | None:
    try:
        return PeakMemory(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None  # not there, or damaged: it is made anew
