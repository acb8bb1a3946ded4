"""The environments of stages as containers: dependencies from the lock first, source after.

What reaches a container here is keyed by its content: locks and our own files go in as text, so that
an edit elsewhere in the module runs nothing again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dagger
from dagger import dag

from ml_stages.code import ROOT, stage_files

if TYPE_CHECKING:
    from ml_stages.config.sections import EnvironmentConfig

PIPELINE_PYTHON = "3.11"
CUDA_IMAGE = "nvidia/cuda:12.8.1-runtime-ubuntu24.04"
PROJECT_PYTHON = "/opt/project/bin/python"
PACKING_PYTHON = "/opt/pipeline/bin/python"
SYSTEM_PYTHON = "/usr/local/bin/python"
SERVING_PORT = 8080
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - inside the container; who may reach it is the host's decision
_CODE = "/pipeline"
_PACKED = "/pipeline.json"
UNPACK_CODE = f"""
import json, pathlib
for name, text in json.loads(pathlib.Path({_PACKED!r}).read_text("utf-8")).items():
    path = pathlib.Path({_CODE!r}, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
"""
"""A Python program that a stage runs before its own."""
_CACHE = "/caches/uv"


@dataclass(frozen=True)
class Lock:
    """A project's lock file and the Python that it is installed into."""

    name: str
    text: str
    python: str


def pipeline_container(
    python: str = PIPELINE_PYTHON, platform: dagger.Platform | None = None
) -> dagger.Container:
    """A Python with our pins, from the lock that stands beside the stages' code."""
    return _install(
        _with_uv(dag.container(platform=platform).from_(f"python:{python}-slim")),
        Lock("pipeline.lock", _own_lock(), python),
        ["--system", "--require-hashes"],
    )


def base_image(config: EnvironmentConfig, lock: Lock, *, gpu: bool = False) -> str:
    """The public image that a project's environment starts from."""
    return config.image or (CUDA_IMAGE if gpu else f"python:{lock.python}-slim")


def project_container(config: EnvironmentConfig, lock: Lock, base: dagger.Container) -> dagger.Container:
    """The project's Python with the project's pins, in ``/opt/project``."""
    backend = ["--torch-backend", config.torch_backend] if config.torch_backend else []
    indexes = [part for index in config.extra_indexes for part in ("--index", index)]
    empty = _with_uv(base).with_exec(["uv", "venv", "--quiet", "--python", lock.python, "/opt/project"])
    return (
        _install(empty, lock, ["--python", PROJECT_PYTHON, *backend, *indexes])
        .with_env_variable("PATH", "/opt/project/bin:${PATH}", expand=True)
        .with_env_variable("VIRTUAL_ENV", "/opt/project")
    )


def packing_container(environment: dagger.Container, python: str) -> dagger.Container:
    """A project's environment with our pins beside it: a model is converted by the project's own code."""
    empty = environment.with_exec(["uv", "venv", "--quiet", "--python", python, "/opt/pipeline"])
    options = ["--python", PACKING_PYTHON, "--require-hashes"]
    return _install(empty, Lock("pipeline.lock", _own_lock(), python), options)


def with_stage_code(container: dagger.Container, files: Iterable[Path]) -> dagger.Container:
    """Add these files of ``ml_stages``, and nothing else of ours, to the import path.

    They go in as one text, which ``UNPACK_CODE`` turns into files again: a directory of the module would be
    keyed by the whole of it, and a step for each of some hundred files costs seconds.
    """
    texts = {
        f"{ROOT.name}/{file.relative_to(ROOT).as_posix()}": file.read_text(encoding="utf-8") for file in files
    }
    return container.with_new_file(_PACKED, json.dumps(texts)).with_env_variable("PYTHONPATH", _CODE)


async def tree_digest(folder: dagger.Directory) -> str:
    """Digest of every file, as :func:`ml_stages.digest.of_tree` takes it; no file leaves the engine."""
    where = "/folder"
    take = f"import pathlib; from ml_stages import digest; print(digest.of_tree(pathlib.Path({where!r})))"
    python = dag.container().from_(f"python:{PIPELINE_PYTHON}-slim")
    taken = (
        with_stage_code(python, stage_files("ml_stages.digest"))
        .with_mounted_directory(where, folder)
        .with_exec(["sh", "-c", 'python -c "$1" && python -c "$2"', "--", UNPACK_CODE, take])
    )
    return (await taken.stdout()).strip()


def without_tools(environment: dagger.Container) -> dagger.Container:
    """A project's environment as it is shipped: what installed it stays behind."""
    return environment.without_mount(_CACHE).without_file("/usr/local/bin/uv")


def serving_image(
    environment: dagger.Container,
    bundle: dagger.Directory,
    labels: Iterable[tuple[str, str]],
    python: str = PROJECT_PYTHON,
) -> dagger.Container:
    """The model image: an environment with this interpreter, the bundle, nobody's rights.

    What is known before the image is probed is a label; a label added later would be another image.
    """
    ping = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{SERVING_PORT}/ping')"
    image = (
        environment.with_directory("/app", bundle)
        .with_workdir("/app")
        .with_user("65532:65532")
        .with_exposed_port(SERVING_PORT)
        .with_entrypoint([python, "/app/serve", "--host", _EVERYWHERE, "--port", str(SERVING_PORT)])
        .with_docker_healthcheck([python, "-c", ping])
    )
    for name, value in labels:
        image = image.with_label(name, value)
    return image


def _with_uv(container: dagger.Container) -> dagger.Container:
    """Add uv with its cache in a volume, and the settings that make two runs alike."""
    return (
        container.with_file("/usr/local/bin/uv", _uv())
        .with_env_variable("PYTHONDONTWRITEBYTECODE", "1")
        .with_env_variable("PYTHONUNBUFFERED", "1")
        .with_env_variable("PYTHONHASHSEED", "0")
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("UV_CACHE_DIR", _CACHE)
        .with_mounted_cache(_CACHE, dag.cache_volume("ml-pipeline-uv"))
    )


def _uv() -> dagger.File:
    """The uv binary that the stages' lock pins; taken from its package, it fits any image."""
    pin = re.findall(r"^uv==[\w.]+", _own_lock(), flags=re.MULTILINE)[0]
    return (
        dag.container()
        .from_(f"python:{PIPELINE_PYTHON}-slim")
        .with_exec(["pip", "install", "--quiet", "--no-cache-dir", "--root-user-action=ignore", pin])
        .file("/usr/local/bin/uv")
    )


def _install(container: dagger.Container, lock: Lock, options: list[str]) -> dagger.Container:
    path = f"/locks/{lock.name}"
    command = ["uv", "pip", "install", "--quiet", "--compile-bytecode", *options, "-r", path]
    return container.with_new_file(path, lock.text).with_exec(command)


def _own_lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8")
