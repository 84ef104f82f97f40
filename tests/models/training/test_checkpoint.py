import os
import pickle
import zipfile
from pathlib import Path

import pytest
import torch

from data_prep.errors import BadInputError
from models.composer.spec import ComposerSpec
from models.training import checkpoint


def test_a_checkpoint_round_trips(tmp_path: Path) -> None:
    state = {"epoch": 3, "model": {"w": torch.arange(3.0)}, "names": ["a", "b"]}
    checkpoint.save(tmp_path / "a.pt", state, ComposerSpec(size=7), {"trial": 5})
    actual = checkpoint.load(tmp_path / "a.pt")
    assert actual.training["epoch"] == 3
    assert torch.equal(actual.training["model"]["w"], torch.arange(3.0))
    assert ComposerSpec.model_validate(actual.spec) == ComposerSpec(size=7)
    assert actual.extra == {"trial": 5}
    assert [path.name for path in tmp_path.iterdir()] == ["a.pt"]


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
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


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.pt").write_bytes(b"not a checkpoint")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        checkpoint.load(tmp_path / "a.pt")
    with pytest.raises(FileNotFoundError):
        checkpoint.load(tmp_path / "b.pt")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"format": 1, "training": Path("x")}, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="is not a checkpoint"):
        checkpoint.load(tmp_path / "a.pt")


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.pt")
    with pytest.raises(BadInputError, match=r"is not a checkpoint of this program \(it is not a regular file\)"):
        checkpoint.load(tmp_path / "a.pt")


def test_a_file_whose_content_is_larger_than_the_file_is_refused(tmp_path: Path) -> None:
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
    ids=["nothing", "a list", "cut JSON", "a long number", "not a mapping"],
)
def test_incomplete_checkpoints_are_refused_in_one_line(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "a.pt")
    with pytest.raises(BadInputError, match="is not a checkpoint") as refused:
        checkpoint.load(tmp_path / "a.pt")
    assert "\n" not in str(refused.value)
