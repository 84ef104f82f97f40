"""Checks of trials: the data, the objects that Ray sends to workers, and a short trial on each kind of node."""

# Ray is partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateImportUsage=false

from collections.abc import Iterator, Mapping
from pickle import PicklingError
from typing import Any, Final, cast

from cluster.nodes import Node, on_each
from data_prep.errors import BadInputError, one_line
from data_prep.wording import counted
from tunesmith.doctor.context import Context, alike
from tunesmith.doctor.finding import Finding, judged, refused
from tunesmith.figures import byte_size, duration, settings_line

_EPOCHS: Final = 2
"""Epochs of the trial on each kind of node: the first compiles and warms up, the second is timed."""

_TRIAL_S: Final = 900.0
"""Time limit for this trial (seconds)."""


def data(context: Context) -> Iterator[Finding]:
    """Read and prepare the data."""
    from data_prep.prepared.kinds import describe
    from tunesmith.searching.data import prepared_data

    context.prepared = prepared_data(context.spec)
    counts = describe(context.prepared)
    text = f"{context.spec.data.title}: {counted(counts.num_pieces, 'piece')}, {counted(counts.num_notes, 'note')}"
    yield Finding("data", "green", text)


def object_stores(context: Context) -> Iterator[Finding]:
    """Check that the data fits into each node's object store, where all trials share one copy."""
    if context.prepared is None or not context.working:
        return
    import ray
    from ray import cloudpickle

    needed = len(cast("bytes", cloudpickle.dumps(context.prepared.data, protocol=5)))
    nodes: list[dict[str, Any]] = ray.nodes()
    stores: dict[str, float] = {node["NodeID"]: node["Resources"].get("object_store_memory", 0.0) for node in nodes}

    def complaints(node: Node, store: float) -> Iterator[Finding]:
        if needed > store:
            text = f"the data ({byte_size(needed)}) exceeds Ray's object store ({byte_size(store)}) and is put on disk"
            yield Finding("data", "yellow", text, str(node), f"start its Ray with --object-store-memory={2 * needed}")

    def summary(sizes: list[float]) -> str:
        return f"{byte_size(needed)} fit into the object store ({byte_size(min(sizes))})"

    known = {node: stores.get(node.id, 0.0) for node in context.working}
    yield from judged("data", known, complaints, summary)


def pickling(context: Context) -> Iterator[Finding]:
    """Check that Ray can send the family, the search and the data to workers."""
    if context.prepared is not None:
        yield from pickled({"family": context.family, "search": context.spec, "data": context.prepared.data})


def pickled(parts: Mapping[str, Any]) -> Iterator[Finding]:
    """Pickle objects like Ray; yield a red finding for each failure, and a green one with the sizes of the others."""
    from ray import cloudpickle

    sizes: dict[str, int] = {}
    for name, part in parts.items():
        try:
            sizes[name] = len(cast("bytes", cloudpickle.dumps(part)))
        except (TypeError, ValueError, AttributeError, RecursionError, PicklingError) as error:
            text = f"the {name} cannot be sent to workers: {type(error).__name__}: {one_line(error)}"
            remedy = "remove open files, locks, lambdas and classes defined in functions from it"
            yield Finding("pickling", "red", text, remedy=remedy)
    if sizes:
        yield Finding("pickling", "green", ", ".join(f"{name} {byte_size(count)}" for name, count in sizes.items()))


def shared(data: Any) -> Any:
    """Put data into Ray's object store, from which all nodes read it."""
    import ray

    return ray.put(data)


def trial(context: Context) -> Iterator[Finding]:
    """Train the first setting of the search for a few epochs on one node of each kind."""
    from search.trials.short import ShortTrial, train_short
    from tunesmith.searching.dry_run import first_setting

    if context.prepared is None or context.slots is None:
        return
    values = {**first_setting(context.spec), "epochs": min(_EPOCHS, context.spec.budget.epochs)}
    short = ShortTrial(
        family=context.family,
        spec=context.family.spec_type.from_values(values, "the first setting"),
        seed=context.spec.data.seed,
        threads=context.slots.cpus,
        device="cuda" if context.slots.gpus else "cpu",
        backend=context.spec.resources.backend,
    )
    for node, *others in alike(context.working):
        context.progress(f"training {_EPOCHS} epochs on {node}")
        arguments = (short, shared(context.prepared.data))
        result = on_each(train_short, [node], *arguments, seconds=_TRIAL_S, gpus=context.slots.gpus)[node]
        where = f"{node} ({len(others) + 1} alike)" if others else str(node)
        if isinstance(result, BadInputError):
            remedy = "if it trains here (tunesmith trial), see Ray's logs, the GPU and other programs on that node"
            yield refused("trial", result, where=where, remedy=remedy)
        else:
            settings = settings_line(values, context.family.spec_type.defaults())
            pace = f"{duration(result[-1].seconds)} per epoch of all folds on {short.device}"
            yield Finding("trial", "green", f"{counted(len(result), 'epoch')} trained, {pace}: {settings}", where)
            yield _backend(result[-1].backend, where)


def _backend(choice: str, where: str) -> Finding:
    """Report the backend that trained; the reference, if the user did not choose it, is slow."""
    if choice.startswith("reference") and "chosen by" not in choice:
        remedy = "install a C++ compiler there (g++ or clang++); with GPUs, torch's build for CUDA, which has Triton"
        return Finding("backend", "yellow", f"trials are slower than they could be: {choice}", where, remedy)
    return Finding("backend", "green", choice, where)
