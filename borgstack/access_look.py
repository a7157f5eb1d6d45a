"""Looks at what this machine has for logging in to a host: data, ~/.ssh, the agent. Asks no host.

What applies is found out by pyinfra's own reader of ~/.ssh/config and by paramiko's of keys and of
known_hosts. Which of it applies is repeated here from `SSHClient.parse_config`, which connects to
jump hosts as it goes; a test holds the two equal.
"""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import gevent
import paramiko
from paramiko.agent import get_agent_connection
from pyinfra.api import Host
from pyinfra.api.exceptions import ConnectorDataTypeError
from pyinfra.api.util import raise_if_bad_type
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.ssh_util import load_key_with_certificate
from pyinfra.connectors.sshuserclient import SSHClient
from pyinfra.connectors.sshuserclient.config import SSHConfig

from borgstack.access import Access, Agent, HostKey, KeyFile, Keys, KeyState, Login

AGENT_SECONDS = 5
_CLASSES = (paramiko.RSAKey, paramiko.ECDSAKey, paramiko.Ed25519Key)
_DEFAULTS = tuple(
    f"~/{folder}/id_{kind}" for kind in ("rsa", "ecdsa", "ed25519") for folder in (".ssh", "ssh")
)


class Config(SSHConfig):
    """~/.ssh/config as pyinfra reads it, without the two questions that paramiko puts to DNS."""

    TOKENS_BY_CONFIG_KEY = {  # noqa: RUF012 - paramiko's own form
        key: [token for token in tokens if token != "%l"]  # noqa: S105 - no secret
        for key, tokens in SSHConfig.TOKENS_BY_CONFIG_KEY.items()
    }

    def canonicalize(self, hostname: str, options: Any, domains: Any) -> str:  # noqa: ANN401
        """The name as it is; paramiko would ask DNS for longer ones."""
        return hostname


@dataclass(frozen=True)
class Way:
    """Whom a login would reach and with what, by data and ~/.ssh/config."""

    target: str
    address: str
    port: int | str
    user: str
    identities: tuple[str, ...]
    certificate: str | None
    known_hosts: tuple[str, ...]
    agent: str | None
    options: Mapping[str, Any]


def look(host: Host) -> Access:
    """Look at everything that a connection to this host would use."""
    if not issubclass(host.connector_cls, SSHConnector):
        return Access()
    data, mistakes = connector_data(host)
    config, trouble = read_config(data["ssh_config_file"])
    target = data["ssh_hostname"] or host.name
    try:
        found = way(config, target, data)
        hops = [*_hops(config, found.options)]
    except Exception as error:  # a value in ~/.ssh/config may be anything
        trouble.append(f"a value in ~/.ssh/config: {type(error).__name__}: {error}")
        found, hops = way(None, target, data), []
    word = _program(found.options)
    file = (data["ssh_config_file"] or "") if config else ""
    other = found.options.get("user", "")
    return Access(
        login=_login(found, _keys(found, data), data["ssh_strict_host_key_checking"], file),
        jumps=tuple(_jump(config, *hop, file) for hop in hops),
        mistakes=(*mistakes, *trouble, *_not_none(found.options)),
        unclear=(*_unclear(found.options), *_overrides(data), *_without(data["ssh_config_file"])),
        program=word,
        program_found=not word or shutil.which(word) is not None,
        other_user=other if data["ssh_user"] and other not in ("", found.user) else "",
        sudo=bool(host.data.get("_sudo")),
    )


def connector_data(host: Host) -> tuple[dict[str, Any], list[str]]:
    """The data `ssh_*` with pyinfra's defaults, and what is of another type than pyinfra takes."""
    data: dict[str, Any] = {}
    mistakes = []
    given = host.data.dict()
    for key, type_ in get_type_hints(SSHConnector.data_cls).items():
        data[key] = SSHConnector.data_meta[key].default
        if key in given:
            try:
                raise_if_bad_type(given[key], type_, ConnectorDataTypeError, key)
                data[key] = given[key]
            except ConnectorDataTypeError as error:
                mistakes.append(str(error))
    return data, mistakes


def _is_there(path: str) -> bool:
    return os.path.exists(path)  # noqa: PTH110 - Path.exists raises below a closed folder


def _without(path: str | None) -> Iterator[str]:
    """pyinfra goes on without a word; and it does not know ~ here."""
    if path and not _is_there(path):
        yield f"ssh_config_file: there is no file {path}, so a run goes on without"


def read_config(path: str | None) -> tuple[Config | None, list[str]]:
    """~/.ssh/config, or the file of `ssh_config_file`; and what is wrong with it."""
    file = Path(path) if path else Path("~/.ssh/config").expanduser()
    if not _is_there(str(file)):
        return None, []
    config = Config()
    try:
        with file.open(encoding="utf-8") as lines:
            config.parse(lines)  # type: ignore[no-untyped-call]
    except Exception as error:  # pyinfra raises a bare one for a loop of Includes
        # What it says may quote a line, and the file may be anything, even a private key.
        return None, [f"{file}, which cannot be read: {type(error).__name__}"]
    return config, []


def way(config: Config | None, target: str, data: Mapping[str, Any]) -> Way:
    """What applies to a host name or an alias.

    :raises Exception: ~/.ssh/config has a value that cannot be used.
    """
    options: Mapping[str, Any] = config.lookup(target) if config else {}
    files = options.get("userknownhostsfile", "~/.ssh/known_hosts").split()
    if data.get("ssh_known_hosts_file"):
        files = [data["ssh_known_hosts_file"]]
    agent = options.get("identityagent", "none")
    return Way(
        target,
        address=options.get("hostname", target),
        # A jump host's port of ~/.ssh/config stays text, and is then never the usual 22.
        port=data.get("ssh_port") or int(options.get("port", 22)),
        user=data.get("ssh_user") or options.get("user") or getpass.getuser(),
        identities=tuple(options.get("identityfile", ())),
        certificate=next(iter(options.get("certificatefile", "").split()), None),
        known_hosts=tuple(os.path.expanduser(file) for file in files),  # noqa: PTH111
        agent=None if agent.lower() == "none" else os.path.expanduser(agent),  # noqa: PTH111
        options=options,
    )


def _hops(
    config: Config | None, options: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    jump = options.get("proxyjump")
    if not jump or options.get("proxycommand") or jump.lower() == "none":
        return
    for hop in jump.split(","):
        name, found = SSHClient.derive_shorthand(config, hop)
        yield name, {"ssh_port": found["port"], "ssh_user": found["username"]}


def _jump(config: Config | None, name: str, data: Mapping[str, Any], file: str) -> Login:
    """A login on a jump host, for which pyinfra uses ~/.ssh/config and no host data."""
    found = way(config, name, data)
    everything = {"ssh_allow_agent": True, "ssh_look_for_keys": True}
    strict = found.options.get("stricthostkeychecking", "ask")
    return _login(found, _keys(found, everything), strict, file, via=name)


def _login(found: Way, keys: Keys, strict: str, file: str, via: str = "") -> Login:
    # paramiko compares with the number.
    name = found.address if found.port == 22 else f"[{found.address}]:{found.port}"
    host_key = known(name, found.known_hosts, strict)
    alias = "hostkeyalias" in found.options
    reached = (found.target, found.user, found.address, found.port)
    return Login(*reached, keys, host_key, via, config_file=file, alias=alias)


def _program(options: Mapping[str, Any]) -> str:
    return next(iter(shlex.split(options.get("proxycommand") or "")), "")


def _not_none(options: Mapping[str, Any]) -> Iterator[str]:
    """What OpenSSH takes for "no proxy", and pyinfra does not."""
    if "proxycommand" in options and options["proxycommand"] is None:
        yield "ProxyCommand none in ~/.ssh/config, which pyinfra cannot use"
    elif options.get("proxyjump", "").lower() == "none" and "proxycommand" not in options:
        yield "ProxyJump none in ~/.ssh/config, which pyinfra takes for a host of that name"


def _unclear(options: Mapping[str, Any]) -> Iterator[str]:
    if options.get("canonicalizehostname", "no") in ("yes", "always"):
        yield "CanonicalizeHostname in ~/.ssh/config, which wants DNS"
    if any("%l" in one for one in options.get("identityfile", ())):
        yield "%l in an IdentityFile of ~/.ssh/config, which wants DNS"


def _overrides(data: Mapping[str, Any]) -> Iterator[str]:
    if given := data["ssh_paramiko_connect_kwargs"]:
        yield f"ssh_paramiko_connect_kwargs with {', '.join(sorted(map(str, given)))}"


def _keys(found: Way, data: Mapping[str, Any]) -> Keys:
    if data.get("ssh_key"):
        return Keys(named=key_file(data["ssh_key"], data["ssh_key_password"]))
    password = data.get("ssh_password")
    return Keys(
        identities=tuple(key_file(path, password, found.certificate) for path in found.identities),
        agent=agent(found.agent) if data["ssh_allow_agent"] else None,
        defaults=tuple(_defaults(password)) if data["ssh_look_for_keys"] else None,
        password=bool(password),
    )


def _defaults(passphrase: str | None) -> Iterator[KeyFile]:
    for path in _DEFAULTS:
        if os.path.isfile(os.path.expanduser(path)):  # noqa: PTH111, PTH113 - never raises
            yield key_file(path, passphrase)


def key_file(path: str, passphrase: str | None = None, certificate: str | None = None) -> KeyFile:
    """Read a private key as pyinfra would, and ask nobody for its passphrase."""
    file = Path(path).expanduser()
    try:
        if not file.is_file():
            return KeyFile(path, KeyState.ABSENT)
        mode = open_mode(file)
    except OSError:
        return KeyFile(path, KeyState.UNREADABLE)
    try:
        load_key_with_certificate(path, passphrase, certificate, allow_prompt=False)
    except OSError:
        return KeyFile(path, KeyState.UNREADABLE, mode)
    except Exception:  # of paramiko, cryptography or pyinfra: it says nothing that is wanted here
        return KeyFile(path, _why_not(file, passphrase), mode)
    return KeyFile(path, KeyState.FINE, mode)


def open_mode(file: Path) -> str:
    """The file's mode, where others than its owner may do anything with it; else empty."""
    mode = stat.S_IMODE(file.stat().st_mode)
    return f"{mode:o}" if mode & (stat.S_IRWXG | stat.S_IRWXO) else ""


def _why_not(file: Path, passphrase: str | None) -> KeyState:
    for one in _CLASSES:
        try:
            one.from_private_key_file(str(file))
        except paramiko.PasswordRequiredException:
            return KeyState.WRONG if passphrase else KeyState.LOCKED
        except Exception:  # noqa: S112 - another kind of key, or none
            continue
    return KeyState.NO_KEY


def agent(address: str | None) -> Agent:
    """Ask the agent, which is on this machine, how many keys it holds.

    :param address: its socket, as IdentityAgent names it; else that of SSH_AUTH_SOCK.
    """
    with _asking(address):
        where = os.environ.get("SSH_AUTH_SOCK")
        if not where:
            return Agent(trouble="SSH_AUTH_SOCK is not set")
        # An agent at the other end of a connection that broke may never answer.
        with gevent.Timeout(AGENT_SECONDS, False):
            connection = get_agent_connection()
            if connection is None:
                return Agent(trouble=f"nobody answers at {where}")
            connection.close()
            try:
                asked = paramiko.Agent()
            except paramiko.SSHException as error:
                return Agent(trouble=f"{where}: {error}")
            keys = len(asked.get_keys())
            asked.close()
            return Agent(keys)
    return Agent(trouble=f"no answer at {where} for {AGENT_SECONDS} seconds")


@contextmanager
def _asking(address: str | None) -> Iterator[None]:
    """Have paramiko ask another agent, as pyinfra does it."""
    before = os.environ.get("SSH_AUTH_SOCK")
    if address:
        os.environ["SSH_AUTH_SOCK"] = address
    try:
        yield
    finally:
        if address and before is None:
            del os.environ["SSH_AUTH_SOCK"]
        elif address and before is not None:
            os.environ["SSH_AUTH_SOCK"] = before


def known(name: str, files: tuple[str, ...], strict: str) -> HostKey:
    """Look for a server's key, hashed names included."""
    keys, unreadable = paramiko.HostKeys(), []
    for file in files:
        try:
            keys.load(file)
        except FileNotFoundError:
            continue
        except Exception as error:  # a line may be anything; pyinfra goes on without the rest, too
            unreadable.append(f"{type(error).__name__} in {file}")
    return HostKey(
        name,
        files,
        known=keys.lookup(name) is not None,
        strict=strict,
        unreadable=tuple(unreadable),
        can_be_added=bool(files) and os.path.isdir(os.path.dirname(files[0]) or "."),  # noqa: PTH112, PTH120
    )
