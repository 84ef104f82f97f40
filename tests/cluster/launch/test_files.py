"""The launch files satisfy the schemas of Ray, and the linters of shell scripts and Dockerfiles."""

# Ray and moto are partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import platform
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cluster.launch.files import KINDS, REQUIREMENTS, find_kind, render, unfilled_lines, write
from cluster.pins import pins
from data_prep.errors import BadInputError

ROOT = Path(__file__).parents[3]
BY_LAUNCHER = ["aws", "gcp", "on-prem"]


def launcher_config(kind: str) -> dict[str, Any]:
    return yaml.safe_load(render(KINDS[kind])[f"{kind}.yaml"])


# --- what nodes install ---


def test_nodes_install_all_dependencies_in_the_versions_installed_here() -> None:
    names = [line.partition("==")[0] for line in pins()]
    assert {"torch", "ray", "optuna", "mlflow", "psycopg", "psycopg-binary", "aiohttp-cors", "tensorboardx"} <= set(
        names
    )
    assert not {"tunesmith", "pytest", "ruff"} & set(names)
    assert max(Counter(names).values()) == 1
    assert f"ray=={version('ray')}" in pins()
    assert not any("+" in line for line in pins()), "a node chooses its own build"


def test_nodes_install_the_versions_in_the_lock() -> None:
    locked = {
        line.partition(";")[0].strip()
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    assert set(pins()) <= locked


# --- NVIDIA MPS ---


def with_mps(text: str) -> str:
    """Return a launch file with its commented lines that start MPS."""
    enabled, count = re.subn(r"^( *)# (.*nvidia-cuda-mps-control -d.*)$", r"\1\2", text, flags=re.MULTILINE)
    assert count
    return enabled


@pytest.mark.parametrize("kind", [*BY_LAUNCHER, "kuberay"])
def test_mps_is_off_unless_its_line_is_enabled(kind: str) -> None:
    text = render(KINDS[kind])[f"{kind}.yaml"]
    off, on = (str(list(yaml.safe_load_all(each))) for each in (text, with_mps(text)))
    assert "mps" not in off
    nodes = 2 if kind == "on-prem" else 1  # where the head has GPUs too
    assert on.count("nvidia-cuda-mps-control -d || true") == nodes


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_mps_starts_before_ray_and_nothing_fails_without_it(kind: str, tmp_path: Path) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load(with_mps(render(KINDS[kind])[f"{kind}.yaml"]))
    validate_config(prepare_config(config))
    _, command, ray = config["worker_start_ray_commands"]
    assert "ray start" in ray
    done = subprocess.run(["bash", "-c", command], env={"HOME": str(tmp_path), "PATH": "/bin:/usr/bin"}, check=False)
    assert done.returncode == 0, "as on a machine without MPS"
    script = tmp_path / "command.sh"
    script.write_text(f"#!/bin/bash\n{command}\n", encoding="utf-8")
    checked = shellcheck("--exclude=SC2015", str(script))  # SC2015: a daemon that does not start is ignored too
    assert checked.returncode == 0, checked.stdout


# --- writing them ---


@pytest.mark.parametrize("kind", KINDS)
def test_all_files_of_a_kind_are_written_without_placeholders(kind: str, tmp_path: Path) -> None:
    written = write(KINDS[kind], tmp_path / "new")
    assert {path.name for path in written} == {*KINDS[kind].files, REQUIREMENTS}
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@[A-Z]+@", text)
        assert path.stat().st_mode & 0o111 == (0o111 if path.suffix == ".sh" else 0)
    versioned = "".join(path.read_text(encoding="utf-8") for path in written)
    assert platform.python_version() in versioned or kind == "kuberay"


def test_an_existing_file_is_not_replaced_unless_forced(tmp_path: Path) -> None:
    kept = tmp_path / "aws.yaml"
    kept.write_text("mine", encoding="utf-8")
    with pytest.raises(
        BadInputError,
        match=r"not replaced unless you ask for it: .*aws\.yaml.* exists; choose another name or folder",
    ):
        write(KINDS["aws"], tmp_path)
    assert kept.read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / REQUIREMENTS).exists()
    write(KINDS["aws"], tmp_path, overwrite=True)
    assert "cluster_name: tunesmith" in kept.read_text(encoding="utf-8")


@pytest.mark.parametrize(("first", "second"), [("aws", "aws"), ("aws", "gcp"), ("kuberay", "docker")])
def test_several_kinds_can_be_written_to_one_folder_more_than_once(first: str, second: str, tmp_path: Path) -> None:
    write(KINDS[first], tmp_path)
    assert {path.name for path in write(KINDS[second], tmp_path)} == {*KINDS[second].files, REQUIREMENTS}
    (tmp_path / REQUIREMENTS).write_text("torch\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"not replaced unless you ask for it: \S*requirements\.txt exists"):
        write(KINDS[second], tmp_path)


def test_a_folder_that_cannot_be_created_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInputError, match="the folder of launch files must be writable"):
        write(KINDS["slurm"], tmp_path / "file")


def test_the_error_for_an_unknown_kind_suggests_a_similar_one() -> None:
    with pytest.raises(BadInputError, match="did you mean 'kuberay'"):
        find_kind("kubray")


def test_unfilled_lines_are_listed_and_comments_are_ignored(tmp_path: Path) -> None:
    written = write(KINDS["aws"], tmp_path)
    assert [text for _, text in unfilled_lines(written[0])] == ["ImageId: &image FILL_IN", "Name: FILL_IN"]
    number, _ = unfilled_lines(written[0])[0]
    assert "FILL_IN" in written[0].read_text(encoding="utf-8").splitlines()[number - 1]


# --- Ray's cluster launcher ---


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_accepts_the_launch_file(kind: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(launcher_config(kind))
    validate_config(config)
    head = config["available_node_types"][config["head_node_type"]]
    workers = [each for name, each in config["available_node_types"].items() if name != config["head_node_type"]]
    if kind != "on-prem":  # where Ray has one type for all machines
        assert head["resources"] == {"CPU": 0}
        assert [each["min_workers"] for each in workers] == [2]
        assert config["max_workers"] == 8


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_rejects_an_unknown_key(kind: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config({**launcher_config(kind), "max_wrokers": 3}))


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_nodes_require_the_token_and_the_dashboard_listens_on_loopback(kind: str) -> None:
    config = launcher_config(kind)
    head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    assert "RAY_AUTH_MODE=token ray start --head " in head
    assert "--dashboard-host=127.0.0.1" in head
    assert "RAY_AUTH_MODE=token ray start --address=$RAY_HEAD_IP:6379" in worker
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token", "~/requirements.txt": REQUIREMENTS}
    assert any(f"--python {platform.python_version()} " in command for command in config["setup_commands"])


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_start_accepts_every_option(kind: str) -> None:
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    config = launcher_config(kind)
    for command in (config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]):
        assert set(re.findall(r"(--[a-z-]+)", command)) <= known


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_shellcheck_accepts_the_commands(kind: str, tmp_path: Path) -> None:
    config = launcher_config(kind)
    lists = ("setup_commands", "head_setup_commands", "worker_setup_commands")
    lists = (*lists, "head_start_ray_commands", "worker_start_ray_commands")
    script = tmp_path / "commands.sh"
    script.write_text("\n".join(["#!/bin/bash", *(each for name in lists for each in config[name])]) + "\n")
    # SC2016: the variable is written to a file. SC2154: Ray sets RAY_HEAD_IP. SC2086: the line follows Ray's examples.
    done = shellcheck("--exclude=SC2016,SC2154,SC2086", str(script))
    assert done.returncode == 0, done.stdout


@pytest.fixture
def aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A mocked AWS account, with the role and profile that Ray would create."""
    moto = pytest.importorskip("moto")
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".ssh").mkdir()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "none")
    with moto.mock_aws():
        import boto3

        iam = boto3.client("iam", "us-west-2")
        for profile in ("ray-autoscaler-v1", "workers"):
            iam.create_instance_profile(InstanceProfileName=profile)
        iam.create_role(RoleName="ray-autoscaler-v1", AssumeRolePolicyDocument="{}")
        iam.add_role_to_instance_profile(InstanceProfileName="ray-autoscaler-v1", RoleName="ray-autoscaler-v1")
        yield


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # boto's and Ray's own
@pytest.mark.usefixtures("aws")
def test_rays_launcher_starts_the_described_instances_on_a_mocked_aws() -> None:
    """The mock checks every parameter."""
    import boto3
    from ray.autoscaler._private.aws.config import bootstrap_aws
    from ray.autoscaler._private.aws.node_provider import AWSNodeProvider
    from ray.autoscaler._private.util import prepare_config, validate_config

    client = boto3.client("ec2", "us-west-2")
    image = client.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
    text = render(KINDS["aws"])["aws.yaml"]
    text = text.replace("&image FILL_IN", f"&image {image}").replace("Name: FILL_IN", "Name: workers")
    config = prepare_config(yaml.safe_load(text))
    validate_config(config)
    config = bootstrap_aws(config)
    config = AWSNodeProvider.fillout_available_node_types_resources(config)
    types = config["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert (types["gpu"]["resources"]["CPU"], types["gpu"]["resources"]["GPU"]) == (4, 1)
    provider = AWSNodeProvider(config["provider"], config["cluster_name"])
    for name in ("head", "gpu"):
        tags = {"ray-node-type": "worker", "ray-user-node-type": name, "ray-launch-config": "any"}
        provider.create_node(types[name]["node_config"], tags, 1)
    reservations = client.describe_instances()["Reservations"]
    instances = [instance for reservation in reservations for instance in reservation["Instances"]]
    by_type = {each["InstanceType"]: each for each in instances}
    assert set(by_type) == {"m7i.xlarge", "g5.xlarge"}
    assert by_type["g5.xlarge"].get("InstanceLifecycle") == "spot"
    assert by_type["g5.xlarge"]["IamInstanceProfile"]["Arn"].endswith("/workers")
    assert all(each["MetadataOptions"]["HttpTokens"] == "required" for each in instances)


# --- Slurm, Docker ---


def shellcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("shellcheck")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_shellcheck_accepts_the_slurm_script(tmp_path: Path) -> None:
    script = tmp_path / "slurm.sh"
    script.write_text(render(KINDS["slurm"])["slurm.sh"], encoding="utf-8")
    done = shellcheck("--severity=style", str(script))
    assert (done.returncode, done.stdout) == (0, "")


def test_the_slurm_script_gets_a_signal_before_the_time_limit_and_its_directives_come_first() -> None:
    lines = render(KINDS["slurm"])["slurm.sh"].splitlines()
    directives = [number for number, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first_command = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert max(directives) < first_command, "sbatch reads no directive after the first command"
    (signal,) = [line for line in lines if line.startswith("#SBATCH --signal")]
    seconds = re.fullmatch(r"#SBATCH --signal=B:TERM@(\d+)", signal)
    assert seconds
    assert int(seconds[1]) >= 60, "Slurm may send it up to 60 seconds late"


def test_the_image_has_this_python_runs_without_root_and_forwards_signals() -> None:
    text = render(KINDS["docker"])["Dockerfile"]
    steps = [line.partition(" ")[::2] for line in text.replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    names = [name for name, _ in steps]
    assert names[0] == "FROM"
    assert set(names) <= {"FROM", "RUN", "ENV", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert steps[0][1] == f"python:{platform.python_version()}-slim"
    assert [arguments for name, arguments in steps if name == "USER"] == ["1000"]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name == "RUN")
    assert '"tini"' in next(arguments for name, arguments in steps if name == "ENTRYPOINT")


def test_hadolint_accepts_the_dockerfile(tmp_path: Path) -> None:
    if not hadolint().exists():
        pytest.skip("hadolint is not installed")
    file = tmp_path / "Dockerfile"
    file.write_text(render(KINDS["docker"])["Dockerfile"], encoding="utf-8")
    done = subprocess.run([hadolint(), file], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def hadolint() -> Path:
    return Path(sys.executable).with_name("hadolint")
