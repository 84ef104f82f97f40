"""Save a trained model as a self-contained MLflow model: code, weights, signature, requirements, README."""

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
from typing import Any, cast

from models.families import family as find_family
from models.serving import Serving
from search.promotion.code import roots_of, write_code
from search.promotion.signature import make_signature

_REQUIREMENTS = ("mlflow", "torch", "numpy")
"""The distributions that a served model imports; their own requirements include everything else that it needs."""

_ENTRY = '''"""A registered model; MLflow runs this file to load it."""

from mlflow.models import set_model
from {module} import {load}
from search.promotion.serving import ServedModel

set_model(ServedModel({load}))
'''
"""The entry file that wraps a family's load function for MLflow, a template of the function's module and name."""


def package(family: str, model: Path, folder: Path, *, sha256: str, card: str, evidence: Mapping[str, Any]) -> None:
    """Write a trained model as an MLflow model (a pyfunc from code; nothing in it is pickled).

    Args:
        family: The family's name.
        model: The trained model's file.
        folder: The folder to create.
        sha256: The file's SHA-256.
        card: The model card, Markdown.
        evidence: The evidence of the promotion, as JSON values.
    """
    import mlflow.pyfunc
    import pandas as pd

    from search.promotion import serving

    served = find_family(family).serving()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        description, weights = place / "model.json", place / "model.pt"
        content = {"family": family, "format": serving.FORMAT, "sha256": sha256}
        description.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        shutil.copyfile(model, weights)
        entry, code = write_code(entry_of(served), f"served_{family}", place, roots_of(served.load.__module__))
        with _importable(place):
            mlflow.pyfunc.save_model(
                path=str(folder),
                python_model=str(entry),
                code_paths=[str(code)],
                artifacts={serving.MODEL: str(weights), serving.DESCRIPTION: str(description)},
                signature=make_signature(served),
                input_example=pd.DataFrame(list(served.examples)),
                pip_requirements=requirements(),
            )
    _forget_places(folder)
    (folder / "README.md").write_text(_readme(family, served), encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(card, encoding="utf-8")
    (folder / "evidence.json").write_text(json.dumps(evidence, indent=2) + "\n", encoding="utf-8")


def requirements() -> list[str]:
    """Return the requirements of a served model, pinned to the installed versions."""
    return [f"{name}=={version(name).partition('+')[0]}" for name in _REQUIREMENTS]


@contextmanager
def _importable(folder: Path) -> Generator[None]:
    """Make a folder importable: MLflow runs a model's code to save the model."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))


def _forget_places(folder: Path) -> None:
    """Remove this machine's paths from a model: MLflow needs only the file names."""
    from mlflow.models import Model

    file = folder / "MLmodel"
    model = Model.load(str(file))
    flavor = cast("dict[str, Any]", model.flavors["python_function"])
    flavor["model_code_path"] = Path(flavor["model_code_path"]).name
    for artifact in flavor["artifacts"].values():
        artifact["uri"] = artifact["path"]
    model.save(str(file))


def entry_of(served: Serving) -> str:
    """Return the text of the entry file that wraps a family's load function for MLflow."""
    return _ENTRY.format(module=served.load.__module__, load=served.load.__name__)


def _readme(family: str, served: Serving) -> str:
    rows = json.dumps(list(served.examples))
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

{served.explanation} All rows of a request have the same columns.
"""
