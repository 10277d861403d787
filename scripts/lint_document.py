"""Checks that code generators can process openapi.json: generates a Python client and imports all its modules."""

import importlib
import pkgutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCUMENT = Path(__file__).parent.parent / "openapi.json"
GENERATOR = Path(sys.executable).parent / "openapi-python-client"
# The only expected warning: the generator skips pictures, because they are not JSON.
EXPECTED = "Unsupported content_type image/"


def generated(folder: Path) -> str:
    """Generates the client in the folder, and returns the output of the generator."""
    config = folder / "config.yaml"
    config.write_text("post_hooks: []\n")
    command = [GENERATOR, "generate", "--path", DOCUMENT, "--config", config, "--meta", "none"]
    command += ["--output-path", folder / "cinema_client"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return run.stdout + run.stderr


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        said = generated(Path(name))
        warnings = said.count("WARNING")
        if warnings != said.count(EXPECTED):
            sys.exit(f"openapi-python-client does not understand all of openapi.json:\n{said}")
        sys.path.insert(0, name)
        client = importlib.import_module("cinema_client")
        modules = [module.name for module in pkgutil.walk_packages(client.__path__, "cinema_client.")]
        for module in modules:
            importlib.import_module(module)
        print(f"openapi.json: a Python client of {len(modules)} modules")


main()
