#!/usr/bin/env python3
"""Checks deploy/ without a cluster: every manifest against Kubernetes' schemas, and what a schema cannot see.

Run with the Python of .tools/venv (PyYAML and kubernetes-validate come from scripts/tools.txt).
"""

import pathlib
import subprocess
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASE = ROOT / "deploy" / "base"
# Made by the operator (deploy/README.md), so no file has it.
FROM_OUTSIDE = {("Secret", "cinema-secrets")}


def documents(path: pathlib.Path) -> list[dict]:
    return [d for d in yaml.safe_load_all(path.read_text(encoding="utf-8")) if d]


def pod_problems(pod: dict, known: set[tuple[str, str]]) -> list[str]:
    """Names that lead nowhere, and what every pod of ours must have."""
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
            problems += pod_problems(template["spec"], known)
            for container in template["spec"].get("initContainers", []) + template["spec"]["containers"]:
                if container["image"] not in images:
                    problems.append(f"{container['name']}: image {container['image']} is not under images:")
    labels = [t["metadata"]["labels"] for t in pods.values()]
    for manifest in manifests:
        selector = manifest.get("spec", {}).get("selector", {})
        wanted = selector.get("matchLabels", selector)
        if wanted and not any(wanted.items() <= have.items() for have in labels):
            problems.append(f"{manifest['kind']} {manifest['metadata']['name']} selects no pod")

    for problem in problems:
        print(f"deploy/base: {problem}", file=sys.stderr)
    validate = pathlib.Path(sys.executable).parent / "kubernetes-validate"
    schemas = subprocess.run([validate, "--strict", "--quiet", *files], check=False)
    return 1 if problems else schemas.returncode


if __name__ == "__main__":
    sys.exit(main())
