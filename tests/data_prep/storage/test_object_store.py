"""Object stores: the same behaviour of folders and buckets, and invalid URLs."""

import errno
import os
import pickle
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_prep.errors import BadInputError
from data_prep.storage.object_store import ObjectStore, UnusableStoreError
from data_prep.storage.probes import check, find_mark, leave_mark, remove_mark
from data_prep.storage.urls import store_at
from tests.object_store import S3Server, object_store

pytestmark = pytest.mark.filterwarnings("ignore")  # the store's own


@pytest.fixture(scope="module")
def store() -> Generator[S3Server]:
    with object_store() as running:
        running.make_bucket("bucket")
        yield running


@pytest.fixture(params=["folder", "bucket"])
def some_store(request: pytest.FixtureRequest, store: S3Server, tmp_path: Path) -> ObjectStore:
    if request.param == "folder":
        (tmp_path / "store").mkdir()
        return store_at(tmp_path / "store")
    return store_at(store.url(f"bucket/{tmp_path.name}"))


def test_bytes_are_written_read_and_removed(some_store: ObjectStore) -> None:
    assert some_store.names("checkpoints") == []
    assert not some_store.exists("checkpoints/a.pt")
    some_store.remove("checkpoints/a.pt")
    with pytest.raises(FileNotFoundError):
        some_store.read("checkpoints/a.pt")
    some_store.write("checkpoints/a.pt", b"one")
    some_store.write("checkpoints/a.pt", b"two, longer")
    some_store.write("checkpoints/deep/b.pt", b"")
    assert some_store.read("checkpoints/a.pt") == b"two, longer"
    assert some_store.read("checkpoints/deep/b.pt") == b""
    assert some_store.exists("checkpoints/a.pt")
    assert not some_store.exists("checkpoints")
    assert some_store.names("checkpoints") == ["checkpoints/a.pt"]
    assert some_store.names("checkpoints/a.pt") == []
    some_store.remove("checkpoints/a.pt")
    assert some_store.names("checkpoints") == []


NAMES = st.sampled_from(["a", "b.pt", "c/a", "c/b.pt", "c/d/a"])
ACTIONS = st.lists(st.tuples(NAMES, st.none() | st.binary(max_size=64)), max_size=8)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_a_store_behaves_like_a_dictionary(some_store: ObjectStore, actions: list[tuple[str, bytes | None]]) -> None:
    fresh = some_store.below(f"run-{time.monotonic_ns()}")
    expected: dict[str, bytes] = {}
    for name, data in actions:
        if data is None:
            fresh.remove(name)
            expected.pop(name, None)
        else:
            fresh.write(name, data)
            expected[name] = data
    assert {name: fresh.read(name) for name in expected} == expected
    for below in ("c", "c/d"):
        assert fresh.names(below) == sorted(name for name in expected if name.rpartition("/")[0] == below)


def test_a_store_below_contains_only_its_own_names(some_store: ObjectStore) -> None:
    first, other = some_store.below("one"), some_store.below("other")
    first.write("x/a", b"1")
    assert not other.exists("x/a")
    assert first.names("x") == ["x/a"]
    assert some_store.read("one/x/a") == b"1"
    assert first.label == f"{some_store.label}/one"


def test_a_large_object_is_complete(some_store: ObjectStore) -> None:
    data = os.urandom(12_000_000)  # more than one part of an upload
    some_store.write("large", data)
    assert some_store.read("large") == data


def test_a_store_pickles_small_and_without_credentials(some_store: ObjectStore) -> None:
    some_store.write("a", b"1")  # an open connection is not pickled
    packed = pickle.dumps(some_store)
    assert len(packed) < 600
    assert b"testing" not in packed
    assert pickle.loads(packed) == some_store  # noqa: S301  (our own)
    code = "import pickle, sys; print(pickle.load(sys.stdin.buffer).read('a'))"
    done = subprocess.run([sys.executable, "-c", code], input=packed, capture_output=True, check=True)
    assert done.stdout == b"b'1'\n"


def test_a_check_passes_and_leaves_nothing(some_store: ObjectStore) -> None:
    check(some_store.below("probes"))
    assert some_store.names("probes") == []


def test_a_mark_is_found_by_another_process(some_store: ObjectStore) -> None:
    token = leave_mark(some_store)
    code = "import pickle, sys; from data_prep.storage.probes import find_mark"
    code += "; print(find_mark(*pickle.load(sys.stdin.buffer)))"
    for looked_for, seen in ((token, b"True\n"), ("other", b"False\n")):
        done = subprocess.run(
            [sys.executable, "-c", code], input=pickle.dumps((some_store, looked_for)), capture_output=True, check=True
        )
        assert done.stdout == seen
    remove_mark(some_store, token)
    assert not find_mark(some_store, token)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("shared/folder", "storage is a folder's absolute path, s3://bucket/prefix or gs://bucket/prefix: got 'shared"),
        ("ftp://host/folder", "storage is a folder's absolute path"),
        ("s3://", "storage names a bucket, as in s3://bucket/prefix: got 's3://'"),
        ("s3://bucket#x", "storage names a bucket"),
        ("gs://UPPER/x", "storage names a bucket, as in gs://"),
        ("s3://bucket?scheme=http&regoin=eu", "no option of storage is called 'regoin' .s3://bucket.; did you mean"),
    ],
)
def test_an_invalid_url_is_rejected(text: str, error: str) -> None:
    with pytest.raises(BadInputError, match=error):
        store_at(text)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("s3://AKIAKEY:se/cr+et@bucket/prefix", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a role"),
        ("s3://bucket?access_key=AKIAKEY&secret_key=se/cr+et", "no option of storage is called 'access_key'"),
        ("gs://AKIAKEY:se/cr+et@bucket", "GOOGLE_APPLICATION_CREDENTIALS"),
    ],
)
def test_credentials_are_rejected_and_not_printed(text: str, names: str) -> None:
    with pytest.raises(BadInputError, match=names) as raised:
        store_at(text)
    assert "AKIAKEY" not in str(raised.value)
    assert "cr+et" not in str(raised.value)


def test_naming_a_google_bucket_needs_neither_network_nor_pyarrow() -> None:
    code = (
        "import sys; from data_prep.storage.urls import store_at; p = store_at('gs://some-bucket/prefix'); "
        "print(p.label, p.below('x').label, 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "gs://some-bucket/prefix gs://some-bucket/prefix/x False\n"


def test_only_a_check_creates_a_missing_folder(tmp_path: Path) -> None:
    lacking = store_at(tmp_path / "lacking")
    for action in (
        lambda: lacking.write("a", b""),
        lambda: lacking.read("a"),
        lambda: lacking.names("a"),
        lambda: find_mark(lacking, "t"),
    ):
        with pytest.raises(
            UnusableStoreError, match=r"lacking is not \(there is no such folder here\); create it, or m"
        ):
            action()
    check(lacking)
    lacking.write("a", b"1")
    with pytest.raises(
        UnusableStoreError, match=r"none/lacking is not \(No such file or directory\); create it, or na"
    ):
        check(store_at(tmp_path / "none" / "lacking"))


def test_a_file_instead_of_a_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UnusableStoreError, match=r"storage must be readable and writable: \S+ is not \(.+\); \w+"):
        check(store_at(tmp_path / "file"))
    where = store_at(tmp_path)
    with pytest.raises(UnusableStoreError, match=r"is not \((Not a directory|File exists)\); make the folder writable"):
        where.write("file/a", b"")


def test_a_missing_bucket_and_no_permission_are_reported_in_one_line(store: S3Server) -> None:
    with pytest.raises(
        UnusableStoreError, match=r"s3://nobucket is not \(there is no such bucket\); create it, or name"
    ):
        check(store_at(store.url("nobucket/x")))
    store.make_bucket("locked")
    where = store_at(store.url("locked"))
    where.write("a", b"1")
    store.forbid("locked", "s3:PutObject", "s3:GetObject", "s3:DeleteObject")
    for action in (lambda: check(where), lambda: where.read("a"), lambda: where.write("a", b"2")):
        with pytest.raises(
            UnusableStoreError, match=r"s3://locked is not \(.+\); give every machine .*AWS_ACCESS_KEY_ID"
        ):
            action()
    store.allow("locked")
    assert where.read("a") == b"1"


def check_requests_fail_soon(port: int) -> None:
    began = time.monotonic()
    url = f"s3://bucket?endpoint_override=127.0.0.1:{port}&scheme=http"
    with pytest.raises(UnusableStoreError, match=r"s3://bucket is not \(.+\); check that the network and the store"):
        check(store_at(url))
    assert time.monotonic() - began < 40


def test_requests_to_a_store_that_refuses_connections_fail_within_seconds() -> None:
    check_requests_fail_soon(9)


@pytest.mark.slow
def test_requests_to_a_store_that_never_answers_fail_within_seconds() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        check_requests_fail_soon(silent.getsockname()[1])


def test_a_patient_store_retries_until_the_server_is_back(store: S3Server) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = store.url("bucket/patient").replace(store.address, f"127.0.0.1:{port}")
    code = (
        "import sys; from data_prep.storage.urls import store_at; "
        "p = store_at(sys.argv[1]); print('begun', flush=True); p.patient(60).write('a', b'1'); print('done')"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, url], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "begun\n"
    time.sleep(1)
    with object_store(port):  # shares its content with the other
        assert writer.communicate(timeout=60)[0] == "done\n"
    assert store_at(store.url("bucket/patient")).read("a") == b"1"


MOUNT = shutil.which("unshare")
IN_A_SMALL_FOLDER = """
import sys
from data_prep.storage.probes import check
from data_prep.storage.urls import store_at
where = store_at(sys.argv[1])
try:
    if sys.argv[2] == "check":
        check(where)
    else:
        where.write("a", bytes(2_000_000))
except OSError as error:
    print("OSError", error.errno, error.filename)
except ValueError as error:
    print(error)
print(where.names("."), where.exists("a"))
"""


def mounted(options: str, action: str, folder: Path) -> str:
    """Run an action in a newly mounted folder, in a mount namespace that ends with the process."""
    if MOUNT is None or subprocess.run([MOUNT, "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this user may not mount in a namespace of its own")
    script = 'mount -t tmpfs -o "$1" tmpfs "$2" || exit 99; exec "$3" -c "$4" "$2" "$5"'
    command = [MOUNT, "-rm", "sh", "-c", script, "sh", options, str(folder), sys.executable, IN_A_SMALL_FOLDER, action]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 99:
        pytest.skip(f"no mount: {done.stderr.strip()}")
    assert done.stderr == ""
    return done.stdout


def test_a_read_only_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    message = f"storage must be readable and writable: {tmp_path} is not (Read-only file system); "
    for action in ("check", "write"):
        line, rest = mounted("ro", action, tmp_path).splitlines()
        assert line.startswith(message)
        assert rest == "[] False"


def test_a_full_folder_raises_the_system_error_and_has_no_partial_file(tmp_path: Path) -> None:
    line, rest = mounted("size=1m", "write", tmp_path).splitlines()
    assert line == f"OSError {errno.ENOSPC} {tmp_path / 'a'}"
    assert rest == "[] False"
    line, _ = mounted("size=4k,nr_inodes=1", "check", tmp_path).splitlines()
    assert "is not (No space left on device); free some space there" in line
