"""Where `env_state.sh` calls a value fit, Compose reads the very same value from the line."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.support import awk, bytes_without, joined, values

PLACES = ("/usr/libexec", "/usr/lib", "/usr/local/lib", "/usr/local/libexec")
COMPOSE = shutil.which("docker-compose") or next(
    (
        str(path)
        for path in (Path(place) / "docker/cli-plugins/docker-compose" for place in PLACES)
        if path.exists()
    ),
    None,
)
READ = '{ parse($0) } PROBLEM == "" && NAME != "" { printf "%s\\n", VALUE }'
EXAMPLES = (
    # What stands behind NAME=, whether it is fit, and what Compose 2.26.1 reads.
    (b"a", True, "a"),
    (b"'a b'", True, "a b"),
    (b"'$x' # why", True, "$x"),
    (b"'a\\b'", True, "a\\b"),
    (b"'a\\\\'", True, "a\\\\"),
    (b"a # c", True, "a"),
    (b"'a'#c", True, "a"),
    (b" a\r", True, "a"),
    (b'"a" # c', True, "a"),
    (b"'a'\t# c", True, "a"),
    (b"a\t#c", False, "a\t#c"),
    (b"a#c", False, "a#c"),
    (b"$HOME_OF_NOBODY", False, ""),
    (b"x$$", False, "x$"),
    (b'"a\\"b"', False, 'a"b'),
    (b"a\x0b", False, "a"),
    (b"\xc2\xa0a", False, "a"),
    (b"'a\\'", False, None),  # what follows belongs to the value, or the file cannot be read
)


def verdicts(folder: Path, held: Sequence[bytes]) -> list[str]:
    """What `env_state.sh` says of each value, each on a line of its own; "" of an unread line."""
    path = folder / ".env"
    path.write_bytes(b"".join(b"K%d=%s\n" % pair for pair in enumerate(held)))
    rules = [f"K{number}\tsupplied\t0\t" for number in range(len(held))]
    said = awk("mawk", "env_state", path, *rules).decode()
    lines = [line.split(" ", 2) for line in said.splitlines()]
    unread = {int(number) for kind, number, _ in lines if kind == "problem"}
    entries = [verdict for kind, _, verdict in lines if kind == "entry"]
    return ["" if number + 1 in unread else one for number, one in enumerate(entries)]


def read_by_compose(folder: Path, held: Sequence[bytes]) -> list[str]:
    """The values as `docker-compose config` puts them into a container's environment."""
    if not held:
        return []
    (folder / ".env").write_bytes(b"".join(b"K%d=%s\n" % pair for pair in enumerate(held)))
    wanted = {f"K{number}": f"${{K{number}}}" for number in range(len(held))}
    (folder / "docker-compose.yml").write_text(
        json.dumps({"services": {"one": {"image": "x", "environment": wanted}}})
    )
    command = [str(COMPOSE), "--project-directory", str(folder), "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, cwd=folder, check=True, env={})
    read = json.loads(done.stdout)["services"]["one"]["environment"]
    return [read[name].replace("$$", "$") for name in wanted]


@pytest.mark.parametrize(("held", "fit", "value"), EXAMPLES, ids=repr)
def test_what_is_fit_is_what_compose_reads(
    tmp_path: Path, held: bytes, fit: bool, value: str | None
) -> None:
    """The table needs no Compose; where there is one, it is held to that."""
    assert (verdicts(tmp_path, [held]) == ["ok"]) is fit
    if fit:
        assert read_by_awk(tmp_path, [held]) == [value]
    if COMPOSE and value is not None:
        assert read_by_compose(tmp_path, [held]) == [value]


def read_by_awk(folder: Path, held: Sequence[bytes]) -> list[str]:
    """The values as `env.awk` reads them."""
    text = (Path(__file__).parents[2] / "borgstack/remote/env.awk").read_text() + READ
    (folder / ".env").write_bytes(b"".join(b"K%d=%s\n" % pair for pair in enumerate(held)))
    command = ["mawk", text, str(folder / ".env")]
    done = subprocess.run(command, capture_output=True, check=True, env={"LC_ALL": "C"})
    return done.stdout.decode().split("\n")[:-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project for one example after the other."""
    return tmp_path_factory.mktemp("project")


PRINTED = bytes_without(bytes(range(32)) + bytes(range(127, 256)) + b"'")
MORE = joined(st.sampled_from([b"", b" ", b"\t"]), st.one_of(values, joined(b"'", PRINTED, b"'")))


@pytest.mark.skipif(COMPOSE is None, reason="Compose's plugin is not on this machine")
@settings(max_examples=max(1, settings().max_examples // 20))  # twenty lines an example
@given(held=st.lists(MORE.filter(lambda value: b"\n" not in value), min_size=20, max_size=20))
def test_compose_reads_fit_values_as_they_are(folder: Path, held: list[bytes]) -> None:
    said = verdicts(folder, held)
    fit = [value for value, verdict in zip(held, said, strict=True) if verdict == "ok"]
    ascii_only = [value for value in fit if value.isascii()]  # Go replaces what is no UTF-8
    assert read_by_compose(folder, ascii_only) == read_by_awk(folder, ascii_only)
