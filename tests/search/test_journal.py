import resource
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages.journal import JournalFileBackend

from search.journal import Journal


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


def test_optunas_own_backend_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "j"
    journal = Journal(path, writable=True)
    study = make_study(journal)
    run_some(study, 5)
    own = optuna.storages.JournalStorage(JournalFileBackend(str(path)))
    assert view(optuna.load_study(study_name="s", storage=own)) == view(study)
    journal.close()


def test_a_reader_sees_what_is_written_and_writes_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", writable=True)
    study = make_study(journal)
    run_some(study, 2)
    assert read(tmp_path / "j") == view(study)
    reader = Journal(tmp_path / "j", writable=False)
    loaded = optuna.load_study(study_name="s", storage=optuna.storages.JournalStorage(reader))
    with pytest.raises(AssertionError):
        loaded.ask()


def test_a_torn_last_line_is_taken_away(tmp_path: Path) -> None:
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


def test_a_full_disk_leaves_the_journal_whole(tmp_path: Path) -> None:
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
