"""Compiling the kernels: once for all processes, and every way in which it can fail."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.errors import BadInputError
from models.folded import backends
from models.folded.native import build
from models.folded.native.backend import Native, load
from models.folded.preparation import prepare
from models.folded.request import VARIABLE

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use an empty cache folder, and the backend that the machine allows."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TUNESMITH_CACHE", str(folder))
    monkeypatch.delenv(VARIABLE, raising=False)
    return folder


def compiler(folder: Path, lines: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a script the C++ compiler; it answers --version itself."""
    script = folder / "compiler"
    script.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo test 1.0 && exit 0\n{lines}\n')
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    return script


def test_without_a_compiler_the_reference_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert load() == "no C++ compiler was found (no-such-compiler)"
    assert prepare("auto", print) == load()
    assert prepare("reference", print) == ""


def test_a_machine_without_a_compiler_trains_with_the_reference(tmp_path: Path) -> None:
    code = (
        "from models.folded.backends import chosen; from models.folded.request import use; "
        "print(chosen('cpu').name); use('auto'); print(chosen('cpu'))"
    )
    environment = {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("CXX", None)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    reason = "no C++ compiler was found (g++, clang++, c++)"
    assert done.stdout.splitlines() == ["reference", f"reference ({reason})"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ("echo 'x.cpp:1: error: no vectors' >&2; exit 1", "failed: x.cpp:1: error: no vectors"),
        ("exit 3", "failed: exit status 3"),
        ("kill -9 $$", "failed: it was killed by SIGKILL"),
        ("sleep 60", "took more than 0.5 s"),
    ],
)
def test_a_compiler_that_fails_is_named_and_not_called_again_at_once(
    lines: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "_SECONDS", 0.5)
    script = compiler(tmp_path, f"echo >> {tmp_path}/calls; {lines}", monkeypatch)
    assert load() == f"{script} {reason}"
    calls = (tmp_path / "calls").read_text()
    assert load() == f"{script} {reason}"
    assert (tmp_path / "calls").read_text() == calls, "the failure is remembered"
    monkeypatch.setattr(build, "_RETRY_AFTER", 0.0)
    load()
    assert (tmp_path / "calls").read_text() != calls


@needs_compiler
def test_processes_that_start_together_compile_once_and_a_damaged_library_is_compiled_again(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, f'echo >> {tmp_path}/calls; exec g++ -O0 "$@"', monkeypatch)
    code = "from models.folded.native import build; print(build.built_library(build.find_target()))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    paths = {process.communicate(timeout=120)[0].strip() for process in processes}
    (library,) = (own_cache / "native").glob("*.so")
    assert paths == {str(library)}
    expected = len(list(build.SOURCES.glob("*.cpp"))) + 1
    assert len((tmp_path / "calls").read_text().splitlines()) == expected
    library.write_bytes(library.read_bytes()[:5000])
    assert isinstance(load(), Native)
    assert len((tmp_path / "calls").read_text().splitlines()) == 2 * expected


def test_a_cache_folder_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(tmp_path, "exit 1", monkeypatch)
    (tmp_path / "file").touch()
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "file"))
    assert load() == f"the cache folder {tmp_path}/file/native cannot be used (Not a directory)"


@needs_compiler
def test_a_full_disk_is_named(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compiler(tmp_path, "ulimit -f 1; trap '' XFSZ; exec g++ \"$@\"", monkeypatch)
    reason = load()
    assert isinstance(reason, str)
    assert "failed: " in reason
    assert "\n" not in reason
    assert not list((own_cache / "native").glob("*.so"))


def test_machines_with_other_processors_or_compilers_do_not_share_a_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler(tmp_path, "exit 1", monkeypatch)
    monkeypatch.setattr(build, "_instructions", lambda: ("AVX2", ("-march=x86-64-v3", "-DVECTOR_BYTES=32")))
    paths = {build.find_target().library}
    monkeypatch.setattr(build, "_instructions", lambda: ("AVX-512", ("-march=x86-64-v4", "-DVECTOR_BYTES=64")))
    paths.add(build.find_target().library)
    (tmp_path / "compiler").write_text("#!/bin/sh\necho test 2.0\n")
    paths.add(build.find_target().library)
    assert len(paths) == 3


def test_a_backend_that_is_unknown_or_not_available_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "natve")
    with pytest.raises(BadInputError, match=r"no backend is called 'natve'.*did you mean 'native'"):
        backends.chosen("cpu")
    monkeypatch.setenv(VARIABLE, "triton")
    with pytest.raises(BadInputError, match="triton is not: it does not run on cpu"):
        backends.chosen("cpu")
    monkeypatch.setenv(VARIABLE, "native")
    with pytest.raises(BadInputError, match="native is not: it does not run on cuda"):
        backends.chosen("cuda")
