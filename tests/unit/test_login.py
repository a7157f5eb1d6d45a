"""Every login shell reads a command alike, and what it prints itself is not taken for an answer."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from pyinfra.api import QuoteString, StringCommand
from pyinfra.connectors.util import make_unix_command

from borgstack import remote
from borgstack.login import BEGINS, ENDS, NOT_BEGUN, Output, packed, read
from borgstack.remote import locked_command, script_command
from tests.unit.support import SCRIPT_FILES

SCRIPTS = sorted(SCRIPT_FILES)
ASCII = "".join(map(chr, range(1, 128)))
WORDS = (
    ASCII,
    "Atenção €😀\x81\u2028",
    "\\\\'\\",
    "!! !$ ''\n\n",
    '$(id) `id` "$0"',
    "",
    "x" * 60000,
)
SHELLS = ("dash", "bash", "zsh", "fish", "tcsh", "ksh", "busybox sh")


def line_of(*words: str, sudo: bool = False) -> str:
    """A command line as pyinfra makes it."""
    command = StringCommand(*map(QuoteString, words))
    return make_unix_command(command, _sudo=sudo).get_raw_value()


@pytest.mark.parametrize("name", SCRIPTS)
def test_no_shell_finds_a_character_to_read_in_its_own_way(name: str) -> None:
    """Within single quotes: fish takes a backslash for an escape, tcsh ends at a line end and
    replaces what stands behind `!`; without them nothing but these characters is sure.
    """
    for command in (script_command(name, *WORDS), locked_command(name, *WORDS, stdin="\\")):
        line = packed(make_unix_command(command, _sudo=True).get_raw_value())
        parts = re.fullmatch(r"sh -c '([^']*)' ([a-z-]+) ([A-Za-z0-9+/]+=*)", line)
        assert parts is not None
        assert not set(parts[1]) & set("\\!\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_command_arrives_as_it_was_whatever_the_login_shell(shell: str) -> None:
    if shutil.which(shell.split()[0]) is None:
        pytest.skip(f"no {shell} here")
    text = 'printf "<%s>" "$0" "$@"; cat; echo moaned >&2; exit 3'
    ran = subprocess.run(
        [*shell.split(), "-c", packed(line_of("sh", "-c", text, "name", *WORDS))],
        input=b"given",
        capture_output=True,
        check=False,
    )
    own = "".join(f"<{word}>" for word in ("name", *WORDS)) + "given"
    assert ran.stdout.decode() == f"\n{BEGINS}\n{own}{ENDS}\n"
    assert (ran.returncode, ran.stderr) == (3, b"moaned\n")


@pytest.mark.parametrize("word", ["", "H4sI", "none"])
def test_a_command_that_did_not_arrive_whole_fails(word: str) -> None:
    unpack, _, _ = packed("true").rpartition(" ")
    ran = subprocess.run(["sh", "-c", f"{unpack} {word}"], capture_output=True, check=False)
    assert ran.returncode != 0


@pytest.mark.parametrize("make", [script_command, locked_command])
def test_what_a_server_says_of_another_docker_or_project_is_not_followed(
    make: Callable[[str], StringCommand], monkeypatch: pytest.MonkeyPatch
) -> None:
    """/etc/environment and ~/.docker/config.json may lead Docker's CLI to another machine, and a
    project's name in .env, as a moved installation may have it, goes before the file's own.
    """
    monkeypatch.setattr(remote, "script_text", lambda _: "env")
    monkeypatch.setattr(remote, "_LOCKED", '"$@"')
    others = {
        "DOCKER_HOST": "ssh://elsewhere",
        "DOCKER_TLS_VERIFY": "1",
        "COMPOSE_PROJECT_NAME": "shop",
        "COMPOSE_REMOVE_ORPHANS": "1",
        "COMPOSE_ENV_FILES": "/etc/shop.env",
    }
    line = make_unix_command(make("any")).get_raw_value()
    ran = subprocess.run(
        ["sh", "-c", line], env={**os.environ, **others}, capture_output=True, check=True
    )
    said = {one for one in ran.stdout.decode().splitlines() if one.startswith(("DOCKER", "COMP"))}
    assert said == {
        "DOCKER_HOST=unix:///run/docker.sock",
        "COMPOSE_PROJECT_NAME=borgstack",
        "COMPOSE_REMOVE_ORPHANS=0",
    }


def test_the_largest_looks_travel_in_little_more_than_half_the_bytes() -> None:
    line = make_unix_command(script_command("verify_state", *"abcdefg")).get_raw_value()
    assert len(packed(line)) < 0.6 * len(line)


def channel(output: bytes, status: int = 0) -> SimpleNamespace:
    """What paramiko hands out, its streams filled."""
    return SimpleNamespace(
        makefile=lambda _: io.BytesIO(output),
        makefile_stderr=lambda _: io.BytesIO(b"Aten\xe7\xe3o\nmoaned\n"),
        recv_exit_status=lambda: status,
    )


OWN = b"\nborgstack-begins\nuid 0\n\nlast\nborgstack-ends\n"
NOISE = {
    "nothing": b"",
    "a line": b"*** managed host ***\n",
    "several lines": b"uid 1000\n\n\nuser nobody\n",
    "no line end": b"*** managed host ***",
    "control characters": b"\x1b]0;host\x07\x1b[31mred\x1b[0m\x00\r\n\x0c\x85\r",
    "another encoding": b"Aten\xe7\xe3o, usu\xe1rio\n",
    "its own name": b"borgstack-begins: no\n",
    "very much": b"line\n" * 100_000,
}


@pytest.mark.parametrize("after", [b"", b"Goodbye.\n"])
@pytest.mark.parametrize("noise", NOISE.values(), ids=list(NOISE))
def test_what_a_login_prints_is_not_read(noise: bytes, after: bytes) -> None:
    output = Output(channel(noise + OWN + after, status=4))
    assert list(output) == ["uid 0\n", "\n", "last\n"]
    assert output.channel.recv_exit_status() == 4


@pytest.mark.parametrize("own", ["", "\n", "last", "borgstack-begins\n"])
def test_a_last_line_needs_no_end(own: str) -> None:
    said = f"{BEGINS}\n{own}{ENDS}\nGoodbye.\n"
    assert "".join(Output(channel(said.encode()))) == own


def test_what_came_of_a_command_that_was_cut_off_is_read() -> None:
    own = "uid 0\nuser ro"
    output = Output(channel(f"{BEGINS}\n{own}".encode(), status=-1))
    assert ("".join(output), output.channel.recv_exit_status()) == (own, -1)


def test_lines_are_read_as_they_come() -> None:
    """The lock's answers have to be read one at a time: the host waits in between."""
    with subprocess.Popen(
        ["sh", "-c", "echo noise; " + packed("echo taken; read line; echo $line")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as ran:
        assert ran.stdin is not None
        output = Output(SimpleNamespace(makefile=lambda _: ran.stdout))
        assert output.readline() == "taken\n"
        ran.stdin.write(b"kept\n")
        ran.stdin.flush()
        assert [output.readline(), output.readline()] == ["kept\n", ""]


@pytest.mark.parametrize("status", [0, 1, 255])
def test_a_command_that_was_not_begun_has_failed_and_says_what_was_printed(status: int) -> None:
    output = Output(channel(b"Goodbye.\n", status))
    first, why = output
    assert first == "Goodbye.\n"
    assert why == f"{NOT_BEGUN}\n"
    assert output.readline() == ""
    assert output.channel.recv_exit_status() == (status or 1)


def test_errors_in_another_encoding_can_be_read() -> None:
    _, errors = read(channel(OWN))
    assert list(errors) == ["Aten\ufffd\ufffdo\n", "moaned\n"]
