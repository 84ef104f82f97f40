"""A local Ray is not accessible to other users, and its workers import nothing from the current folder."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster.local_ray import local_ray
from data_prep.errors import BadInputError

ROOT = Path(__file__).parents[2]
LOOPBACK = {"0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000"}
"""127.0.0.1, its IPv4-mapped IPv6 address, and ::1, in the kernel's notation."""


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The probe's result in a folder with modules of the same names, with a TMPDIR that is too long for sockets."""
    place = tmp_path_factory.mktemp("foreign")
    for name in ("models", "search", "torch"):
        (place / f"{name}.py").write_text("raise RuntimeError('not this one')\n")
    temporary = place / ("a-long-name-" * 8)
    temporary.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_AUTH")}
    done = subprocess.run(
        [sys.executable, "-P", str(Path(__file__).with_name("local_ray_probe.py"))],
        cwd=place,
        env={**environment, "HOME": str(place), "TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return {**json.loads(done.stdout), "home": place}


@pytest.mark.slow
def test_it_listens_only_on_loopback(seen: dict[str, Any]) -> None:
    assert seen["listening"]
    assert set(seen["listening"]) <= LOOPBACK


@pytest.mark.slow
def test_it_has_no_autoscaler_dashboard_or_log_monitor(seen: dict[str, Any]) -> None:
    assert not {"monitor.py", "dashboard.py", "log_monitor.py"} & set(seen["scripts"])


@pytest.mark.slow
def test_its_folder_is_private_short_and_temporary_and_its_token_is_not_stored(seen: dict[str, Any]) -> None:
    assert seen["mode"] == 0o700
    assert len(seen["folder"]) < 40
    assert (seen["left"], seen["token"]) == (False, False)
    assert not (seen["home"] / ".ray").exists()


@pytest.mark.slow
def test_its_workers_import_our_packages_and_not_modules_in_the_users_folder(seen: dict[str, Any]) -> None:
    assert seen["imported"]["models"] == str(ROOT / "models" / "__init__.py")
    assert seen["imported"]["search"] == str(ROOT / "search" / "__init__.py")
    assert Path(seen["imported"]["torch"]).parent.name == "torch"


def test_temporary_folders_that_cannot_be_used_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path / "file"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "absent"))
    with local_ray(1, 0) as options:
        assert Path(options["_temp_dir"]).parent.parent == Path("/tmp")  # noqa: S108  (its subfolder is private)
    monkeypatch.setattr("cluster.local_ray._DEFAULT_FOLDERS", ())
    with (
        pytest.raises(
            BadInputError,
            match=r"Ray needs a writable folder .* at most \d+ bytes: none can be .* .*RAY_TMPDIR",
        ),
        local_ray(1, 0),
    ):
        pass
