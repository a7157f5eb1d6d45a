"""Whether a login can succeed with what was seen: pure functions, which ask and read nothing."""

from __future__ import annotations

from collections.abc import Iterable

from borgstack.access.evidence import KINDS, Access, KeyFile, Keys, KeyState, Login
from borgstack.findings import Finding, missing, ok, softened, warning

STRICT = ("yes", "accept-new", "ask", "no", "off")
_NOT_OPENED = (KeyState.ABSENT, KeyState.UNREADABLE)


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
        yield missing(name, f"{KINDS} in each IdentityFile", seen, put_right)
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
    return missing(name, f"{KINDS} in {key.path}", key.state, todo[key.state])


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
