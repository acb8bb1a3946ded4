"""Attach documents to a published image, and read them back: OCI referrers, by way of ``oras``.

A document that refers to an image's digest changes nothing about the image (OCI distribution
specification 1.1, "Listing referrers"): what is shipped stays what was probed, to the bit. Registries
without that interface get the specification's fallback tag from ``oras``.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

import dagger
from dagger import dag

from ml_pipeline.containers import PIPELINE_PYTHON
from ml_stages.errors import PipelineError, UsageError

ORAS_IMAGE = "ghcr.io/oras-project/oras:v1.3.0"
_SERVICE = "registry"
_PASSWORD = "/run/secrets/registry-password"  # noqa: S105 - where it is mounted


@dataclass(frozen=True)
class Access:
    """How a registry is reached."""

    username: str = ""
    password: dagger.Secret | None = None
    service: dagger.Service | None = None
    """A registry that runs as a service of the engine and speaks plain HTTP."""

    def log_in(self, container: dagger.Container, host: str) -> dagger.Container:
        """The container with the right to push to the registry and to pull from it."""
        if self.password is None:
            return container
        return container.with_registry_auth(host, self.username, self.password)


@dataclass(frozen=True)
class Address:
    """Where an image is: ``registry.example.com/team/model``, with a tag or digest behind it."""

    host: str
    path: str
    tag: str | None
    digest: str | None

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises :class:`UsageError` when there is no host or no path in it."""
        name, _, digest = text.partition("@")
        host, slash, path = name.partition("/")
        path, _, tag = path.partition(":")
        if not slash or not path or not ("." in host or ":" in host or host == "localhost"):
            raise UsageError(
                f"{text!r} is no image address: expected registry.example.com/team/model, with a tag"
            )
        return cls(host, path, tag or None, digest or None)

    @property
    def repository(self) -> str:
        return f"{self.host}/{self.path}"

    def tagged(self, tag: str) -> str:
        return f"{self.repository}:{tag}"

    def at(self, digest: str) -> str:
        return f"{self.repository}@{digest}"

    @property
    def reference(self) -> str:
        """As given, the digest before the tag; ``latest`` where there is neither."""
        return self.at(self.digest) if self.digest else self.tagged(self.tag or "latest")


@dataclass(frozen=True)
class Oras:
    """The ``oras`` command, with access to one registry; nothing that it does is answered from a cache."""

    address: Address
    access: Access

    async def attach(self, digest: str, artifact_type: str, name: str, text: str) -> None:
        """Attach a document to an image; raises :class:`PipelineError` when the registry refuses."""
        container = self._container().with_new_file(name, text)
        words = ["--artifact-type", artifact_type, self._name(digest), f"{name}:application/json"]
        await self._run(container, ["attach"], words)

    async def find(self, digest: str, artifact_type: str) -> list[str]:
        """Digests of what is attached to an image with this type, the newest last.

        Raises :class:`PipelineError` when the registry does not answer.
        """
        words = ["--format", "json", "--artifact-type", artifact_type, self._name(digest)]
        ran = await self._run(self._container(), ["discover"], words)
        listed = json.loads(await ran.stdout()).get("referrers") or []
        created = "org.opencontainers.image.created"
        return [
            found["digest"]
            for found in sorted(listed, key=lambda found: (found.get("annotations") or {}).get(created, ""))
        ]

    async def read(self, digest: str, name: str) -> str:
        """The document that was attached under this digest."""
        ran = await self._run(self._container(), ["pull"], ["--output", "/referrers", self._name(digest)])
        return await ran.file(f"/referrers/{name}").contents()

    async def resolve(self) -> str:
        """The digest that the address stands for."""
        if self.address.digest:
            return self.address.digest
        tag = self._name("").rstrip("@")
        ran = await self._run(self._container(), ["resolve"], [f"{tag}:{self.address.tag or 'latest'}"])
        return (await ran.stdout()).strip()

    async def _run(
        self, container: dagger.Container, command: list[str], words: list[str]
    ) -> dagger.Container:
        plain = ["--plain-http"] if self.access.service is not None else []
        if self.access.password is None:
            line = ["oras", *command, *plain, *words]
        else:
            name = ["--username", self.access.username, "--password-stdin"]
            shell = f'exec oras "$@" < {_PASSWORD}'
            line = ["sh", "-c", shell, "--", *command, *plain, *name, *words]
        ran = container.with_exec(line, expect=dagger.ReturnType.ANY)
        if await ran.exit_code() != 0:
            said = (await ran.stderr()).strip().splitlines()
            raise PipelineError(f"{self.address.repository}: oras {command[0]}: {' '.join(said) or 'failed'}")
        return ran

    def _container(self) -> dagger.Container:
        container = (
            dag.container()
            .from_(f"python:{PIPELINE_PYTHON}-slim")
            .with_file("/usr/local/bin/oras", dag.container().from_(ORAS_IMAGE).file("/bin/oras"))
            .with_workdir("/referrers")
            .with_env_variable("ML_PIPELINE_ONCE", uuid.uuid4().hex)
        )
        if self.access.service is not None:
            container = container.with_service_binding(_SERVICE, self.access.service)
        if self.access.password is not None:
            container = container.with_mounted_secret(_PASSWORD, self.access.password)
        return container

    def _name(self, digest: str) -> str:
        """The image as the container reaches it."""
        if self.access.service is None:
            return self.address.at(digest)
        port = self.address.host.partition(":")[2] or "80"
        return f"{_SERVICE}:{port}/{self.address.path}@{digest}"
