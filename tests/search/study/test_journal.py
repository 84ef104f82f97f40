import resource
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend
from toy_family import TOY_SEARCH, ToyFamily

from data_prep.errors import BadInputError
from models.family import EpochReport
from models.metrics import FoldValues
from search.spec.file import parse
from search.study.database import folder, open_study, read_search
from search.study.journal import Journal

TOY = ToyFamily()


def read(path: Path) -> list[Any]:
    storage = optuna.storages.JournalStorage(Journal(path, writable=False))
    return view(optuna.load_study(study_name="s", storage=storage))


def make_study(journal: Journal) -> optuna.Study:
    return optuna.create_study(storage=optuna.storages.JournalStorage(journal), study_name="s", load_if_exists=True)


def run_some(study: optuna.Study, count: int) -> None:
    for _ in range(count):
        trial = study.ask()
        x = trial.suggest_float("x", 0, 1)
        trial.report(x, 1)
        study.tell(trial, x)


def view(study: optuna.Study) -> list[Any]:
    return [(t.number, t.state, t.params, t.value, t.intermediate_values) for t in study.get_trials()]


def test_optunas_own_backend_reads_the_journal(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j"
    journal = Journal(path, writable=True)
    study = make_study(journal)
    run_some(study, 5)
    own = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    assert view(optuna.load_study(study_name="s", storage=own)) == view(study)
    journal.close()


def test_a_reader_reads_the_written_records_and_cannot_write(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", writable=True)
    study = make_study(journal)
    run_some(study, 2)
    assert read(tmp_path / "j") == view(study)
    reader = Journal(tmp_path / "j", writable=False)
    loaded = optuna.load_study(study_name="s", storage=optuna.storages.JournalStorage(reader))
    with pytest.raises(AssertionError):
        loaded.ask()


def test_an_incomplete_last_line_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "j"
    study = make_study(Journal(path, writable=True))
    run_some(study, 3)
    before = view(study)
    with path.open("ab") as file:
        file.write(b'{"op_code":6,"worker')
    assert read(path) == before
    again = make_study(Journal(path, writable=True))
    run_some(again, 1)
    assert read(path)[:3] == before
    assert len(read(path)) == 4


def test_a_full_disk_leaves_the_journal_intact(tmp_path: Path) -> None:
    path = tmp_path / "j"
    study = make_study(Journal(path, writable=True))
    run_some(study, 3)
    size = path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            run_some(study, 1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.stat().st_size == size
    run_some(study, 1)
    assert [state.is_finished() for _, state, *_ in read(path)] == [True] * 4


DAMAGES: Mapping[str, tuple[Callable[[bytes], bytes], str]] = {
    "only zeros": (
        lambda text: b"\0" * len(text) + b"\n",
        r"study.journal is damaged in line 1; restore it .* under another name$",
    ),
    "a line cut": (lambda text: cut(text, 5), "is damaged in line 5; .*keep only its first 4 lines and lose"),
    "a line empty": (
        lambda text: text.replace(b"}\n", b"}\n\n", 1),
        "damaged in line 2; .*only its first 1 line and",
    ),
    "deep": (lambda text: text + b"[" * 100_000 + b"\n", "study.journal is damaged in line"),
    "no trial": (lambda text: text + b'{"op_code":6,"trial_id":0}\n', r"study.journal is damaged \(KeyError"),
    "a number": (lambda text: text + b"7\n", r"study.journal is damaged \(TypeError"),
    "a record gone": (lambda text: drop(text, b'"epoch:1"'), r"study.journal is damaged \(AssertionError"),
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_the_error_for_a_damaged_journal_has_its_file_and_the_remedy(home: Path, kind: str) -> None:
    damage, message = DAMAGES[kind]
    search = parse(TOY_SEARCH, "toy.toml", family=TOY)
    with open_study(search, TOY, home, "f") as study:
        trial = study.optuna.ask()
        search.space(trial)  # pyright: ignore[reportArgumentType]
        study.add_epoch(trial.number, EpochReport(1, {"loss": FoldValues((1.0, 2.0))}, 0.25))
    path = folder(home, "toys") / "study.journal"
    damaged = damage(path.read_bytes())
    path.write_bytes(damaged)
    with pytest.raises(BadInputError, match=message) as caught:
        read_search(home, "toys", TOY)
    assert "\n" not in str(caught.value)
    with pytest.raises(BadInputError, match=message), open_study(search, TOY, home, "f"):
        pass
    assert path.read_bytes().startswith(damaged)  # Optuna appends a record to load the study


def test_a_study_without_its_search_is_damaged_for_readers_and_completed_by_the_next_start(home: Path) -> None:
    search = parse(TOY_SEARCH, "toy.toml", family=TOY)
    with open_study(search, TOY, home, "f"):
        pass
    path = folder(home, "toys") / "study.journal"
    path.write_bytes(drop(path.read_bytes(), b'"search"'))
    with pytest.raises(BadInputError, match=r"study.journal is damaged \(KeyError: 'search'\)"):
        read_search(home, "toys", TOY)
    with open_study(search, TOY, home, "f") as study:
        assert study.optuna.user_attrs["search"] == search.to_toml()


def cut(text: bytes, number: int) -> bytes:
    """Return the text with only the first 20 bytes of a line."""
    lines = text.splitlines(keepends=True)
    lines[number - 1] = lines[number - 1][:20] + b"\n"
    return b"".join(lines)


def drop(text: bytes, word: bytes) -> bytes:
    """Return the text without the lines that contain a word."""
    return b"".join(line for line in text.splitlines(keepends=True) if word not in line)
