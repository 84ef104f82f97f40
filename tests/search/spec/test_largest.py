from collections.abc import Mapping
from typing import Any

import pytest
import torch

from data_prep.randomness import stream
from models.families import FAMILIES
from models.family import Family
from models.spec import Spec, Value, setting
from search.spec.file import load
from search.spec.largest import largest_setting
from search.spec.space import Space, make_space
from tests.models.toy_melodies import melodies_of, random_pieces
from tests.models.toy_performances import random_performances

AnyFamily = Family[Any, Any]

DATA: dict[str, Any] = {
    "melodies": melodies_of(random_pieces(24), [piece % 4 for piece in range(24)]),
    "performances": random_performances(),
}


def space_of(spec_type: type[Spec], entries: Mapping[str, object]) -> Space:
    return make_space(spec_type, entries, place=lambda name: name, written=frozenset())


class Random:
    """Suggests random values."""

    def __init__(self, seed: int) -> None:
        self._stream = stream(seed, "settings")

    def suggest_categorical(self, name: str, choices: tuple[Value, ...]) -> Any:
        return choices[int(self._stream.integers(len(choices)))]

    def suggest_int(self, name: str, low: int, high: int, *, step: int = 1, log: bool = False) -> int:
        return int(self._stream.integers((high - low) // step + 1)) * step + low

    def suggest_float(
        self, name: str, low: float, high: float, *, step: float | None = None, log: bool = False
    ) -> float:
        return float(self._stream.uniform(low, high))


class Saved:
    """Counts the bytes that autograd saves in a step, and keeps the maximum over all steps."""

    def __init__(self) -> None:
        self.most = 0
        self._kept: dict[int, int] = {}
        self._going_back = False

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        if self._going_back:
            self._going_back = False
            self._kept.clear()
        storage = tensor.untyped_storage()
        self._kept[storage.data_ptr()] = storage.nbytes()
        self.most = max(self.most, sum(self._kept.values()))
        return tensor

    def unpack(self, tensor: torch.Tensor) -> torch.Tensor:
        self._going_back = True
        return tensor


def memory_of(family: AnyFamily, values: Mapping[str, Value]) -> int:
    """Return the bytes of a step's saved tensors, and of each parameter's gradient and two moments."""
    data = DATA[family.data_kind]
    training = family.start(family.spec_type.from_values(values), data, seed=0, trial=0, device="cpu")
    saved = Saved()
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, saved.unpack):
        next(training.epochs())
    return saved.most + 3 * 4 * data.num_folds * training.num_parameters


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_no_point_of_a_default_search_takes_much_more_memory_than_the_largest(family: AnyFamily) -> None:
    space = load(family.name).space
    most = memory_of(family, largest_setting(space))
    others = [memory_of(family, space(Random(seed))) for seed in range(8)]
    assert max(others) < 1.2 * most
    assert min(others) < 0.5 * most


@pytest.mark.parametrize("family", FAMILIES.values(), ids=list(FAMILIES))
def test_a_memory_order_has_every_choice_once(family: AnyFamily) -> None:
    for each in family.spec_type.settings().values():
        values = each.choices if each.kind == "choice" else (False, True)
        if each.memory_order:
            assert each.kind in {"choice", "flag"}
            assert sorted(map(str, each.memory_order)) == sorted(map(str, values))
        assert each.kind == "integer" or not each.takes_memory


class NetSpec(Spec):
    deep: bool = setting(False, "many layers", memory_order=(False, True))
    layers: int = setting(2, "layers", low=1, high=9, when={"deep": (True,)})
    units: int = setting(8, "units", low=1, high=512)
    passes: int = setting(3, "passes", low=1, high=99, takes_memory=False)
    lr: float = setting(0.1, "step", low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("entries", "largest"),
    [
        ({}, {"deep": False, "units": 8, "passes": 3, "lr": 0.1}),
        (
            {"deep": [True, False], "layers": {"low": 1, "high": 8, "step": 3}, "units": [64, 16, 32]},
            {"deep": True, "layers": 7, "units": 64, "passes": 3, "lr": 0.1},
        ),
        (
            {"units": {"low": 4, "high": 9, "log": True}, "passes": {"low": 5, "high": 9}, "lr": [0.5, 0.7]},
            {"deep": False, "units": 9, "passes": 5, "lr": 0.5},
        ),
        ({"passes": [9, 3], "lr": {"low": 0.0, "high": 1.0}}, {"deep": False, "units": 8, "passes": 3, "lr": 0.1}),
    ],
)
def test_the_largest_setting_of_examples(entries: dict[str, object], largest: dict[str, Value]) -> None:
    values = largest_setting(space_of(NetSpec, entries))
    assert values == largest
    NetSpec.from_values(values)
