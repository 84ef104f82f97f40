"""A trained model as an MLflow model that needs nothing of ours: code, weights, signature, requirements, README."""

# MLflow and pandas are partly untyped:
# pyright: reportPrivateImportUsage=false, reportUnknownMemberType=false, reportMissingTypeStubs=false

import json
import shutil
import sys
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from search.promotion.code import copy_code

if TYPE_CHECKING:
    from mlflow.models import ModelSignature

_REQUIREMENTS = ("mlflow", "torch", "numpy")
"""What a served model imports, beside the code that it carries; all else that it needs comes with these."""

_EXAMPLES: Mapping[str, list[dict[str, Any]]] = {
    "composer": [{"bars": 8, "key": "D", "metre": "4/4", "temperature": 0.9, "top_p": 0.95, "seed": 1}],
    "stylenet": [
        {"pitch": [60, 64, 67, 72], "onset": [0.0, 0.5, 1.0, 1.5], "duration": [0.5, 0.5, 0.5, 2.0]},
    ],
}
"""Rows that every model of a family can answer."""

_ASKED: Mapping[str, str] = {
    "composer": """One row is one tune: `bars`, `key` (D, Am, E dorian), `metre` (6/8), `temperature`, `top_p`, `top_k`
and `seed`, one of them at least; to go on from a beginning, `prompt_pitch` and `prompt_duration` (MIDI pitches, -1 for
a rest, and quarter notes). The answer has `pitch` and `duration`, `metre`, `key`, and the tune as `abc`.""",
    "stylenet": """One row is one piece: arrays `pitch` (MIDI), `onset` and `duration` (quarter notes, in 4/4), and if
they are known `seconds` (of the onsets, else 120 quarter notes a minute) and `style` (a style, or a mix as in
classical=0.3,jazz=0.7; else the first). The answer has `velocity`, not rounded, in the order of the notes. A note that
a piano has no key for gets 64.""",
}
"""What is asked of a model of a family, and what it answers."""


def package(family: str, model: Path, folder: Path, *, sha256: str, card: str, evidence: Mapping[str, Any]) -> None:
    """Write a trained model as an MLflow model (a pyfunc from code; nothing in it is pickled).

    Args:
        family: The family's name.
        model: The trained model's file.
        folder: Where to; it is made.
        sha256: Of the file.
        card: The model's card, Markdown.
        evidence: What speaks for it, as JSON can hold it.
    """
    import mlflow.pyfunc  # noqa: PLC0415  (slow to import)

    from search.promotion import serving  # noqa: PLC0415  (it imports MLflow)

    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        description, weights = place / "model.json", place / "model.pt"
        said = {"family": family, "format": serving.FORMAT, "sha256": sha256}
        description.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(model, weights)
        entry, code = copy_code(Path(__file__).with_name(f"served_{family}.py"), place)
        with _importable(place):
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(entry),
                code_paths=[str(code)],
                artifacts={serving.MODEL: str(weights), serving.DESCRIPTION: str(description)},
                signature=_signature(family),
                input_example=_example(family),
                pip_requirements=requirements(),
            )
    _forget_places(folder)
    (folder / "README.md").write_text(_readme(family), encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    (folder / "evidence.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")


def requirements() -> list[str]:
    """Pin what a served model imports to the versions that are here."""
    return [f"{name}=={version(name).partition('+')[0]}" for name in _REQUIREMENTS]


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    """Let what is in a folder be imported: MLflow runs a model's code as it saves it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _forget_places(folder: Path) -> None:
    """Strike out where on this machine the model was made; MLflow looks at the files' names alone."""
    from mlflow.models import Model  # noqa: PLC0415  (slow to import)

    file = folder / "MLmodel"
    model = Model.load(str(file))
    made = cast("dict[str, Any]", model.flavors["python_function"])
    made["model_code_path"] = Path(made["model_code_path"]).name
    for artifact in made["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(file))


def _example(family: str) -> Any:
    import pandas as pd  # noqa: PLC0415  (slow to import)

    return pd.DataFrame(_EXAMPLES[family])


def _signature(family: str) -> "ModelSignature":
    from mlflow.models import ModelSignature  # noqa: PLC0415  (slow to import)
    from mlflow.types.schema import Array, ColSpec, DataType, Schema  # noqa: PLC0415

    whole, number, text = DataType.long, DataType.double, DataType.string
    if family == "stylenet":
        inputs: list[Any] = [
            ColSpec(Array(whole), "pitch"),
            ColSpec(Array(number), "onset"),
            ColSpec(Array(number), "duration"),
            ColSpec(Array(number), "seconds", required=False),
            ColSpec(text, "style", required=False),
        ]
        return ModelSignature(Schema(inputs), Schema([ColSpec(Array(number), "velocity")]))
    types = {
        "bars": whole,
        "key": text,
        "metre": text,
        "form": text,
        "temperature": number,
        "top_p": number,
        "top_k": whole,
    }
    types |= {"seed": whole, "prompt_pitch": Array(whole), "prompt_duration": Array(number)}
    given = {"pitch": Array(whole), "duration": Array(number), "metre": text, "key": text, "abc": text}
    return ModelSignature(
        Schema([ColSpec(kind, name, required=False) for name, kind in types.items()]),
        Schema([ColSpec(kind, name) for name, kind in given.items()]),
    )


def _readme(family: str) -> str:
    rows = json.dumps(_EXAMPLES[family])
    return f"""# A {family} as an MLflow model

It needs Python and what `requirements.txt` names. [MODEL_CARD.md](MODEL_CARD.md) says what it was made of and how good
it is.

```python
import mlflow, pandas
model = mlflow.pyfunc.load_model(".")
print(model.predict(pandas.DataFrame({rows})))
```

```sh
mlflow models serve -m . --env-manager local --port 5001
curl localhost:5001/invocations -H 'Content-Type: application/json' -d '{{"dataframe_records": {rows}}}'
```

{_ASKED[family]} All rows of a request have the same columns.
"""
