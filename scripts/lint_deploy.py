#!/usr/bin/env python3
"""Checks the files in deploy/, without a Kubernetes cluster, and docker/compose.yaml.

In deploy/, it checks every manifest against the schemas of Kubernetes, the references between the manifests, the
overlays, and rules that the schemas do not contain. In docker/compose.yaml, it checks that every setting is passed on
and that every service has limits of memory and processes. In docker/, it checks that every image is named by its
digest. In deploy/ and in docker/compose.yaml, it checks that a server has enough time to stop.

It must run with the Python of .tools/venv, which has PyYAML and kubernetes-validate (scripts/tools.txt).
"""

import pathlib
import re
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
DEPLOY = ROOT / "deploy"
BASE = DEPLOY / "base"
COMPOSE = ROOT / "docker" / "compose.yaml"
DOCKERFILE = ROOT / "docker" / "Dockerfile"
# The settings that have fixed values in the container.
FIXED = {"APP_HOST", "APP_PORT", "DATA_DIR"}
# The heading of .env.example above the variables that only docker/compose.yaml reads.
COMPOSE_ALONE = "# --- docker/compose.yaml alone"
# The number of seconds in which a server ends its threads after LAST_WORK (crates/server/src/cli/serve.rs), with a margin.
LATE = 3
# The Kubernetes objects that the operator creates (deploy/README.md). No manifest contains them.
FROM_OUTSIDE = {("Secret", "cinema-secrets")}


def documents(path: pathlib.Path) -> list[dict]:
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


def example() -> tuple[dict[str, str], set[str]]:
    """Returns the settings in .env.example with their defaults, and the variables that only Compose reads."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    server, compose = (dict(re.findall(r"^#([A-Z][A-Z0-9_]*)=(.*)$", part, re.M)) for part in text.split(COMPOSE_ALONE))
    return server, set(compose)


def secrets() -> set[str]:
    """Returns the settings that may also be given as NAME_FILE."""
    names = (ROOT / "crates/server/src/config/names.rs").read_text(encoding="utf-8")
    listed = re.search(r"const SECRETS: \[&str; (\d+)\] = \[(.*?)\];", names, re.S)
    found = set(re.findall(r'"([A-Z0-9_]+)"', listed[2]))
    if len(found) != int(listed[1]):
        sys.exit("lint_deploy: cannot read SECRETS in names.rs")
    return found


def seconds_of_a_stop() -> int:
    """Returns the longest time that a server takes to stop, in production with default settings."""
    config = (ROOT / "crates/server/src/config.rs").read_text(encoding="utf-8")
    drain = re.search(r"const DRAIN_SECONDS: u32 = (\d+);", config)
    serve = (ROOT / "crates/server/src/cli/serve.rs").read_text(encoding="utf-8")
    work = re.search(r"const LAST_WORK: Duration = Duration::from_secs\((\d+)\);", serve)
    return int(drain[1]) + int(work[1]) + LATE


def image_problems() -> list[str]:
    """Checks that every image from a registry is named by its digest, because a tag can be moved to another image."""
    dockerfile = DOCKERFILE.read_text(encoding="utf-8")
    images = re.findall(r"^(?:# syntax=|FROM )(\S+)", dockerfile, re.M)
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"].values()
    images += [service["image"] for service in services if "build" not in service and service["image"] != "cinema:local"]
    return [f"docker/: image {i} has no digest" for i in images if not re.search(r"@sha256:[0-9a-f]{64}$", i)]


def compose_problems() -> list[str]:
    settings, own = example()
    files = {f"{name}_FILE" for name in secrets()}
    text = COMPOSE.read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    problems = []
    for name in ("server", "migrate"):
        handed_on = set(services[name]["environment"])
        expected = (set(settings) - FIXED) | files
        problems += [f"{name} does not get the setting {n}" for n in sorted(expected - handed_on)]
        problems += [f"{name} gets {n}, which is not a setting" for n in sorted(handed_on - expected)]
    known = set(settings) | files | own
    used = set(re.findall(r"\$\{([A-Za-z0-9_]+)", text))
    problems += [f"{n} is not in .env.example" for n in sorted(used - known)]
    problems += [f"{n} is in .env.example, and nothing reads it" for n in sorted(own - used)]
    grace = int(services["server"]["stop_grace_period"].removesuffix("s"))
    if grace < seconds_of_a_stop():
        problems.append(f"stop_grace_period is {grace} s, and a stop takes {seconds_of_a_stop()}")
    for name, service in services.items():
        problems += [f"{name} has no {limit}" for limit in ("mem_limit", "pids_limit") if limit not in service]
    return problems


def grace_problems(pod: dict) -> list[str]:
    """Checks that a server can stop, including preStop, before Kubernetes kills the pod."""
    waits = [c.get("lifecycle", {}).get("preStop", {}).get("exec", {}).get("command", ["sleep", "0"]) for c in pod["containers"]]
    needed = max(int(wait[1]) for wait in waits) + seconds_of_a_stop()
    grace = pod.get("terminationGracePeriodSeconds", 30)
    return [f"terminationGracePeriodSeconds is {grace}, and a stop takes {needed}"] if grace < needed else []


def pod_problems(pod: dict, known: set[tuple[str, str]]) -> list[str]:
    """Checks the references of a pod to other manifests, and the properties that every pod must have."""
    problems = []
    volumes = {v["name"] for v in pod.get("volumes", [])}
    account = pod.get("serviceAccountName")
    if account and ("ServiceAccount", account) not in known:
        problems.append(f"service account {account} is not there")
    if pod.get("securityContext", {}).get("runAsNonRoot") is not True:
        problems.append("the pod may run as root")
    for container in pod.get("initContainers", []) + pod["containers"]:
        name = container["name"]
        rights = container.get("securityContext", {})
        if rights.get("readOnlyRootFilesystem") is not True or rights.get("allowPrivilegeEscalation") is not False:
            problems.append(f"{name}: the root is writable or privileges may grow")
        if rights.get("capabilities", {}).get("drop") != ["ALL"]:
            problems.append(f"{name}: capabilities are not dropped")
        if "memory" not in container.get("resources", {}).get("limits", {}):
            problems.append(f"{name}: no memory limit")
        problems += [f"{name}: volume {m['name']} is not there" for m in container.get("volumeMounts", []) if m["name"] not in volumes]
        for source in container.get("envFrom", []):
            for key, kind in (("configMapRef", "ConfigMap"), ("secretRef", "Secret")):
                if key in source and (kind, source[key]["name"]) not in known:
                    problems.append(f"{name}: {kind} {source[key]['name']} is not there")
        ports = {p["name"] for p in container.get("ports", [])}
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            if container in pod["containers"] and probe not in container:
                problems.append(f"{name}: no {probe}")
            elif probe in container and container[probe]["httpGet"]["port"] not in ports:
                problems.append(f"{name}: {probe} asks a port that is not there")
    return problems


def literals(kustomization: dict) -> dict[str, str]:
    """Returns the settings that a kustomization contains."""
    generators = kustomization.get("configMapGenerator", [])
    return dict(literal.split("=", 1) for g in generators for literal in g["literals"])


def overlay_problems(folder: pathlib.Path, base: dict) -> list[str]:
    """Checks that the base contains what an overlay refers to, and that an overlay contains only known settings."""
    overlay = documents(folder / "kustomization.yaml")[0]
    maps = {g["name"] for g in base["configMapGenerator"]}
    problems = [f"{r} is not there" for r in overlay["resources"] if not (folder / r / "kustomization.yaml").is_file()]
    for generator in overlay.get("configMapGenerator", []):
        if generator["name"] not in maps or generator.get("behavior") != "merge":
            problems.append(f"{generator['name']} is not merged into a map of the base")
    problems += [f"{n} is not a setting" for n in sorted(set(literals(overlay)) - set(example()[0]))]
    return [f"deploy/{folder.name}: {p}" for p in problems]


def pool_problems(deployment: dict, settings: dict[str, str]) -> list[str]:
    """Checks that the pods during a rollout open fewer connections than PostgreSQL allows by default."""
    pods = deployment["spec"]["replicas"] + deployment["spec"]["strategy"]["rollingUpdate"]["maxSurge"]
    connections = pods * int(settings["DATABASE_POOL_SIZE"]) + 5
    return [f"a rollout opens {connections} connections to PostgreSQL"] if connections >= 100 else []


def main() -> int:
    kustomization = documents(BASE / "kustomization.yaml")[0]
    problems = []
    listed = set(kustomization["resources"])
    present = {p.name for p in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    problems += [f"kustomization.yaml does not list {n}" for n in sorted(present - listed)]
    problems += [f"kustomization.yaml lists {n}, which is not there" for n in sorted(listed - present)]

    files = [BASE / n for n in sorted(present)]
    manifests = [d for f in files for d in documents(f)]
    known = FROM_OUTSIDE | {(d["kind"], d["metadata"]["name"]) for d in manifests}
    known |= {("ConfigMap", g["name"]) for g in kustomization.get("configMapGenerator", [])}
    images = {i["name"] for i in kustomization.get("images", [])}
    pods = {}
    for manifest in manifests:
        if "template" in manifest.get("spec", {}):
            template = manifest["spec"]["template"]
            pods[manifest["metadata"]["name"]] = template
            problems += pod_problems(template["spec"], known) + grace_problems(template["spec"])
            for container in template["spec"].get("initContainers", []) + template["spec"]["containers"]:
                if container["image"] not in images:
                    problems.append(f"{container['name']}: image {container['image']} is not under images:")
    labels = [t["metadata"]["labels"] for t in pods.values()]
    for manifest in manifests:
        spec = manifest.get("spec", {})
        selector = spec.get("selector", spec.get("podSelector", {}))
        wanted = selector.get("matchLabels", selector)
        if wanted and not any(wanted.items() <= have.items() for have in labels):
            problems.append(f"{manifest['kind']} {manifest['metadata']['name']} selects no pod")

    settings = literals(kustomization)
    problems += [f"{n} is not a setting" for n in sorted(set(settings) - set(example()[0]))]
    if settings.get("APP_ENV") != "prod":
        problems.append("the base is not for production")
    for manifest in manifests:
        if manifest["kind"] == "Deployment":
            problems += pool_problems(manifest, settings)
    kinds = {m["kind"] for m in manifests}
    problems += [f"no {kind}" for kind in ("NetworkPolicy", "PodDisruptionBudget") if kind not in kinds]

    problems = [f"deploy/base: {p}" for p in problems] + [f"docker/compose.yaml: {p}" for p in compose_problems()]
    problems += image_problems()
    for folder in sorted(p.parent for p in DEPLOY.glob("*/kustomization.yaml")):
        if folder != BASE:
            problems += overlay_problems(folder, kustomization)
    for problem in problems:
        print(problem, file=sys.stderr)
    validate = pathlib.Path(sys.executable).parent / "kubernetes-validate"
    schemas = subprocess.run([validate, "--strict", "--quiet", *files], check=False)
    return 1 if problems else schemas.returncode


if __name__ == "__main__":
    sys.exit(main())
