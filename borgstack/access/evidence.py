"""What this machine has for a login over SSH, as `look.py` sees it and `judge.py` judges it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from enum import StrEnum

KINDS = "an RSA, ECDSA or Ed25519 private key"


class KeyState(StrEnum):
    """What became of reading a private key without asking anybody."""

    FINE = "fine"
    ABSENT = "no such file"
    UNREADABLE = "a file that may not be read"
    LOCKED = "a key behind a passphrase"
    WRONG = "a key behind another passphrase than ssh_key_password"
    NO_KEY = f"a file that is not {KINDS}"


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
