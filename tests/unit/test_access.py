"""The way to a host as `borgstack check` sees it: with real keys, known_hosts, ~/.ssh/config and a
socket that speaks as an agent does; and held to what pyinfra and paramiko make of the same files.
"""

from __future__ import annotations

import getpass
import os
import re
import socket
import struct
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import paramiko
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from paramiko import HostKeys
from pyinfra.api import Config, Host, Inventory
from pyinfra.connectors import ssh_util
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import client as pyinfras
from pyinfra.connectors.sshuserclient.client import SSHClient

from borgstack.access import keys as key_reader
from borgstack.access.config import read_config, way
from borgstack.access.evidence import Access, KeyState
from borgstack.access.judge import judge
from borgstack.access.keys import key_file, known
from borgstack.access.look import look
from borgstack.findings import Result
from tests.unit.told import values

PASSPHRASE = "correct horse"
KINDS = {
    "ed25519": lambda: ed25519.Ed25519PrivateKey.generate(),
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "ecdsa": lambda: ec.generate_private_key(ec.SECP256R1()),
}
SERVERS_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f"


@cache
def private(kind: str = "ed25519", passphrase: str = "") -> bytes:
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:  # with one round in place of 16, each of which takes a hundredth of a second
        quick = serialization.PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(1)
        locked = quick.build(passphrase.encode())
    openssh = (serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH)
    return KINDS[kind]().private_bytes(*openssh, locked)


def put_key(path: Path, kind: str = "ed25519", passphrase: str = "", mode: int = 0o600) -> Path:
    path.write_bytes(private(kind, passphrase))
    path.chmod(mode)
    return path


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look may ask the network: every way to do it fails the test."""
    plain = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:  # noqa: ANN401
        assert self.family == socket.AF_UNIX, f"connects to {address}"
        plain(self, address)

    def asks(*words: object, **_: object) -> None:
        raise AssertionError(f"asks DNS for {words}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    for name in ("getaddrinfo", "gethostbyname", "getfqdn", "create_connection"):
        monkeypatch.setattr(socket, name, asks)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with an empty ~/.ssh, and no agent; pyinfra's memory of others is gone."""
    folder = tmp_path / "home"
    (folder / ".ssh").mkdir(parents=True, mode=0o700)
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    pyinfras.get_ssh_config.cache.clear()
    pyinfras.get_host_keys.cache.clear()
    return folder


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Starts an agent that holds so many keys, at the returned path."""
    listening: list[socket.socket] = []

    def start(keys: int, *, name: str = "agent", answer: bytes | None = None) -> str:
        path = str(tmp_path / name)
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(path)
        server.listen()
        listening.append(server)
        blob = paramiko.Ed25519Key.from_private_key_file(str(put_key(tmp_path / "held"))).asbytes()
        one = struct.pack(">I", len(blob)) + blob + struct.pack(">I", 0)
        said = answer if answer is not None else b"\x0c" + struct.pack(">I", keys) + one * keys
        threading.Thread(target=serve, args=(server, said), daemon=True).start()
        return path

    yield start
    for server in listening:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def serve(server: socket.socket, said: bytes) -> None:
    """Answer until the socket is shut; many at once, since paramiko leaves connections open."""

    def answer(connection: socket.socket) -> None:
        with connection:
            if connection.recv(100):
                connection.sendall(struct.pack(">I", len(said)) + said)
                connection.recv(1)

    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=answer, args=(connection,), daemon=True).start()


def host(name: str = "chat", **data: object) -> Host:
    found = Inventory(([(name, data)], {})).get_host(name)
    assert found is not None
    return found


def lines(seen: Access, result: Result) -> list[str]:
    return [one.line() for one in judge(seen) if one.result is result]


def told(result: Result, name: str = "chat", **data: object) -> str:
    """What is told with this result of a host with these data."""
    return "\n".join(lines(look(host(name, **data)), result))


def know(home: Path, *names: str) -> None:
    text = "".join(f"{name} {SERVERS_KEY}\n" for name in names)
    (home / ".ssh/known_hosts").write_text(text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_without_passphrase_opens(tmp_path: Path, kind: str) -> None:
    found = key_file(str(put_key(tmp_path / "key", kind)))
    assert (found.state, found.open_mode) == (KeyState.FINE, "")


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_with_passphrase_opens_with_it_alone(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ssh_util.pyinfra, "is_cli", True)
    monkeypatch.setattr(ssh_util, "getpass", lambda _: pytest.fail("asks"))
    path = str(put_key(tmp_path / "key", kind, PASSPHRASE))
    assert key_file(path).state is KeyState.LOCKED
    assert key_file(path, PASSPHRASE).state is KeyState.FINE
    assert key_file(path, "another").state is KeyState.WRONG


def test_a_key_may_stand_below_the_home_folder(home: Path) -> None:
    put_key(home / ".ssh/own")
    assert key_file("~/.ssh/own").state is KeyState.FINE


@pytest.mark.parametrize("text", [b"ssh-ed25519 AAAA me\n", b"", b"\xff\xfe\x00", b"-----BEGIN"])
def test_what_is_no_key_is_told(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "key").write_bytes(text)
    assert key_file(str(tmp_path / "key")).state is KeyState.NO_KEY


def test_a_file_that_is_not_there_or_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert key_file(str(tmp_path / "key")).state is KeyState.ABSENT
    assert key_file(str(tmp_path)).state is KeyState.ABSENT
    path = str(put_key(tmp_path / "key"))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(key_reader, "load_key_with_certificate", refuse)
    assert key_file(path).state is KeyState.UNREADABLE


def test_a_key_that_others_may_touch_is_told(tmp_path: Path) -> None:
    found = {
        mode: key_file(str(put_key(tmp_path / "key", mode=mode))).open_mode
        for mode in (0o600, 0o400, 0o644, 0o620)
    }
    assert found == {0o600: "", 0o400: "", 0o644: "644", 0o620: "620"}


def test_a_server_is_found_by_its_name_with_the_port_hashed_or_not(home: Path) -> None:
    hashed = HostKeys.hash_host("[chat.example.com]:2222")
    know(home, "plain,203.0.113.7", hashed, HostKeys.hash_host("hidden"))
    files = (str(home / ".ssh/known_hosts"),)
    for name in ("plain", "203.0.113.7", "[chat.example.com]:2222", "hidden"):
        assert known(name, files, "yes").known, name
    for name in ("chat.example.com", "[chat.example.com]:22", "[plain]:2222", "other"):
        assert not known(name, files, "yes").known, name


def test_a_line_that_ends_the_reading_is_told(home: Path) -> None:
    (home / ".ssh/known_hosts").write_bytes(b"\xff\xff\n")
    seen = told(Result.WARNING)
    assert {"known_hosts", "UnicodeDecodeError"} <= values(seen)


GREEN = {"ssh_user": "root", "ssh_strict_host_key_checking": "yes"}


def test_where_all_is_there_nothing_is_told(home: Path, tmp_path: Path) -> None:
    know(home, HostKeys.hash_host("[203.0.113.7]:2222"))
    key = str(put_key(tmp_path / "key"))
    place = {"ssh_hostname": "203.0.113.7", "ssh_port": 2222, "ssh_key": key}
    found = judge(look(host(**GREEN, **place)))
    assert [one.name for one in found] == ["login", "key", "known_hosts"]
    assert {one.result for one in found} == {Result.OK}
    login, way, server = (values(one.seen) for one in found)
    assert {"root", "203.0.113.7", "2222"} <= login
    assert way == {key}
    assert {"203.0.113.7]:2222", f"{home}/.ssh/known_hosts"} <= server


def test_all_that_is_missing_is_told_at_once(home: Path) -> None:
    place = {"ssh_hostname": "203.0.113.7", "ssh_port": 2222, "ssh_key": "/none"}
    assert lines(look(host(**GREEN, **place)), Result.MISSING) == [
        "missing  key: expected an RSA, ECDSA or Ed25519 private key in /none; saw no such file. "
        "Set ssh_key to the key's path, or leave it out and use an agent.",
        f"missing  known_hosts: expected [203.0.113.7]:2222 in {home}/.ssh/known_hosts; saw no key "
        "of it, and ssh_strict_host_key_checking is yes. Log in once and compare the fingerprint: "
        "ssh -p 2222 root@203.0.113.7",
    ]


def test_a_locked_key_of_the_settings_leads_to_the_agent(tmp_path: Path) -> None:
    key = str(put_key(tmp_path / "key", passphrase=PASSPHRASE))
    assert f"ssh-add {key}" in told(Result.WARNING, ssh_key=key)
    assert told(Result.MISSING, ssh_key=key) == ""
    assert key in told(Result.OK, ssh_key=key, ssh_key_password=PASSPHRASE)
    wrong = told(Result.MISSING, ssh_key=key, ssh_key_password="another one")
    assert "behind another passphrase" in wrong
    assert "another one" not in wrong


@pytest.mark.parametrize("keys", [1, 2])
def test_an_agent_with_a_key_will_do(agent: Any, monkeypatch: pytest.MonkeyPatch, keys: int) -> None:  # noqa: ANN401, E501  # fmt: skip
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(keys))
    assert {"agent", str(keys)} <= values(told(Result.OK))
    assert " key: " not in told(Result.MISSING)
    assert "no ssh_key" in told(Result.MISSING, ssh_allow_agent=False)


def test_an_agent_without_a_key_or_without_an_answer_will_not(
    agent: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: ANN401
) -> None:  # fmt: skip
    assert "SSH_AUTH_SOCK is not set" in told(Result.MISSING)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(0))
    seen = values(told(Result.MISSING))
    assert {"agent", "none"} <= seen
    assert "SSH_AUTH_SOCK" not in seen
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(0, name="odd", answer=b"\x05"))
    assert f"({tmp_path}/odd: " in told(Result.MISSING)
    monkeypatch.setenv("SSH_AUTH_SOCK", f"{tmp_path}/gone")
    assert f"{tmp_path}/gone" in values(told(Result.MISSING))


def test_a_default_key_will_do_unless_a_passphrase_is_before_it(
    home: Path, agent: Any, monkeypatch: pytest.MonkeyPatch  # noqa: ANN401
) -> None:  # fmt: skip
    seen = told(Result.MISSING)
    assert "no ~/.ssh/id_rsa, id_ecdsa or id_ed25519" in seen
    assert "ssh-keygen -t ed25519" in seen
    put_key(home / ".ssh/id_ed25519", passphrase=PASSPHRASE)
    seen = told(Result.MISSING)
    assert f"~/.ssh/id_ed25519: {KeyState.LOCKED}" in seen
    assert 'eval "$(ssh-agent)" and ssh-add ~/.ssh/id_ed25519' in seen
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(0))
    seen = told(Result.MISSING)
    assert "ssh-add ~/.ssh/id_ed25519" in seen
    assert "ssh-agent" not in seen
    put_key(home / ".ssh/id_rsa", "rsa", mode=0o644)
    assert " key: ~/.ssh/id_rsa" in told(Result.OK)
    assert "chmod 600 ~/.ssh/id_rsa" in told(Result.WARNING)
    assert "id_" not in told(Result.MISSING, ssh_look_for_keys=False)
    assert "ssh_password" in told(Result.OK, ssh_look_for_keys=False, ssh_password="x")


@pytest.mark.parametrize(
    ("strict", "result", "words"),
    [
        ("yes", Result.MISSING, "ssh_strict_host_key_checking is yes"),
        ("accept-new", Result.WARNING, "first"),
        ("ask", Result.WARNING, "asks"),
        ("no", Result.WARNING, "ssh_strict_host_key_checking is no: "),
        ("off", Result.WARNING, "ssh_strict_host_key_checking is off: "),
        ("never", Result.MISSING, "'never' in ssh_strict_host_key_checking"),
    ],
)
def test_an_unknown_server_is_told_by_what_becomes_of_it(
    home: Path, strict: str, result: Result, words: str
) -> None:
    assert words in told(result, ssh_strict_host_key_checking=strict)
    know(home, "chat")
    assert (words in told(result, ssh_strict_host_key_checking=strict)) == (strict == "never")


def test_a_new_key_needs_a_folder_to_be_noted_in(home: Path) -> None:
    assert "known_hosts" not in told(Result.MISSING)
    (home / ".ssh").rmdir()
    assert "known_hosts: expected chat " in told(Result.MISSING)


def test_another_known_hosts_is_the_one_that_ssh_is_told_to_write(tmp_path: Path) -> None:
    own = f"{tmp_path}/my hosts"
    seen = told(Result.MISSING, **GREEN, ssh_known_hosts_file=own)
    assert f"chat in {own}; saw" in seen
    # Without quotes of its own, ssh takes a blank for the end of a file's name.
    assert f"""ssh -o 'UserKnownHostsFile="{own}"' root@chat""" in seen


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"ssh_port": "22"}, "ssh_port: str "),
        ({"ssh_password": 13371337}, "ssh_password: int "),
        ({"ssh_strict_host_key_checking": None}, "ssh_strict_host_key_checking: None"),
    ],
)
def test_data_of_another_type_is_told_without_it(data: dict[str, object], words: str) -> None:
    seen = told(Result.MISSING, **data, ssh_key=7)
    assert words in seen
    assert "ssh_key: int" in seen
    assert "1337" not in seen


def test_a_user_without_rights_and_another_user_are_told(home: Path) -> None:
    (home / ".ssh/config").write_text("Host chat\n  User deploy\n")
    assert told(Result.WARNING).count('"_sudo": True') == 1
    assert "sudo" not in told(Result.WARNING, _sudo=True)
    # The preflight refuses both: a run that has root's rights otherwise is not supported.
    assert "sudo" in told(Result.WARNING, _doas=True)
    assert "sudo" in told(Result.WARNING, _su_user="root")
    assert "sudo" not in told(Result.WARNING, ssh_user="root")
    both = {"root", "ssh_user", "deploy", "~/.ssh/config"}
    assert both <= values(told(Result.WARNING, ssh_user="root"))
    assert "ssh_user" not in told(Result.WARNING, ssh_user="deploy")


def test_what_is_not_reached_by_ssh_has_no_login() -> None:
    (found,) = judge(look(host("@local")))
    assert (found.name, found.result) == ("login", Result.OK)


CONFIG = """\
Host chat
  HostName 203.0.113.7
  Port 2222
  User deploy
  IdentityFile ~/.ssh/own
"""


def test_the_config_says_where_and_with_what(home: Path) -> None:
    (home / ".ssh/config").write_text(CONFIG)
    put_key(home / ".ssh/own")
    know(home, "[203.0.113.7]:2222")
    assert told(Result.MISSING, ssh_strict_host_key_checking="yes") == ""
    seen = told(Result.OK)
    assert "deploy at 203.0.113.7, port 2222" in seen
    assert f"key: {home}/.ssh/own" in seen
    assert "root at 203.0.113.7, port 22\n" in told(Result.OK, ssh_user="root", ssh_port=22)


def test_an_identity_that_is_not_there_stops_the_login_agent_or_not(
    home: Path, agent: Any, monkeypatch: pytest.MonkeyPatch  # noqa: ANN401
) -> None:  # fmt: skip
    (home / ".ssh/config").write_text(CONFIG)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(1))
    seen = told(Result.MISSING)
    assert f"{home}/.ssh/own: {KeyState.ABSENT}. " in seen
    assert "IdentityFile" in values(seen)
    put_key(home / ".ssh/own", passphrase=PASSPHRASE)
    assert told(Result.MISSING) == ""


def test_the_agent_of_the_config_is_asked(home: Path, agent: Any, tmp_path: Path) -> None:  # noqa: ANN401
    agent(1, name="other")
    (home / ".ssh/config").write_text(f"Host chat\n  IdentityAgent {tmp_path}/other\n")
    assert {"agent", "1"} <= values(told(Result.OK))
    assert "SSH_AUTH_SOCK" not in os.environ
    assert "SSH_AUTH_SOCK is not set" in told(Result.MISSING, "elsewhere")


JUMPING = """\
Host chat
  ProxyJump outer,deploy@inner:2200
Host outer
  HostName 198.51.100.1
  User jump
Host inner
  StrictHostKeyChecking yes
"""


def test_each_login_on_the_way_is_looked_at(home: Path) -> None:
    (home / ".ssh/config").write_text(JUMPING)
    put_key(home / ".ssh/id_ed25519")
    know(home, "198.51.100.1", "chat")
    (login,) = [one for one in judge(look(host(**GREEN))) if one.name == "login"]
    assert re.search(r"\bouter\b.*\binner\b", login.seen)
    assert "known_hosts of outer: 198.51.100.1 " in told(Result.OK, **GREEN)
    seen = told(Result.MISSING, **GREEN)
    assert seen.count("\n") == 0
    assert "known_hosts of inner: expected [inner]:2200" in seen
    assert "StrictHostKeyChecking is yes" in seen
    assert seen.endswith("ssh -p 2200 deploy@inner")
    know(home, "[inner]:2200", "chat")
    assert "known_hosts of outer: expected 198.51.100.1" in told(Result.WARNING, **GREEN)
    assert told(Result.MISSING, **GREEN) == ""


@pytest.mark.parametrize(
    ("option", "result", "words"),
    [
        ("ProxyCommand /none/nc %h %p", Result.MISSING, "no program /none/nc"),
        ("ProxyCommand sh -c true", Result.OK, "ProxyCommand starts sh"),
        ("ProxyCommand none", Result.MISSING, "ProxyCommand none"),
        ("ProxyJump none", Result.MISSING, "ProxyJump none"),
        ("Port many", Result.MISSING, "~/.ssh/config: ValueError"),
        ("Match", Result.MISSING, "read: ConfigParseError"),
        ("Include config", Result.MISSING, "read: Exception"),
    ],
)
def test_what_pyinfra_cannot_use_in_the_config_is_told(
    home: Path, option: str, result: Result, words: str
) -> None:
    (home / ".ssh/config").write_text(f"{option}\n")
    put_key(home / ".ssh/id_ed25519")
    assert words in told(result)


def test_without_a_config_that_can_be_read_the_rest_is_likely_at_most(home: Path) -> None:
    (home / ".ssh/config").write_text("Match\n")
    seen = told(Result.MISSING, **GREEN)
    assert seen.count("\n") == 0
    assert seen.startswith("missing  ssh: ")
    assert "known_hosts: expected chat" in told(Result.WARNING, **GREEN)


@pytest.mark.parametrize(
    "options", ["CanonicalizeHostname yes\n  CanonicalDomains example.com", "IdentityFile /x/%l"]
)
def test_what_would_ask_dns_is_told_and_not_asked(home: Path, options: str) -> None:
    (home / ".ssh/config").write_text(f"Host chat\n  {options}\n")
    assert "which wants DNS" in told(Result.WARNING, **GREEN)
    assert told(Result.MISSING, **GREEN) == ""


def test_the_login_that_is_advised_notes_the_key_where_a_run_looks_for_it(
    home: Path, tmp_path: Path
) -> None:
    """ssh notes it under HostKeyAlias, which pyinfra does not know; and reads `-F` alone."""
    own = tmp_path / "own config"
    text = "Host chat\n  HostName 203.0.113.9\n  HostKeyAlias box\n  Port 2222\n"
    (home / ".ssh/config").write_text(text)
    own.write_text(text + "  UserKnownHostsFile ~/.ssh/of_%h\n")
    put_key(home / ".ssh/id_ed25519")
    seen = told(Result.MISSING, **GREEN)
    assert seen.endswith("ssh -o 'HostKeyAlias=[203.0.113.9]:2222' -p 2222 root@chat")
    seen = told(Result.MISSING, **GREEN, ssh_config_file=str(own))
    file = f"UserKnownHostsFile={home}/.ssh/of_%%h"
    assert f"ssh -F '{own}' -o {file} -o 'HostKeyAlias=[203.0.113.9]:2222' -p 2222" in seen


def test_arguments_for_paramiko_leave_the_rest_likely(home: Path) -> None:
    own = {"ssh_paramiko_connect_kwargs": {"password": "hidden"}}
    assert told(Result.MISSING, **GREEN, **own) == ""
    seen = told(Result.WARNING, **GREEN, **own)
    assert "ssh_paramiko_connect_kwargs with password" in seen
    assert "hidden" not in seen


def test_a_key_in_the_place_of_a_config_is_not_quoted(tmp_path: Path) -> None:
    path = put_key(tmp_path / "key")
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    seen = "\n".join(one.line() for one in judge(look(host(ssh_config_file=str(path)))))
    assert {str(path), "ConfigParseError"} <= values(seen)
    assert path.read_text().splitlines()[0] not in seen
    assert {"ssh_config_file", "~/x"} <= values(told(Result.WARNING, ssh_config_file="~/x"))


@pytest.fixture
def logins(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """Lets paramiko log in to a server that takes every key; whom it logged in to, and as whom."""
    seen: list[tuple[str, str]] = []
    taken = SimpleNamespace(
        auth_publickey=lambda *_: [],
        auth_password=lambda *_: [],
        open_channel=lambda *_, **__: object(),
        _log=lambda *_: None,
    )

    def connect(self: Any, hostname: str, port: Any = 22, **named: Any) -> None:  # noqa: ANN401
        name = hostname if port == 22 else f"[{hostname}]:{port}"
        user = named.get("username")
        seen.append((name, user or getpass.getuser()))
        if self._host_keys.get(name) is None:
            self._policy.missing_host_key(self, name, None)
        self._transport = taken
        words = {"password": None, "pkey": None, "key_filename": []}
        words |= {"allow_agent": True, "look_for_keys": True}
        self._auth(user, *(named.get(word, usual) for word, usual in words.items()), *GSS, None)

    def note(client: Any, *_: object) -> None:  # noqa: ANN401
        Path(client._host_keys_filename).touch()

    monkeypatch.setattr(paramiko.SSHClient, "connect", connect)
    monkeypatch.setattr(pyinfras, "append_hostkey", note)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    monkeypatch.setattr(socket, "getfqdn", lambda: "laptop")  # which paramiko asks for
    return seen


GSS = (False, False, False, "")
SITUATIONS: list[tuple[str, str, list[str], dict[str, object]]] = [
    ("nothing", "", ["chat"], GREEN),
    ("default", "", ["chat"], GREEN),
    ("default", "", [], GREEN),
    ("default", "", [], {"ssh_user": "root"}),
    ("default", "", [], {"ssh_strict_host_key_checking": "never"}),
    ("default", "", ["chat"], {"ssh_look_for_keys": False}),
    ("default", "", ["[chat]:2222"], {**GREEN, "ssh_port": 2222}),
    ("default", "", ["chat"], {**GREEN, "ssh_port": 2222}),
    ("default", CONFIG, ["[203.0.113.7]:2222"], GREEN),
    ("default", "Host chat\n  UserKnownHostsFile ~/a ~/.ssh/known_hosts\n", ["chat"], GREEN),
    ("default", JUMPING, ["198.51.100.1", "[inner]:2200", "chat"], GREEN),
    ("default", JUMPING, ["198.51.100.1", "chat"], GREEN),
    ("default", JUMPING.replace("outer\n", "outer\n  Port 22\n"), ["[inner]:2200", "chat"], GREEN),
    ("locked", "", ["chat"], GREEN),
    ("locked", "", ["chat"], {**GREEN, "ssh_password": PASSPHRASE}),
    ("own", CONFIG, ["[203.0.113.7]:2222"], GREEN),
    ("own", CONFIG + "  IdentityFile ~/.ssh/none\n", ["[203.0.113.7]:2222"], GREEN),
    ("own", "Host chat\n  IdentityFile ~/.ssh/none\n  IdentityFile ~/.ssh/own\n", ["chat"], GREEN),
    ("nothing", "", ["chat"], {**GREEN, "ssh_password": "x"}),
    ("nothing", "", ["chat"], {**GREEN, "ssh_key": "~/.ssh/own"}),
    ("own", "", ["chat"], {**GREEN, "ssh_key": "~/.ssh/own"}),
]


@pytest.mark.parametrize(("keys", "config", "names", "data"), SITUATIONS)
@pytest.mark.parametrize("holds", [0, 1])
def test_pyinfra_and_paramiko_log_in_where_nothing_is_missing_and_only_there(
    home: Path,
    agent: Any,  # noqa: ANN401
    logins: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    keys: str,
    config: str,
    names: list[str],
    data: dict[str, object],
    holds: int,
) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", agent(holds))
    (home / ".ssh/config").write_text(config)
    know(home, *names)
    if keys != "nothing":
        passphrase = PASSPHRASE if keys == "locked" else ""
        put_key(home / ".ssh" / ("own" if keys == "own" else "id_ed25519"), passphrase=passphrase)
    one = host(**data)
    seen = look(one)
    state: Any = SimpleNamespace(config=Config(), private_keys={}, cwd=str(home))
    try:
        SSHConnector(state, one).connect()
        failed = ""
    except Exception as error:
        failed = f"{type(error).__name__}: {error}"
    assert bool(lines(seen, Result.MISSING)) == bool(failed), (failed, judge(seen))
    if not failed:
        assert seen.login is not None
        ours = [(login.host_key.name, login.user) for login in (*seen.jumps, seen.login)]
        assert logins == ours


def test_what_applies_is_what_pyinfra_would_apply(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getfqdn", lambda: "laptop")
    text = "Host *\n  IdentityAgent ~/sock\n  UserKnownHostsFile ~/one ~/two\n" + CONFIG
    (home / ".ssh/config").write_text(text)
    for target in ("chat", "other"):
        config, _ = read_config(None)
        ours = way(config, target, {})
        address, found, _, _, files, _, asked = SSHClient().parse_config(target, {}, None, "yes")
        assert (ours.address, ours.port, ours.known_hosts, ours.agent) == (
            address, found["port"], files, asked,
        )  # fmt: skip
        assert list(ours.identities) == found.get("key_filename", [])
