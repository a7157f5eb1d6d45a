"""Whether a login over SSH can succeed, judged from what this machine has for it.

What was seen is in the classes here; `access_look.py` looks. No host is asked, so a key that the
server does not know, or another host key than the known one, is not found here.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from borgstack.findings import Finding, missing, ok, softened, warning

STRICT = ("yes", "accept-new", "ask", "no", "off")
_KINDS = "an RSA, ECDSA or Ed25519 private key"


class KeyState(StrEnum):
    """What became of reading a private key without asking anybody."""

    FINE = "fine"
    ABSENT = "no such file"
    UNREADABLE = "a file that may not be read"
    LOCKED = "a key behind a passphrase"
    WRONG = "a key behind another passphrase than ssh_key_password"
    NO_KEY = f"a file that is not {_KINDS}"


_NOT_OPENED = (KeyState.ABSENT, KeyState.UNREADABLE)


@dataclass(frozen=True)
class KeyFile:
    """One private key.

    :ivar open_mode: the file's mode, where others than its owner may do anything with it.
    """

    path: str
    state: KeyState
    open_mode: str = ""


@dataclass(frozen=True)
class Agent:
    """The SSH agent.

    :ivar trouble: why it cannot be asked.
    """

    keys: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class Keys:
    """What a login would try, in the order in which pyinfra and paramiko try it.

    :ivar named: `ssh_key`; with it, no agent and no other key is tried.
    :ivar identities: those of `IdentityFile` in ~/.ssh/config.
    :ivar agent: None where it is not asked.
    :ivar defaults: those of the files ~/.ssh/id_* that are there; None where they are not tried.
    :ivar password: whether there is a `ssh_password`.
    """

    named: KeyFile | None = None
    identities: tuple[KeyFile, ...] = ()
    agent: Agent | None = None
    defaults: tuple[KeyFile, ...] | None = ()
    password: bool = False

    @property
    def files(self) -> tuple[KeyFile, ...]:
        """Every private key that is read."""
        if self.named:
            return (self.named,)
        return (*self.identities, *(self.defaults or ()))


@dataclass(frozen=True)
class HostKey:
    """What is known of a server's own key.

    :ivar name: under which it is looked for: of another port than 22, `[host]:port`.
    :ivar unreadable: files, or the rest of files, that could not be read, and why.
    :ivar strict: what becomes of an unknown one, in the words of `StrictHostKeyChecking`.
    :ivar can_be_added: whether there is a place to note it in.
    """

    name: str
    files: tuple[str, ...]
    known: bool
    strict: str = "accept-new"
    unreadable: tuple[str, ...] = ()
    can_be_added: bool = True


@dataclass(frozen=True)
class Login:
    """One login: on the host itself, or on one that leads to it.

    :ivar target: the name by which ssh reaches it with the same ~/.ssh/config.
    :ivar via: the same of a jump host; empty for the host itself.
    :ivar config_file: `ssh_config_file`, in place of ~/.ssh/config.
    :ivar alias: whether ssh would note the server's key under another name (`HostKeyAlias`).
    """

    target: str
    user: str
    address: str
    port: int | str
    keys: Keys
    host_key: HostKey
    via: str = ""
    config_file: str = ""
    alias: bool = False

    @property
    def command(self) -> str:
        """The `ssh` that logs in likewise, and notes the server's key where a run looks for it."""
        words = ["ssh", "-F", self.config_file] if self.config_file else ["ssh"]
        if self.host_key.files and not self.host_key.files[0].endswith("/.ssh/known_hosts"):
            file = self.host_key.files[0].replace("%", "%%")
            file = f'"{file}"' if " " in file else file
            words += ["-o", f"UserKnownHostsFile={file}"]
        if self.alias:
            words += ["-o", f"HostKeyAlias={self.host_key.name}"]
        if str(self.port) != "22":
            words += ["-p", str(self.port)]
        return shlex.join([*words, f"{self.user}@{self.target}"])


@dataclass(frozen=True)
class Access:
    """The way to one host.

    :ivar login: None for a host that is not reached by SSH.
    :ivar mistakes: what is wrong with the data `ssh_*`, and with ~/.ssh/config.
    :ivar unclear: why not all of it can be judged from here.
    :ivar program: of a `ProxyCommand`; `program_found` says whether this machine has it.
    :ivar other_user: `User` in ~/.ssh/config, where `ssh_user` is there and says another.
    :ivar sudo: whether commands get root's rights by `_sudo`.
    """

    login: Login | None = None
    jumps: tuple[Login, ...] = ()
    mistakes: tuple[str, ...] = ()
    unclear: tuple[str, ...] = ()
    program: str = ""
    program_found: bool = True
    other_user: str = ""
    sudo: bool = False


def judge(seen: Access) -> list[Finding]:
    """Judge the way to one host: the logins on jump hosts first, then its own."""
    if seen.login is None:
        return [ok("login", "not by SSH")]
    findings = [
        missing("ssh", "data ssh_* and a ~/.ssh/config that pyinfra can use", mistake, _PUT_RIGHT)
        for mistake in seen.mistakes
    ]
    findings += [
        warning("ssh", "what can be judged without asking anybody", one, _MAY_DIFFER)
        for one in seen.unclear
    ]
    found = [*_who(seen), *_program(seen)]
    for login in (*seen.jumps, seen.login):
        found += [*_keys(login), *_open(login), *_host_key(login)]
    return findings + (softened(found) if seen.mistakes or seen.unclear else found)


_PUT_RIGHT = "Put it right; until then, the lines about this host's login may be wrong"
_MAY_DIFFER = "The lines about this host's login may be wrong."


def _who(seen: Access) -> Iterable[Finding]:
    login = seen.login
    if login is None:
        return
    through = "".join(f", by way of {jump.via}" for jump in seen.jumps)
    yield ok("login", f"{login.user} at {login.address}, port {login.port}{through}")
    if seen.other_user:
        yield warning(
            "ssh_user",
            "one user for pyinfra and ssh",
            f"{login.user} in ssh_user and {seen.other_user} in ~/.ssh/config",
            "ssh_user is taken; set it to the one who may log in.",
        )
    if login.user != "root" and not seen.sudo:
        yield warning(
            "sudo",
            "root, or a user with _sudo",
            f"{login.user} without it",
            'Set "_sudo": True for this host.',
        )


def _program(seen: Access) -> Iterable[Finding]:
    if seen.program and not seen.program_found:
        found = f"no program {seen.program}"
        yield missing("proxy", "what ProxyCommand starts", found, "Install it, or name its path.")
    elif seen.program:
        yield ok("proxy", f"ProxyCommand starts {seen.program}")


def _named(what: str, login: Login) -> str:
    return f"{what} of {login.via}" if login.via else what


def _keys(login: Login) -> Iterable[Finding]:
    name, keys = _named("key", login), login.keys
    if keys.named:
        yield _key_of_the_settings(name, keys.named)
        return
    broken = [one for one in keys.identities if one.state in _NOT_OPENED]
    if broken and not any(one.state is KeyState.FINE for one in keys.identities):
        # paramiko opens each of them, and goes no further than the first that it cannot open.
        seen = ", ".join(f"{one.path}: {one.state}" for one in broken)
        put_right = "Put IdentityFile right in ~/.ssh/config."
        yield missing(name, f"{_KINDS} in each IdentityFile", seen, put_right)
        return
    ways = _ways(keys)
    if ways:
        yield ok(name, ", ".join(ways))
    else:
        yield missing(name, "a key or a password to log in with", _no_way(keys), _make_one(keys))


def _key_of_the_settings(name: str, key: KeyFile) -> Finding:
    if key.state is KeyState.FINE:
        return ok(name, key.path)
    if key.state is KeyState.LOCKED:
        return warning(
            name,
            f"a key in {key.path} that opens by itself",
            f"{key.state} and no ssh_key_password",
            "pyinfra asks for the passphrase each time, and fails where nobody is there to type it:"
            f" ssh-add {key.path}, and leave out ssh_key, with which no agent is asked.",
        )
    todo = {
        KeyState.ABSENT: "Set ssh_key to the key's path, or leave it out and use an agent.",
        KeyState.UNREADABLE: f"Make it yours: chown and chmod 600 {key.path}.",
        KeyState.WRONG: "Set ssh_key_password to the key's own.",
        KeyState.NO_KEY: "Name the private key, not the .pub; keys in hardware need an agent.",
    }
    return missing(name, f"{_KINDS} in {key.path}", key.state, todo[key.state])


def _ways(keys: Keys) -> list[str]:
    ways = [one.path for one in keys.identities if one.state is KeyState.FINE]
    if keys.agent and keys.agent.keys:
        ways.append(f"an agent with {keys.agent.keys} key" + "s" * (keys.agent.keys > 1))
    ways += [one.path for one in keys.defaults or () if one.state is KeyState.FINE]
    return [*ways, "ssh_password"] if keys.password else ways


def _no_way(keys: Keys) -> str:
    seen = ["no ssh_key"]
    seen += [f"{one.path}: {one.state}" for one in keys.identities]
    if keys.agent:
        seen.append(f"no key of an agent ({keys.agent.trouble or 'it holds none'})")
    seen += [f"{one.path}: {one.state}" for one in keys.defaults or ()]
    if keys.defaults == ():
        seen.append("no ~/.ssh/id_rsa, id_ecdsa or id_ed25519")
    return ", ".join(seen)


def _make_one(keys: Keys) -> str:
    locked = [one.path for one in keys.files if one.state is KeyState.LOCKED]
    if locked:
        start = "" if keys.agent and not keys.agent.trouble else 'eval "$(ssh-agent)" and '
        return f"Have an agent hold it: {start}ssh-add {locked[0]}."
    return "Make one with ssh-keygen -t ed25519, or name yours: ssh_key."


def _open(login: Login) -> Iterable[Finding]:
    for key in login.keys.files:
        if key.open_mode:
            yield warning(
                _named("key", login),
                f"{key.path} for its owner alone",
                f"mode {key.open_mode}",
                f"chmod 600 {key.path}; ssh itself refuses such a key.",
            )


def _host_key(login: Login) -> Iterable[Finding]:
    name, host_key = _named("known_hosts", login), login.host_key
    for one in host_key.unreadable:
        yield warning(name, "a known_hosts that can be read to its end", one, "Put it right.")
    if host_key.strict not in STRICT:
        seen = f"{host_key.strict!r} in {_strict(login)}"
        yield missing(name, f"one of {', '.join(STRICT)}", seen, "Set it to yes.")
    elif host_key.known:
        yield ok(name, f"{host_key.name} is in {' or '.join(host_key.files)}")
    else:
        yield _unknown(name, login)


def _unknown(name: str, login: Login) -> Finding:
    host_key = login.host_key
    expected = f"{host_key.name} in {' or '.join(host_key.files)}"
    log_in = f"Log in once and compare the fingerprint: {login.command}"
    if host_key.strict == "yes":
        return missing(name, expected, f"no key of it, and {_strict(login)} is yes", log_in)
    if host_key.strict == "accept-new" and not host_key.can_be_added:
        return missing(name, expected, "no key of it, and no folder to note one in", log_in)
    seen = {
        "accept-new": "none, so a run takes the first that it is shown",
        "ask": "none, so a run asks, and fails where nobody is there to answer",
    }
    taken = f"none, and {_strict(login)} is {host_key.strict}: a run takes any key, each time"
    return warning(name, expected, seen.get(host_key.strict, taken), log_in)


def _strict(login: Login) -> str:
    return "StrictHostKeyChecking" if login.via else "ssh_strict_host_key_checking"
