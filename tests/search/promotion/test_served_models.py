"""Registered models in an environment without tunesmith predict the same values, in Python and over HTTP."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from data_prep.performances.arrays import Performance
from models.composer.composing.tune_composer import TuneComposer
from models.stylenet.performer import Performer
from models.uses.request import SamplingRequest
from search.promotion.package import package, requirements
from search.promotion.registry import Registry
from tests.models import trained_composers, trained_stylenets
from tests.search.bare_environment import FOREIGN, OURS, environment, make_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # warnings of MLflow
    pytest.mark.xdist_group("served models"),
]

PIECES = [
    {"pitch": [60, 55, 72, 20], "onset": [0.0, 0.5, 0.25, 1.0], "duration": [0.5, 1.0, 0.25, 2.0], "style": "wild"},
    {"pitch": [64], "onset": [2.0], "duration": [1.0], "style": "calm=1,wild=3"},
]
TUNES = [
    {"bars": 4, "key": "D", "metre": "3/4", "temperature": 0.8, "top_p": 0.9, "form": "AB", "seed": 3},
    {"bars": 2, "key": "Am", "metre": "4/4", "temperature": 0.0, "top_p": 1.0, "form": "aa", "seed": 1},
]
PROMPTED = [{"bars": 4, "key": "G", "prompt_pitch": [67, -1, 71], "prompt_duration": [1.0, 0.5, 0.5]}]


@dataclass(frozen=True)
class Served:
    """The packaged models, and an environment with only their requirements."""

    python: Path
    composer: Path
    stylenet: Path
    trained_composer: Path
    trained_stylenet: Path

    def run(self, code: str, folder: Path) -> Any:
        done = subprocess.run(
            [self.python, "-c", code],
            cwd=folder,
            env=environment(self.python),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Served:
    folder = tmp_path_factory.mktemp("served")
    Registry("sqlite:///unused", folder)  # sets MLflow's environment
    from search.promotion.serving import sha256

    composer = trained_composers.trained(folder / "composer.pt")
    stylenet = trained_stylenets.trained(folder / "stylenet.pt")
    for family, file in (("composer", composer), ("stylenet", stylenet)):
        package(family, file, folder / family, sha256=sha256(file), card="# A card\n", evidence={"a": 1})
    python = make_environment(folder / "bare", requirements())
    return Served(python, folder / "composer", folder / "stylenet", composer, stylenet)


def velocities(trained: Path, piece: Mapping[str, Any]) -> list[float]:
    """Return the velocities of the model itself, with the notes sorted by hand."""
    rows = sorted(zip(piece["onset"], piece["pitch"], piece["duration"], range(9), strict=False))
    onset, pitch, duration, place = (np.array(column) for column in zip(*rows, strict=True))
    mix = {"calm": 1.0, "wild": 3.0} if "=" in piece["style"] else piece["style"]
    performance = Performance(
        pitch=pitch.astype(np.int16),
        velocity=np.ones(len(pitch), np.int16),
        onset=onset,
        duration=duration,
        seconds=onset / 2,
        tick=np.arange(len(pitch)),
    )
    predicted = np.nan_to_num(Performer.load(trained).velocities(performance, mix), nan=64.0)
    return [float(predicted[place.tolist().index(number)]) for number in range(len(pitch))]


def tune(trained: Path, row: Mapping[str, Any]) -> dict[str, Any]:
    request = {name: value for name, value in row.items() if name != "seed"}
    (composed,) = TuneComposer.load(trained).compose(SamplingRequest(**request), seed=row["seed"])
    return {"pitch": list(composed.pitch), "duration": [float(duration) for duration in composed.duration]}


PREDICT = """
import json
import mlflow, pandas
models = {name: mlflow.pyfunc.load_model(folder) for name, folder in %r.items()}
requests = %r
print(json.dumps([models[name].predict(pandas.DataFrame(rows)).to_dict("records") for name, rows in requests]))
"""


def test_the_environment_has_only_the_requirements(served: Served, tmp_path: Path) -> None:
    code = "import json\nfrom importlib.util import find_spec\nprint(json.dumps([n for n in {!r} if find_spec(n)]))"
    assert served.run(code.format([*FOREIGN, *OURS]), tmp_path) == []
    assert served.run(code.format(["mlflow", "torch", "numpy"]), tmp_path) == ["mlflow", "torch", "numpy"]


def test_both_models_predict_the_same_values_in_one_python_process(served: Served, tmp_path: Path) -> None:
    folders = {"composer": str(served.composer), "stylenet": str(served.stylenet)}
    requests = [("stylenet", PIECES), ("composer", TUNES), ("composer", PROMPTED)]
    pieces, tunes, prompted = served.run(PREDICT % (folders, requests), tmp_path)
    for row, piece in zip(pieces, PIECES, strict=True):
        assert row["velocity"] == pytest.approx(velocities(served.trained_stylenet, piece), abs=1e-4)
    for row, request in zip(tunes, TUNES, strict=True):
        assert {name: row[name] for name in ("pitch", "duration")} == tune(served.trained_composer, request)
        assert (row["key"], row["metre"]) == (request["key"], request["metre"])
        assert f"K:{request['key']}\n" in row["abc"]
    assert prompted[0]["key"] == "G"
    assert len(prompted[0]["pitch"]) > 3


def test_the_example_in_the_readme_works(served: Served) -> None:
    for folder in (served.composer, served.stylenet):
        text = (folder / "README.md").read_text()
        code = text.partition("```python\n")[2].partition("```")[0]
        (row,) = served.run(f"{code.replace('print(', 'rows = (')}print(rows.to_json(orient='records'))", folder)
        assert len(row.get("pitch", row.get("velocity"))) > 3


@dataclass(frozen=True)
class Server:
    """A running ``mlflow models serve`` of a family's model."""

    url: str
    family: str

    def ask(self, rows: Any) -> tuple[int, Any]:
        """Post rows and return the status and the answer."""
        body = json.dumps(rows if isinstance(rows, dict) else {"dataframe_records": rows}).encode()
        request = urllib.request.Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310  (http)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module", params=["composer", "stylenet"])
def server(request: pytest.FixtureRequest, served: Served) -> Generator[Server]:
    port = free_port()
    command = [served.python, "-m", "mlflow", "models", "serve", "-m", str(getattr(served, request.param))]
    process = subprocess.Popen(
        [*command, "--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)],
        cwd=served.composer.parent,
        env=environment(served.python),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        until = time.monotonic() + 60
        while True:
            assert process.poll() is None
            assert time.monotonic() < until
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield Server(f"http://127.0.0.1:{port}/invocations", request.param)
    finally:
        os.killpg(process.pid, 9)
        process.wait()


def test_the_server_predicts_the_same_values(server: Server, served: Served) -> None:
    if server.family == "stylenet":
        status, answer = server.ask(PIECES)
        assert status == 200
        for row, piece in zip(answer["predictions"], PIECES, strict=True):
            assert row["velocity"] == pytest.approx(velocities(served.trained_stylenet, piece), abs=1e-4)
        return
    status, answer = server.ask(TUNES)
    assert status == 200
    for row, request in zip(answer["predictions"], TUNES, strict=True):
        assert {name: row[name] for name in ("pitch", "duration")} == tune(served.trained_composer, request)
    status, answer = server.ask([{"bars": 2}])
    assert status == 200
    assert answer["predictions"][0]["abc"].startswith("%abc-2.1")


def test_a_bad_row_is_a_bad_request_with_a_one_line_message(server: Server) -> None:
    good = {"pitch": [60], "onset": [0.0], "duration": [1.0], "style": "calm"}
    bad = (
        [([good, {**good, "style": "clam"}], "row 1: no style"), ([{**good, "duration": [0.0]}], "row 0: pitches are")]
        if server.family == "stylenet"
        else [([{"bars": 0}], "row 0: a tune has"), ([{"key": "H"}], "row 0: a key is written")]
    )
    for rows, message in bad:
        status, answer = server.ask(rows)
        assert status == 400
        assert answer["message"].partition("Error: ")[2].startswith(message)  # MLflow adds a prefix
        assert "Traceback" not in json.dumps(answer)


def test_an_answer_takes_less_than_half_a_second(server: Server) -> None:
    """Check a generous limit, since tests run in parallel; benchmarks/serving.py measures the time."""
    row = PIECES[0] if server.family == "stylenet" else TUNES[0]
    server.ask([row])
    took: list[float] = []
    for _ in range(5):
        began = time.perf_counter()
        assert server.ask([row])[0] == 200
        took.append(time.perf_counter() - began)
    assert min(took) < 0.5


def test_changed_weights_and_newer_formats_are_not_loaded(served: Served, tmp_path: Path) -> None:
    import shutil

    import mlflow.pyfunc
    from mlflow.exceptions import MlflowException

    changed, newer = tmp_path / "changed", tmp_path / "newer"
    shutil.copytree(served.stylenet, changed)
    shutil.copytree(served.stylenet, newer)
    weights = changed / "artifacts" / "model.pt"
    data = bytearray(weights.read_bytes())
    data[len(data) // 2] ^= 1
    weights.write_bytes(data)
    with pytest.raises(MlflowException, match="are not those that were registered"):
        mlflow.pyfunc.load_model(str(changed))
    description = newer / "artifacts" / "model.json"
    description.write_text(json.dumps({**json.loads(description.read_text()), "format": 2}))
    with pytest.raises(MlflowException, match="format 2, and its code reads up to 1"):
        mlflow.pyfunc.load_model(str(newer))


def test_a_packaged_model_contains_no_pickle_and_no_path_of_this_machine(served: Served) -> None:
    for folder in (served.composer, served.stylenet):
        files = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
        assert not [path for path in files if path.suffix in {".pkl", ".pickle"}]
        for path in files:
            if path.suffix != ".pt":
                assert str(folder.parent).encode() not in path.read_bytes(), path
        assert sum(path.stat().st_size for path in files) < 5e6
