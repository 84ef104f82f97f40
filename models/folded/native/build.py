"""Compile the kernels for this machine, once: the library is cached under its sources, compiler, flags and processor.

Neither -ffast-math nor -march=native is used. On x86-64 the instruction sets are the levels v3 (AVX2) and v4 (AVX-512)
of its psABI, whose results are equal (see source/vector.hpp).
"""

import fcntl
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from data_prep.storage import cache

SOURCES: Final = Path(__file__).parent / "source"
"""The folder of the kernels' C++ code."""

_OPTIONS: Final = ("-O3", "-fno-math-errno", "-ffp-contract=fast", "-std=c++17", "-fPIC", "-pthread", "-w")

_LEVELS: Final = (
    ("AVX-512", frozenset({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}), ("-march=x86-64-v4", "64")),
    ("AVX2", frozenset({"avx2", "fma", "bmi1", "bmi2", "f16c", "movbe"}), ("-march=x86-64-v3", "32")),
)
"""For each level of x86-64: its name, the processor's features that it needs, and its option and bytes of a vector."""

_SECONDS: Final = 120.0
"""Time limit of each compiler process."""

_RETRY_AFTER: Final = 600.0
"""Seconds after which a failed build is tried again; until then other processes do not wait for another failure."""


class BuildError(Exception):
    """The kernels cannot be compiled or loaded here; the message is one line."""


@dataclass(frozen=True)
class Target:
    """A compiler and the processor that it compiles for.

    Attributes:
        compiler: The command.
        version: The first line of its version.
        instructions: Name of the instruction set.
        options: Its options, including the bytes of a vector.
    """

    compiler: tuple[str, ...]
    version: str
    instructions: str
    options: tuple[str, ...]

    @property
    def library(self) -> Path:
        """The path of the library in the cache folder."""
        digest = hashlib.sha256(repr((self.compiler, self.version, _OPTIONS, self.options)).encode())
        for source in sorted(SOURCES.iterdir()):
            digest.update(source.name.encode() + source.read_bytes())
        return cache.folder() / "native" / f"{platform.machine()}-{digest.hexdigest()[:20]}.so"


def find_target() -> Target:
    """Find this machine's compiler and instruction set.

    Returns:
        Both; the compiler is that of the environment variable CXX, or else g++, clang++ or c++.

    Raises:
        BuildError: If there is no C++ compiler, or the processor has no suitable vectors.
    """
    instructions, options = _instructions()
    commands = [shlex.split(os.environ["CXX"])] if os.environ.get("CXX") else [["g++"], ["clang++"], ["c++"]]
    for command in commands:
        if command and shutil.which(command[0]):
            version = _run([*command, "--version"]).splitlines()
            return Target(tuple(command), version[0] if version else "", instructions, options)
    raise BuildError(f"no C++ compiler was found ({', '.join(command[0] for command in commands if command)})")


def built_library(target: Target) -> Path:
    """Return the path of the compiled library, and compile it first if it is not there.

    Args:
        target: The compiler and processor.

    Returns:
        The path.

    Raises:
        BuildError: If the compiler fails or takes too long, or the cache folder is not writable.
    """
    library = target.library
    if _is_whole(library):
        return library
    failure = library.with_suffix(".failed")
    try:
        library.parent.mkdir(parents=True, exist_ok=True)
        with _locked(library.with_suffix(".lock")):
            if _is_whole(library):  # another process compiled it meanwhile
                return library
            if failure.exists() and time.time() - failure.stat().st_mtime < _RETRY_AFTER:
                raise BuildError(failure.read_text())
            _compile(target, library, failure)
    except OSError as error:
        raise BuildError(f"the cache folder {library.parent} cannot be used ({error.strerror or error})") from error
    return library


def is_built(target: Target) -> bool:
    """Return whether the library is in the cache folder."""
    return _is_whole(target.library)


def _is_whole(library: Path) -> bool:
    """Check a library by its digest: loading a truncated one would end the process by SIGBUS."""
    with suppress(OSError):
        return _digest_file(library).read_text() == _digest(library)
    return False


def _digest(library: Path) -> str:
    return hashlib.sha256(library.read_bytes()).hexdigest()


def _digest_file(library: Path) -> Path:
    return library.with_suffix(".sha256")


def _compile(target: Target, library: Path, failure: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent, prefix=".build-") as folder:
        try:
            sources = sorted(SOURCES.glob("*.cpp"))
            objects = [Path(folder) / f"{source.stem}.o" for source in sources]
            begin = (*target.compiler, *_OPTIONS, *target.options)
            commands = [
                [*begin, "-c", str(source), "-o", str(out)] for source, out in zip(sources, objects, strict=True)
            ]
            _run_all(commands)
            result = Path(folder) / "kernels.so"
            _run([*target.compiler, "-shared", "-pthread", *map(str, objects), "-o", str(result)])
            _digest_file(library).write_text(_digest(result))
            result.replace(library)
        except BuildError as error:
            failure.write_text(str(error))
            raise
        failure.unlink(missing_ok=True)


def _instructions() -> tuple[str, tuple[str, ...]]:
    """Return the name and options of the widest instruction set that this processor has."""
    machine = platform.machine().lower()
    if machine in {"aarch64", "arm64"}:
        return "NEON", ("-DVECTOR_BYTES=16",)
    if machine not in {"x86_64", "amd64"}:
        raise BuildError(f"there are no kernels for {machine} processors")
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        features = set(next((line for line in lines if line.startswith("flags")), "").split())
        for name, needed, (option, width) in _LEVELS:
            if needed <= features:
                return name, (option, f"-DVECTOR_BYTES={width}")
    raise BuildError("this processor has no AVX2")


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Hold a lock on a file, if its file system has locks; without, two processes may compile at the same time."""
    with path.open("w") as file:
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _run(command: Sequence[str]) -> str:
    return _run_all([command])[0]


def _run_all(commands: Sequence[Sequence[str]]) -> list[str]:
    """Run commands side by side and return their output; raise BuildError if one fails or takes too long."""
    ends = time.monotonic() + _SECONDS
    with ExitStack() as stack:
        processes: list[subprocess.Popen[str]] = []
        try:
            for command in commands:
                processes.append(stack.enter_context(_start(command)))  # noqa: PERF401  (those that started are killed)
            outputs = [process.communicate(timeout=max(0.0, ends - time.monotonic())) for process in processes]
        except subprocess.TimeoutExpired as error:
            raise BuildError(f"{commands[0][0]} took more than {_SECONDS:g} s") from error
        except OSError as error:
            raise BuildError(f"{commands[0][0]} cannot be run ({error.strerror or error})") from error
        finally:
            _kill(processes)
    for process, (_, errors) in zip(processes, outputs, strict=True):
        if process.returncode:
            raise BuildError(f"{commands[0][0]} failed: {_reason(process.returncode, errors)}")
    return [output for output, _ in outputs]


def _start(command: Sequence[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(  # noqa: S603  (a compiler that the user installed)
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _kill(processes: Sequence["subprocess.Popen[str]"]) -> None:
    """Kill the process groups of those that still run."""
    for process in processes:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def _reason(code: int, errors: str) -> str:
    lines = [line for line in errors.splitlines() if "error" in line.lower()] or errors.splitlines()
    if code < 0:
        return f"it was killed by {signal.Signals(-code).name}"
    return lines[0][:200] if lines else f"exit status {code}"
