"""The launch files for Kubernetes satisfy the schemas of KubeRay and Kubernetes."""

# The schemas are partly untyped:
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import os
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cluster.launch.files import KINDS, render


def manifests(*, mps: bool = False) -> list[dict[str, Any]]:
    texts = dict(render(KINDS["kuberay"]))
    if mps:
        texts["kuberay.yaml"] = texts["kuberay.yaml"].replace("# command: ", "command: ")
    return [each for name in ("kuberay.yaml", "kuberay-job.yaml") for each in yaml.safe_load_all(texts[name])]


def manifest(kind: str, *, mps: bool = False) -> dict[str, Any]:
    (document,) = [each for each in manifests(mps=mps) if each["kind"] == kind]
    return document


def groups(*, mps: bool = False) -> list[dict[str, Any]]:
    spec = manifest("RayCluster", mps=mps)["spec"]
    return [spec["headGroupSpec"], *spec["workerGroupSpecs"]]


def test_the_ray_cluster_requires_a_token_and_is_not_exposed_to_the_outside() -> None:
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


def test_each_group_has_one_container_whose_requests_equal_its_limits() -> None:
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


def test_the_daemon_of_mps_can_be_started_where_trials_run(tmp_path: Path) -> None:
    """KubeRay joins a container's command and its own by "&&"."""
    head, worker = (group["template"]["spec"]["containers"][0] for group in groups(mps=True))
    assert "command" not in head
    (command,) = worker["command"]
    joined, variables = f"{command} && ulimit -n 64; echo started", {"HOME": str(tmp_path), "PATH": "/bin:/usr/bin"}
    done = subprocess.run(["bash", "-c", joined], env=variables, capture_output=True, check=False)
    assert done.stdout == b"started\n", "as in a container without MPS"


def test_the_job_runs_on_that_cluster_and_has_time_to_end_cleanly() -> None:
    job = manifest("RayJob")["spec"]
    assert job["clusterSelector"] == {"ray.io/cluster": manifest("RayCluster")["metadata"]["name"]}
    assert int(yaml.safe_load(job["runtimeEnvYAML"])["env_vars"]["RAY_JOB_STOP_WAIT_TIME_S"]) >= 15
    mounted = {mount["mountPath"] for mount in groups()[0]["template"]["spec"]["containers"][0]["volumeMounts"]}
    assert job["entrypoint"].split()[2].startswith(tuple(mounted))


def test_pods_and_the_claim_satisfy_the_schemas_of_kubernetes() -> None:
    validator = pytest.importorskip("kubernetes_validate")
    newest = validator.latest_version()
    pods: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "any"}, **group["template"]}
        for mps in (False, True)
        for group in groups(mps=mps)
    ]
    for each in (*pods, manifest("PersistentVolumeClaim")):
        validator.validate(each, newest, strict=True)
    wrong: dict[str, Any] = {**pods[0]["spec"], "contaners": []}
    with pytest.raises(validator.ValidationError):
        validator.validate({**pods[0], "spec": wrong}, newest, strict=True)


CRDS = "TUNESMITH_TEST_KUBERAY_CRDS"


@pytest.mark.skipif(
    CRDS not in os.environ, reason=f"{CRDS} does not name a folder with KubeRay's ray.io_rayclusters.yaml"
)
@pytest.mark.parametrize(
    ("kind", "file"), [("RayCluster", "ray.io_rayclusters.yaml"), ("RayJob", "ray.io_rayjobs.yaml")]
)
@pytest.mark.parametrize("mps", [False, True])
def test_manifests_satisfy_the_schemas_of_kuberay(kind: str, file: str, mps: bool) -> None:
    definition = yaml.safe_load((Path(os.environ[CRDS]) / file).read_text(encoding="utf-8"))
    (described,) = [each for each in definition["spec"]["versions"] if each["name"] == "v1"]
    schema = _without_unknown_keys(described["schema"]["openAPIV3Schema"])
    schema["properties"]["metadata"] = {"type": "object"}
    jsonschema.Draft202012Validator(schema).validate(manifest(kind, mps=mps))


def _without_unknown_keys(schema: Any) -> Any:
    """Return a schema that rejects unknown keys, like kubectl."""
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
