"""Looks at what a login to a host would use: its data, ~/.ssh, the agent. Asks no host."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

from pyinfra.api import Host
from pyinfra.api.exceptions import ConnectorDataTypeError
from pyinfra.api.util import raise_if_bad_type
from pyinfra.connectors.ssh import SSHConnector
from pyinfra.connectors.sshuserclient import SSHClient

from borgstack.access.config import Config, Way, is_there, read_config, way
from borgstack.access.evidence import Access, KeyFile, Keys, Login
from borgstack.access.keys import agent, key_file, known

_DEFAULTS = tuple(
    f"~/{folder}/id_{kind}" for kind in ("rsa", "ecdsa", "ed25519") for folder in (".ssh", "ssh")
)


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


def _without(path: str | None) -> Iterator[str]:
    """pyinfra goes on without a word; and it does not know ~ here."""
    if path and not is_there(path):
        yield f"ssh_config_file: there is no file {path}, so a run goes on without"


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
