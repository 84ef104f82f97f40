import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from data_prep.errors import BadInputError
from models.composer.spec import ComposerSpec
from models.training import checkpoint


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    state = {"epoch": 3, "model": {"w": torch.arange(3.0)}, "names": ["a", "b"]}
    checkpoint.save(tmp_path / "a.pt", state, ComposerSpec(size=7), {"trial": 5})
    found = checkpoint.load(tmp_path / "a.pt")
    assert found.training["epoch"] == 3
    assert torch.equal(found.training["model"]["w"], torch.arange(3.0))
    assert ComposerSpec.model_validate(found.spec) == ComposerSpec(size=7)
    assert found.extra == {"trial": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", {"epoch": 1}, ComposerSpec(), {})
    with pytest.raises(TypeError):
        checkpoint.save(tmp_path / "a.pt", {"epoch": 2}, ComposerSpec(), {"not JSON": object()})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        checkpoint.save(tmp_path / "a.pt", {"epoch": lambda: 2}, ComposerSpec(), {})
    assert checkpoint.load(tmp_path / "a.pt").training["epoch"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_newer_format_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "FORMAT", 99)
    checkpoint.save(tmp_path / "a.pt", {}, ComposerSpec(), {})
    monkeypatch.undo()
    with pytest.raises(BadInputError, match=r"got format 99.*upgrade tunesmith"):
        checkpoint.load(tmp_path / "a.pt")


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        checkpoint.load(tmp_path / "a.pt")
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "b.pt")


def test_nothing_in_a_file_is_run(tmp_path: Path) -> None:
    torch.save({"format": 1, "training": Path("x")}, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        checkpoint.load(tmp_path / "a.pt")


def test_a_pipe_is_no_checkpoint(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(BadInputError, match=r"is not a checkpoint of this program \(it is no regular file\)"):
        checkpoint.load(tmp_path / "a.pt")


def test_a_file_that_grows_as_it_is_read_is_refused(tmp_path: Path) -> None:
    checkpoint.save(tmp_path / "a.pt", {"w": torch.zeros(4, 1000)}, ComposerSpec(), {})
    with zipfile.ZipFile(tmp_path / "a.pt") as kept, zipfile.ZipFile(tmp_path / "b.pt", "w") as packed:
        for part in kept.infolist():
            packed.writestr(part.filename, kept.read(part), zipfile.ZIP_DEFLATED)
    assert (tmp_path / "b.pt").stat().st_size < 4 * 4000
    with pytest.raises(BadInputError, match="parts of it are compressed"):
        checkpoint.load(tmp_path / "b.pt")
    checkpoint.save(tmp_path / "c.pt", {"w": torch.zeros(1).expand(100_000, 100_000)}, ComposerSpec(), {})
    assert (tmp_path / "c.pt").stat().st_size < 10_000
    with pytest.raises(BadInputError, match="its tensors are larger than the file"):
        checkpoint.load(tmp_path / "c.pt")


@pytest.mark.parametrize(
    "content",
    [
        {"format": 1},
        {"format": 1, "training": {}, "spec": "[]", "extra": "{}"},
        {"format": 1, "training": {}, "spec": "{}", "extra": "{"},
        {"format": 1, "training": {}, "spec": "{}", "extra": "1" * 5000},
        ["format"],
    ],
    ids=["nothing", "a list", "half a table", "a long number", "no table"],
)
def test_what_lacks_a_part_is_refused_in_one_line(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="is not a checkpoint") as refused:
        checkpoint.load(tmp_path / "a.pt")
    assert "\n" not in str(refused.value)
