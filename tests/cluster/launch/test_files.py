"""The launch files satisfy the schemas of their readers: Ray, Kubernetes, Slurm's shell, Docker."""

# Ray and moto are partly untyped:
# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

import os
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
from cluster.pins import pins, python_version
from data_prep.errors import BadInputError

ROOT = Path(__file__).parents[3]
BY_LAUNCHER = ["aws", "gcp", "on-prem"]


def launcher_config(kind: str) -> dict[str, Any]:
    return yaml.safe_load(render(KINDS[kind])[f"{kind}.yaml"])


def manifests() -> list[dict[str, Any]]:
    texts = render(KINDS["kuberay"])
    return [each for name in ("kuberay.yaml", "kuberay-job.yaml") for each in yaml.safe_load_all(texts[name])]


def manifest(kind: str) -> dict[str, Any]:
    (found,) = [each for each in manifests() if each["kind"] == kind]
    return found


def groups() -> list[dict[str, Any]]:
    spec = manifest("RayCluster")["spec"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


# --- what nodes install ---


def test_nodes_install_what_is_installed_here_and_all_that_it_needs() -> None:
    names = [line.partition("==")[0] for line in pins()]
    assert {"torch", "ray", "optuna", "mlflow", "psycopg", "psycopg-binary", "aiohttp-cors", "tensorboardx"} <= set(
        names
    )
    assert not {"tunesmith", "pytest", "ruff"} & set(names)
    assert max(Counter(names).values()) == 1
    assert f"ray=={version('ray')}" in pins()
    assert not any("+" in line for line in pins()), "a node takes its own build"


def test_what_nodes_install_is_what_the_lock_pins() -> None:
    locked = {
        line.partition(";")[0].strip()
        for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    }
    assert set(pins()) <= locked


# --- writing them ---


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_written_whole_and_with_no_mark_left(kind: str, tmp_path: Path) -> None:
    written = write(KINDS[kind], tmp_path / "new")
    assert {path.name for path in written} == {*KINDS[kind].files, REQUIREMENTS}
    for path in written:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"@[A-Z]+@", text)
        assert path.stat().st_mode & 0o111 == (0o111 if path.suffix == ".sh" else 0)
    versioned = "".join(path.read_text(encoding="utf-8") for path in written)
    assert python_version() in versioned or kind == "kuberay"


def test_a_file_that_is_there_is_kept_unless_forced(tmp_path: Path) -> None:
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
def test_kinds_share_a_folder_and_are_written_again(first: str, second: str, tmp_path: Path) -> None:
    write(KINDS[first], tmp_path)
    assert {path.name for path in write(KINDS[second], tmp_path)} == {*KINDS[second].files, REQUIREMENTS}
    (tmp_path / REQUIREMENTS).write_text("torch\n", encoding="utf-8")
    with pytest.raises(BadInputError, match=r"not replaced unless you ask for it: \S*requirements\.txt exists"):
        write(KINDS[second], tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInputError, match="the folder of launch files must be writable"):
        write(KINDS["slurm"], tmp_path / "file")


def test_an_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(BadInputError, match="did you mean 'kuberay'"):
        find_kind("kubray")


def test_what_is_to_be_filled_in_is_found_with_its_line_and_comments_do_not_count(tmp_path: Path) -> None:
    written = write(KINDS["aws"], tmp_path)
    assert [text for _, text in unfilled_lines(written[0])] == ["ImageId: &image FILL_IN", "Name: FILL_IN"]
    number, _ = unfilled_lines(written[0])[0]
    assert "FILL_IN" in written[0].read_text(encoding="utf-8").splitlines()[number - 1]


# --- Ray's cluster launcher ---


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_takes_the_launch_file(kind: str) -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = prepare_config(launcher_config(kind))
    validate_config(config)
    head = config["available_node_types"][config["head_node_type"]]
    workers = [each for name, each in config["available_node_types"].items() if name != config["head_node_type"]]
    if kind != "on-prem":  # Ray keeps one type for all machines there
        assert head["resources"] == {"CPU": 0}
        assert [each["min_workers"] for each in workers] == [2]
        assert config["max_workers"] == 8


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_refuses_a_key_that_it_does_not_know(kind: str) -> None:
    """The schema is a test that can fail."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    with pytest.raises(jsonschema.ValidationError):
        validate_config(prepare_config({**launcher_config(kind), "max_wrokers": 3}))


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_every_node_demands_the_token_and_shows_no_dashboard_to_others(kind: str) -> None:
    config = launcher_config(kind)
    head, worker = config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]
    assert "RAY_AUTH_MODE=token ray start --head " in head
    assert "--dashboard-host=127.0.0.1" in head
    assert "RAY_AUTH_MODE=token ray start --address=$RAY_HEAD_IP:6379" in worker
    assert config["file_mounts"] == {"~/.ray/auth_token": "~/.ray/auth_token", "~/requirements.txt": REQUIREMENTS}
    assert any(f"--python {python_version()} " in command for command in config["setup_commands"])


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_ray_start_knows_every_option(kind: str) -> None:
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    config = launcher_config(kind)
    for command in (config["head_start_ray_commands"][-1], config["worker_start_ray_commands"][-1]):
        assert set(re.findall(r"(--[a-z-]+)", command)) <= known


@pytest.mark.parametrize("kind", BY_LAUNCHER)
def test_the_commands_are_shell(kind: str, tmp_path: Path) -> None:
    config = launcher_config(kind)
    lists = ("setup_commands", "head_setup_commands", "worker_setup_commands")
    lists = (*lists, "head_start_ray_commands", "worker_start_ray_commands")
    script = tmp_path / "commands.sh"
    script.write_text("\n".join(["#!/bin/bash", *(each for name in lists for each in config[name])]) + "\n")
    # SC2016: a variable is written, not read. SC2154: Ray sets RAY_HEAD_IP. SC2086: Ray's own line.
    found = shellcheck("--exclude=SC2016,SC2154,SC2086", str(script))
    assert found.returncode == 0, found.stdout


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
def test_aws_would_start_the_instances_as_written() -> None:
    """Ray's launcher runs until they have started; the mock checks every parameter."""
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
    instances = [each for one in client.describe_instances()["Reservations"] for each in one["Instances"]]
    by_type = {each["InstanceType"]: each for each in instances}
    assert set(by_type) == {"m7i.xlarge", "g5.xlarge"}
    assert by_type["g5.xlarge"].get("InstanceLifecycle") == "spot"
    assert by_type["g5.xlarge"]["IamInstanceProfile"]["Arn"].endswith("/workers")
    assert all(each["MetadataOptions"]["HttpTokens"] == "required" for each in instances)


# --- Kubernetes ---


def test_the_ray_cluster_is_complete_and_closed_to_the_outside() -> None:
    cluster = manifest("RayCluster")
    assert cluster["apiVersion"] == "ray.io/v1"
    spec = cluster["spec"]
    assert spec["rayVersion"] == version("ray")
    assert spec["authOptions"] == {"mode": "token"}
    assert spec["headGroupSpec"]["serviceType"] == "ClusterIP"
    assert spec["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    (worker,) = spec["workerGroupSpecs"]
    assert worker["minReplicas"] <= worker["replicas"] <= worker["maxReplicas"]
    assert spec["enableInTreeAutoscaling"] is True


def test_each_group_has_one_ray_container_with_equal_requests_and_limits() -> None:
    """KubeRay derives Ray's CPUs, GPUs and memory from the limits; a GPU's request must equal its limit."""
    for group, name in zip(groups(), ["ray-head", "ray-worker"], strict=True):
        (container,) = group["template"]["spec"]["containers"]
        assert container["name"] == name
        assert container["resources"]["requests"] == container["resources"]["limits"]
        mounts = {mount["name"] for mount in container["volumeMounts"]}
        assert mounts == {volume["name"] for volume in group["template"]["spec"]["volumes"]}
        assert group["template"]["spec"]["terminationGracePeriodSeconds"] >= 30
        assert group["template"]["spec"]["securityContext"]["runAsNonRoot"] is True
    assert groups()[1]["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert "num-gpus" not in groups()[1]["rayStartParams"]


def test_the_job_runs_on_that_cluster_and_has_time_for_a_clean_end() -> None:
    job = manifest("RayJob")["spec"]
    assert job["clusterSelector"] == {"ray.io/cluster": manifest("RayCluster")["metadata"]["name"]}
    assert int(yaml.safe_load(job["runtimeEnvYAML"])["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"]) >= 15
    mounted = {mount["mountPath"] for mount in groups()[0]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert job["entrypoint"].split()[2].startswith(tuple(mounted))


def test_pods_and_claim_hold_against_kubernetes_own_schemas() -> None:
    validator = pytest.importorskip("kubernetes_validate")
    newest = validator.latest_version()
    pods: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, **group["template"]} for group in groups()
    ]
    for each in (*pods, manifest("PersistentVolumeClaim")):
        validator.validate(each, newest, strict=True)
    wrong: dict[str, Any] = {**pods[0]["spec"], "contaners": []}
    with pytest.raises(validator.ValidationError):
        validator.validate({**pods[0], "spec": wrong}, newest, strict=True)


CRDS = "TUNESMITH_TEST_KUBERAY_CRDS"


@pytest.mark.skipif(CRDS not in os.environ, reason=f"{CRDS} names no folder with KubeRay's ray.io_rayclusters.yaml")
@pytest.mark.parametrize(
    ("kind", "file"), [("RayCluster", "ray.io_rayclusters.yaml"), ("RayJob", "ray.io_rayjobs.yaml")]
)
def test_manifests_hold_against_kuberays_own_schemas(kind: str, file: str) -> None:
    definition = yaml.safe_load((Path(os.environ[CRDS]) / file).read_text(encoding="utf-8"))
    (found,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    schema = _without_unknown_keys(found["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    jsonschema.Draft202012Validator(schema).validate(manifest(kind))


def _without_unknown_keys(schema: Any) -> Any:
    """Reject keys that a definition does not name, as kubectl does."""
    if isinstance(schema, list):
        return [_without_unknown_keys(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("x-kubernetes-int-or-string"):
        return {"type": ["integer", "string"]}
    strict = {key: _without_unknown_keys(value) for key, value in schema.items()}
    if strict.get("type") == "object" and "properties" in strict:
        strict.setdefault("additionalProperties", False)
    return strict


# --- Slurm, Docker ---


def shellcheck(*arguments: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("shellcheck")
    return subprocess.run([program, *arguments], capture_output=True, text=True, check=False)


def test_the_slurm_script_is_clean_shell(tmp_path: Path) -> None:
    script = tmp_path / "slurm.sh"
    script.write_text(render(KINDS["slurm"])["slurm.sh"], encoding="utf-8")
    found = shellcheck("--severity=style", str(script))
    assert (found.returncode, found.stdout) == (0, "")


def test_the_slurm_script_is_told_before_the_kill_and_reads_directives_before_commands() -> None:
    lines = render(KINDS["slurm"])["slurm.sh"].splitlines()
    directives = [number for number, line in enumerate(lines) if line.startswith("#SBATCH ")]
    first_command = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert max(directives) < first_command, "sbatch reads no directive after the first command"
    (signal,) = [line for line in lines if line.startswith("#SBATCH --signal")]
    seconds = re.fullmatch(r"#SBATCH --signal=B:TERM@(\d+)", signal)
    assert seconds
    assert int(seconds[1]) >= 60, "Slurm may send it up to 60 seconds late"


def test_the_image_has_this_python_runs_as_nobody_special_and_hands_signals_on() -> None:
    text = render(KINDS["docker"])["Dockerfile"]
    steps = [line.partition(" ")[::2] for line in text.replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    names = [name for name, _ in steps]
    assert names[0] == "FROM"
    assert set(names) <= {"FROM", "RUN", "ENV", "WORKDIR", "COPY", "USER", "ENTRYPOINT", "CMD"}
    assert steps[0][1] == f"python:{python_version()}-slim"
    assert [what for name, what in steps if name == "USER"] == ["1000"]
    assert names.index("USER") > max(number for number, name in enumerate(names) if name == "RUN")
    assert '"tini"' in next(what for name, what in steps if name == "ENTRYPOINT")


def test_the_dockerfile_is_clean(tmp_path: Path) -> None:
    if not hadolint().exists():
        pytest.skip("hadolint is not installed")
    file = tmp_path / "Dockerfile"
    file.write_text(render(KINDS["docker"])["Dockerfile"], encoding="utf-8")
    found = subprocess.run([hadolint(), file], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def hadolint() -> Path:
    return Path(sys.executable).with_name("hadolint")
