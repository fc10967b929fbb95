"""The image, compose file and Kubernetes manifests say what the code and the pins say."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from dockerfile_parse import DockerfileParser
from kubernetes_validate import validate
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.utilities.templating import apply_values, find_placeholders

from flows.cli import app
from flows.deployment import WORK_POOL
from flows.lake.jars import JAVA_VERSIONS
from flows.settings import PROJECT_ROOT, Settings

INFRA = PROJECT_ROOT / "infra"
KUBERNETES = INFRA / "kubernetes"
COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
POOL = json.loads((KUBERNETES / "work-pool.json").read_text(encoding="utf-8"))
USER = 10001


def read_manifests() -> list[dict[str, Any]]:
    names = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))["resources"]
    return [each for name in names for each in yaml.safe_load_all((KUBERNETES / name).read_text(encoding="utf-8"))]


MANIFESTS = read_manifests()
PODS: dict[str, dict[str, Any]] = {
    each["metadata"]["name"]: each["spec"]["template"]["spec"]
    for each in MANIFESTS
    if each["kind"] in {"Deployment", "StatefulSet", "Job"}
} | {"flow-run": POOL["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]}
every_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> DockerfileParser:
    copy = tmp_path_factory.mktemp("image") / "Dockerfile"
    shutil.copy(INFRA / "Dockerfile", copy)
    return DockerfileParser(path=str(copy))


def named_settings() -> set[str]:
    """Return every EPILAKE_* variable and every secret file of a setting that stands anywhere in infra."""
    texts = [path.read_text(encoding="utf-8") for path in INFRA.rglob("*") if path.suffix in {".yaml", ".json", ".sh"}]
    texts.append((INFRA / "Dockerfile").read_text(encoding="utf-8"))
    variables = {name for text in texts for name in re.findall(r"\bEPILAKE_[A-Z_]+\b", text)} - {"EPILAKE_IMAGE"}
    secrets = {name.upper() for name in COMPOSE["secrets"] if name.startswith("epilake_")} - {"EPILAKE_SECRET_KEY"}
    return variables | secrets


def named_commands() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield where each command line of ours stands, and its words."""
    for name, service in SERVICES.items():
        if "command" in service:
            yield f"compose {name}", tuple(map(str, service["command"]))
    for name, pod in PODS.items():
        for container in pod["containers"]:
            if isinstance(container.get("args"), list):
                yield f"kubernetes {name}", tuple(map(str, container["args"]))


def known_commands() -> set[str]:
    group: Any = typer.main.get_command(app)
    return set(group.commands)


def test_every_variable_is_a_setting() -> None:
    known = {f"EPILAKE_{name.upper()}" for name in Settings.model_fields}
    assert named_settings() <= known


def test_every_command_is_one_that_the_command_line_has() -> None:
    words = [line for _, line in named_commands() if line[0] == "epilake"]
    assert {line[1] for line in words} <= known_commands()


def test_a_misspelt_command_would_be_found() -> None:
    assert "scroe" not in known_commands()
    assert {"setup", "score", "run"} <= known_commands()


def test_image_is_of_the_pinned_python_and_java(dockerfile: DockerfileParser) -> None:
    assert set(dockerfile.parent_images) == {"python:3.11-slim-bookworm"}
    text = dockerfile.content
    assert [int(found) for found in re.findall(r"openjdk-(\d+)-jre-headless", text)] == [JAVA_VERSIONS[0]]
    classes = (PROJECT_ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert 'requires-python = ">=3.11' in classes
    assert "--constraint constraints.txt" in text


def test_image_runs_as_nobody_in_particular_and_looks_after_itself(dockerfile: DockerfileParser) -> None:
    last = dockerfile.structure[max(at for at, each in enumerate(dockerfile.structure)
                                    if each["instruction"] == "FROM"):]  # fmt: skip
    found = {each["instruction"]: each["value"] for each in last}
    assert found["USER"] == f"{USER}:{USER}"
    assert "/health" in found["HEALTHCHECK"]
    assert json.loads(found["CMD"]) == SERVICES["scorer"]["command"]
    after_user = [each for each in last if each["startline"] > next(
        line["startline"] for line in last if line["instruction"] == "USER")]  # fmt: skip
    assert any("epilake setup" in each["value"] for each in after_user if each["instruction"] == "RUN")


def test_no_secret_can_come_into_a_layer(dockerfile: DockerfileParser) -> None:
    words = re.compile(r"token|password|secret", re.IGNORECASE)
    assert not [
        each for each in dockerfile.structure if each["instruction"] != "COMMENT" and words.search(each["value"])
    ]
    ignored = (PROJECT_ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert ignored[0] == "*", "only what is named comes into the build"
    assert "infra/secrets" in ignored
    for copied in (each for each in dockerfile.structure if each["instruction"] == "COPY"):
        for source in copied["value"].split()[:-1]:
            assert source.startswith(("--from", "/opt")) or f"!{source}" in ignored or source == "flows", copied


def test_what_the_image_copies_is_there(dockerfile: DockerfileParser) -> None:
    for copied in (each["value"] for each in dockerfile.structure if each["instruction"] == "COPY"):
        if not copied.startswith("--from"):
            assert all((PROJECT_ROOT / source).exists() for source in copied.split()[:-1]), copied


def test_no_image_floats() -> None:
    images = {service["image"] for service in SERVICES.values()}
    images |= {container["image"] for pod in PODS.values() for container in pod["containers"]}
    pinned = {image for image in images if ":" in image and not image.endswith(":latest")}
    assert images - pinned == {"epilake", "{{ image }}"}, "kustomize and the pool name these"
    assert f"epilake:{version('epilake')}" in images
    assert f"prefecthq/prefect:{version('prefect')}-python3.11-kubernetes" in images
    tags = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text(encoding="utf-8"))["images"]
    assert {each["newTag"] for each in tags} == {version("epilake")}


def test_compose_and_kubernetes_run_the_same_servers() -> None:
    kubernetes = {name: pod["containers"][0]["image"] for name, pod in PODS.items()}
    for name in ("postgres", "kafka"):
        assert SERVICES[name]["image"] == kubernetes[name]
    assert set(SERVICES) | {"flow-run"} == set(PODS)


@pytest.mark.parametrize("name", ["scorer", "mlflow", "prefect"])
def test_ports_agree(name: str) -> None:
    (container,) = PODS[name]["containers"]
    (port,) = (each["containerPort"] for each in container["ports"])
    (service,) = (each for each in MANIFESTS if each["kind"] == "Service" and each["metadata"]["name"] == name)
    assert service["spec"]["ports"][0]["port"] == port
    assert SERVICES[name]["ports"] == [f"127.0.0.1:{port}:{port}"], "only this machine reaches it"
    for command in (container["args"], SERVICES[name]["command"]):
        assert {str(port), f"--port={port}"} & set(map(str, command))
    reached = [
        each["port"]
        for policy in MANIFESTS
        if policy["kind"] == "NetworkPolicy"
        and policy["spec"]["podSelector"] == {"matchLabels": {"app.kubernetes.io/name": name}}
        for rule in policy["spec"].get("ingress", [])
        for each in rule["ports"]
    ]
    assert set(reached) == {port}


def test_clients_name_services_and_ports_that_exist() -> None:
    ports = {each["metadata"]["name"]: each["spec"]["ports"][0]["port"] for each in MANIFESTS
             if each["kind"] == "Service"}  # fmt: skip
    text = "".join(path.read_text(encoding="utf-8") for path in (INFRA / "compose.yaml", KUBERNETES / "stream.yaml",
                   KUBERNETES / "scorer.yaml", KUBERNETES / "work-pool.json"))  # fmt: skip
    named = re.findall(r"\b(?:http://|value: \"?)?(mlflow|prefect|kafka):(\d{4})\b", text)
    assert {name for name, _ in named} == {"mlflow", "prefect", "kafka"}
    controller = ("kafka", "9093")
    assert not [each for each in named if str(ports[each[0]]) != each[1] and each != controller]


@every_pod
def test_pod_has_no_power_and_writes_nothing_but_its_volumes(pod: dict[str, Any]) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod.get("automountServiceAccountToken") is False or pod["serviceAccountName"] == "worker"
    for container in pod["containers"]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "memory" in container["resources"]["limits"]
        mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
        claims = {"data"} if container["name"] in {"postgres", "kafka"} else set()
        assert mounted == {volume["name"] for volume in pod["volumes"]} | claims


@pytest.mark.parametrize("name", sorted(set(PODS) - {"deploy", "flow-run", "stream"}))
def test_server_has_probes(name: str) -> None:
    (container,) = PODS[name]["containers"]
    assert "livenessProbe" in container
    assert "readinessProbe" in container or name == "worker", "nobody asks the worker"


def test_secrets_are_named_and_never_held() -> None:
    assert not [each for each in MANIFESTS if each["kind"] == "Secret"]
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())
    held = [path.name for path in (INFRA / "secrets").iterdir() if path.name != ".gitignore"]
    tracked = subprocess.run(
        ["git", "ls-files", "infra/secrets"], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    assert tracked in ([], ["infra/secrets/.gitignore"]), held
    for service in SERVICES.values():
        assert set(service.get("secrets", [])) <= set(COMPOSE["secrets"])
        environment = {
            name: value for name, value in service.get("environment", {}).items() if "/run/" not in str(value)
        }
        assert not [name for name in environment if re.search("PASSWORD|TOKEN", name)]


def test_everything_is_denied_that_is_not_allowed() -> None:
    policies = {each["metadata"]["name"]: each["spec"] for each in MANIFESTS if each["kind"] == "NetworkPolicy"}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    labels = {name: {"app.kubernetes.io/name": name} for name in PODS}
    for name, spec in policies.items():
        for selector in spec["podSelector"].get("matchLabels", {}).items():
            known = {item for each in labels.values() for item in each.items()}
            assert selector in known | {("needs-postgres", "true"), ("kafka-client", "true")}, name


def test_scorer_grows_and_is_never_all_away() -> None:
    (scaler,) = (each["spec"] for each in MANIFESTS if each["kind"] == "HorizontalPodAutoscaler")
    (budget,) = (each["spec"] for each in MANIFESTS if each["kind"] == "PodDisruptionBudget")
    (scorer,) = (each for each in MANIFESTS if each["kind"] == "Deployment" and each["metadata"]["name"] == "scorer")
    assert scaler["scaleTargetRef"]["name"] == scorer["metadata"]["name"]
    assert "replicas" not in scorer["spec"], "the autoscaler says how many"
    assert budget["minAvailable"] < scaler["minReplicas"] < scaler["maxReplicas"]
    assert budget["selector"] == scorer["spec"]["selector"]


def test_who_writes_the_lake_runs_on_one_node() -> None:
    """Writers take turns by file locks, which reach no other node."""
    for name, pod in PODS.items():
        claims = [volume.get("persistentVolumeClaim", {}).get("claimName") for volume in pod["volumes"]]
        if "lake" in claims:
            (term,) = pod["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]
            assert term["topologyKey"] == "kubernetes.io/hostname", name
            assert term["labelSelector"] == {"matchLabels": {"lake": "mounted"}}


def test_pool_template_is_what_prefect_understands_and_makes_a_job_that_kubernetes_understands() -> None:
    WorkPoolCreate(name=WORK_POOL, type="kubernetes", base_job_template=POOL)
    variables = POOL["variables"]["properties"]
    assert {found.name for found in find_placeholders(POOL["job_configuration"])} == set(variables)
    values = {name: each["default"] for name, each in variables.items() if "default" in each}
    values |= {"command": "prefect flow-run execute", "labels": {}, "name": "run", "env": {}, "image": "epilake:0.1.0"}
    job = apply_values(POOL["job_configuration"]["job_manifest"], values)
    pod = job["spec"]["template"]["spec"]
    assert (pod.pop("parallelism"), pod.pop("completions")) == (1, 1)  # misplaced, as Prefect's worker demands
    pod["containers"][0]["args"] = pod["containers"][0]["args"].split()  # as its worker does
    validate(job, "1.33", strict=True)


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed: it holds kustomize")
def test_kustomize_puts_the_manifests_together() -> None:
    built = subprocess.run(["kubectl", "kustomize", str(KUBERNETES)], capture_output=True, text=True, check=True).stdout
    found = [each for each in yaml.safe_load_all(built) if each]
    assert len(found) == len(MANIFESTS) + 1, "and the generated ConfigMap"
    for each in found:
        validate(each, "1.33", strict=True)
    (deploy,) = (each for each in found if each["kind"] == "Job")
    (container,) = deploy["spec"]["template"]["spec"]["containers"]
    given = {variable["name"]: variable["value"] for variable in container["env"]}
    assert given["IMAGE"] == container["image"], "the pool's jobs run the same image"


def test_passwords_of_any_spelling_reach_the_servers_whole(tmp_path: Path) -> None:
    (tmp_path / "postgres_password").write_text("p@ss/w:rd%20#\n", encoding="utf-8")
    script = "import os; print(os.environ['MLFLOW_BACKEND_STORE_URI'])"
    told = subprocess.run(
        [str(INFRA / "with_password.sh"), "python3", "-c", script],
        env={"SECRETS": str(tmp_path), "PATH": f"{PROJECT_ROOT / '.venv' / 'bin'}:/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    from sqlalchemy.engine import make_url

    url = make_url(told.strip())
    assert (url.password, url.host, url.port, url.database) == ("p@ss/w:rd%20#", "postgres", 5432, "mlflow")
