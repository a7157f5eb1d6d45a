"""A package index of files (PEP 503), in which every locked package has newer releases.

What the lock names is there as it is, and beside it a release that is the next and one that is far
ahead: made up, and an error to import. As a program it serves such a folder on a port of loopback,
with nothing but Python: `python3 package_index.py FOLDER PORT`.
"""

from __future__ import annotations

import base64
import hashlib
import re
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def locked(lock: Path) -> dict[str, str]:
    """Name and version of everything that a lock file names."""
    return {normal(name): version for name, version in _PIN.findall(lock.read_text())}


def normal(name: str) -> str:
    """A package's name as an index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def newer(version: str) -> tuple[str, str]:
    """The next release after a version, which fits within most bounds, and one far ahead."""
    release = [int(part) for part in re.findall(r"\d+", version.partition(".post")[0])]
    return ".".join(map(str, [*release[:-1], release[-1] + 1])), "9999.0"


def make_index(folder: Path, wheels: Path, lock: Path) -> None:
    """Write the index's pages and files.

    :param wheels: the wheels that the lock names.
    """
    files = folder / "files"
    files.mkdir(parents=True)
    for wheel in wheels.glob("*.whl"):
        (files / wheel.name).symlink_to(wheel)
    for name, version in locked(lock).items():
        for superseding in newer(version):
            _superseding_wheel(files, name, superseding)
    offered: dict[str, list[Path]] = {}
    for wheel in sorted(files.iterdir()):
        offered.setdefault(normal(wheel.name.split("-")[0]), []).append(wheel)
    for name, releases in offered.items():
        page = folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text("".join(_link(release) for release in releases))


def _link(wheel: Path) -> str:
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f'<a href="../../files/{quote(wheel.name)}#sha256={digest}">{wheel.name}</a>\n'


def _superseding_wheel(folder: Path, name: str, version: str) -> None:
    """Pack a wheel that any pip would install, and that does not work."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": f"raise ImportError('{name} {version} is not what the lock names')\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: borgstack\n"
        "Root-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_digest(text)},{len(text)}" for path, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    with zipfile.ZipFile(folder / f"{module}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class _Handler(SimpleHTTPRequestHandler):
    """Serves the files, and notes what was asked for."""

    def __init__(self, *words: object, asked: list[str], directory: str) -> None:
        self._asked = asked
        super().__init__(*words, directory=directory)  # type: ignore[arg-type]

    def log_request(self, code: object = "-", size: object = "-") -> None:
        self._asked.append(self.path)

    def log_error(self, format: str, *words: object) -> None:
        """What is not there is told to whoever asked for it."""


@contextmanager
def serving(folder: Path, port: int = 0) -> Iterator[tuple[str, list[str]]]:
    """The address of the index while it is served, and the paths that were asked for."""
    asked: list[str] = []
    handler = partial(_Handler, asked=asked, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/", asked
        finally:
            server.shutdown()
            thread.join()


if __name__ == "__main__":
    with serving(Path(sys.argv[1]), int(sys.argv[2])) as (address, _):
        print(address, flush=True)
        threading.Event().wait()
