"""What host scripts ask of a server's programs, against the oldest that a supported system has.

A flag that is too new fails where nobody looks: Ubuntu 22.04's systemctl refused one, the message
was lost, and every run restarted Docker. So each flag has its row, with the version that brought
it; a row that is used no longer goes.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.unit.support import SCRIPT_FILES

Version = tuple[int, ...]

OLDEST: dict[str, Version] = {
    "apt": (2, 4, 5),  # Ubuntu 22.04
    "bash": (5, 1, 16),
    "coreutils": (8, 32),
    "curl": (7, 81),
    "docker": (20, 10),  # what a look may meet before the engine is replaced
    "compose": (2, 20, 2),
    "dpkg": (1, 21, 1),
    "glibc": (2, 35),
    "gnupg": (2, 2, 27),
    "grep": (3, 7),
    "openssl": (3, 0, 2),
    "iproute2": (5, 15),
    "procps": (3, 3, 17),
    "sed": (4, 8),
    "systemd": (249, 11),
    "tar": (1, 34),
    "util-linux": (2, 37, 2),
}
"""The oldest version on Debian 12 and 13, Ubuntu 22.04 and 24.04, by the project it comes from."""

EVER: Version = (0,)
"""In every version that anybody may still have."""
COREUTILS: dict[str, dict[str, Version]] = {
    "base64": {"-d": EVER, "-w": EVER},
    "cat": {},
    "chmod": {"-R": EVER},
    "cp": {"-R": EVER, "-p": EVER},
    "cut": {"-d": EVER, "-f": EVER},
    "date": {"-d": EVER},
    "df": {"-B1": EVER, "-Pk": EVER, "-h": EVER, "--output": (8, 21)},
    "head": {"-n": EVER},
    "id": {"-u": EVER, "-un": EVER},
    "mkdir": {"-m": EVER, "-p": EVER},
    "mktemp": {"-d": (7, 0)},
    "mv": {"-f": EVER, "-fT": (5, 3)},
    "rm": {"-f": EVER, "-rf": EVER},
    "sha256sum": {"--": EVER},
    "sort": {"-u": EVER},
    "stat": {"-c": EVER, "--": EVER},
    "sync": {"-f": (8, 24)},
    "tail": {"-n": EVER},
    "timeout": {},
    "tr": {"-d": EVER, "-dc": EVER},
    "uname": {"-m": EVER},
    "wc": {"-c": EVER},
}
TABLE: dict[str, dict[str, dict[str, Version]]] = {
    "coreutils": COREUTILS,
    "apt": {
        "apt-get": {
            "-q": EVER,
            "-s": EVER,
            "-y": EVER,
            "-o": EVER,
            "--no-remove": EVER,
            "--no-install-recommends": EVER,
        }
    },
    "bash": {"bash": {"-s": EVER}},
    "curl": {"curl": {"-fsSL": EVER, "--retry": EVER}},
    "dpkg": {
        "dpkg": {"--force-confold": EVER, "--configure": EVER, "-a": EVER},
        "dpkg-query": {"-W": EVER, "-f": EVER},
    },
    "glibc": {"getent": {"-s": EVER}},
    "gnupg": {
        "gpg": {
            "--homedir": EVER,
            "--no-options": EVER,
            "--batch": EVER,
            "--no-keyring": (2, 1, 14),
            "--trust-model": EVER,
            "--show-keys": (2, 2, 8),
            "--with-colons": EVER,
        }
    },
    "grep": {
        "grep": {
            "-E": EVER,
            "-e": EVER,
            "-i": EVER,
            "-q": EVER,
            "-qs": EVER,
            "-s": EVER,
            "-vxF": EVER,
            "-v": EVER,
            "-vE": EVER,
            "-vxFf": EVER,
        }
    },
    "openssl": {
        "openssl": {
            "-A": EVER,
            "-a": EVER,
            "-aes-256-cbc": EVER,
            "-checkend": EVER,
            "-connect": EVER,
            "-d": EVER,
            "-md": EVER,
            "-noout": EVER,
            "-pass": EVER,
            "-servername": EVER,
        }
    },
    "iproute2": {"ss": {"-Hltnp": (4, 12), "-Hlunp": (4, 12)}},  # -H is the newest of them
    "procps": {"pgrep": {"-ax": EVER, "-x": EVER}},
    "sed": {"sed": {"-E": (4, 2), "-i": EVER, "-n": EVER}},
    "systemd": {
        "systemctl": {"-q": EVER, "-p": EVER, "--value": (230,)},
        "journalctl": {"-n": EVER, "-o": EVER, "-u": EVER, "--no-pager": EVER},
        "resolvectl": {
            "--help": (239,),
            "--legend": (239,),
            "--type": (239,),
            "--synthesize": (248,),
        },
    },
    "tar": {"tar": {"-C": EVER, "-p": EVER, "-x": EVER, "--numeric-owner": EVER}},
    "util-linux": {
        "flock": {"-o": EVER, "-w": EVER},
        "nsenter": {"-n": (2, 23), "-t": (2, 23)},
    },
    "docker": {
        "docker exec": {"-e": EVER, "-i": EVER},
        "docker image ls": {"--format": EVER, "--no-trunc": EVER},
        "docker image rm": {},
        "docker info": {"-f": EVER},
        "docker inspect": {"-f": EVER},
        "docker logs": {"--tail": EVER},
        "docker network connect": {},
        "docker network disconnect": {"-f": EVER},
        "docker network inspect": {"-f": EVER},
        "docker network rm": {},
        "docker ps": {
            "--filter": EVER,
            "-a": EVER,
            "-aq": EVER,
            "-q": EVER,
            "--format": EVER,
            "--no-trunc": EVER,
        },
        "docker pull": {"-q": (19, 3)},
        "docker rm": {"-f": EVER},
        "docker run": {"--network": EVER, "--rm": EVER, "-e": EVER, "-v": EVER},
        "docker start": {},
        "docker stop": {},
        "docker unpause": {},
        "docker version": {"--format": EVER},
        "docker volume ls": {"--format": EVER},
        "dockerd": {"--help": EVER, "--config-file": EVER, "--validate": EVER},  # asked for first
    },
    "compose": {
        "docker compose": {
            "--env-file": EVER,
            "--no-build": EVER,
            "--progress": (2, 19),
            "--project-directory": EVER,
            "--pull": (2, 13),
            "-q": EVER,
        },
        "$compose": {"--hash": EVER, "--profile": EVER, "--project-directory": EVER, "-f": EVER},
    },
}
FLAGS = {program: flags for programs in TABLE.values() for program, flags in programs.items()}
WORDS = sorted({name.split()[0] for name in FLAGS if name != "$compose"}, key=len, reverse=True)
START = re.compile(rf"(?:^|(?<=[\s(;|&\"!]))(?:{'|'.join(map(re.escape, WORDS))})(?= |$)")
OF_OTHERS = {"docker exec", "docker run", "timeout", "nsenter", "flock"}
"""Programs that run another one: their own flags end at the first word that is none."""
WITH_VALUE = {"-v", "-e", "--network", "-t", "-w", "-f", "--tail"}


def statements(text: str) -> Iterator[str]:
    """The lines of a script, continued ones joined, without comments and other languages."""
    text = re.sub(r"(?m)^\s*#.*$", "", text).replace("\\\n", " ")
    text = re.sub(r"<<'(\w+)'.*?^\1$", "", text, flags=re.DOTALL | re.MULTILINE)
    for line in text.splitlines():
        if "$(" in line or not re.match(r"\s*(echo|say|fail|refuse) ", line):
            yield line.replace("apt_get ", "apt-get ")  # its wrapper


def words_of(statement: str) -> list[str]:
    """The words of a command, up to a pipe, a separator or its closing bracket."""
    lexer = shlex.shlex(statement, posix=True, punctuation_chars="();<>|&")
    lexer.commenters = ""
    lexer.whitespace_split = True
    words: list[str] = []
    try:
        for word in lexer:
            if set(word) & set(";|&)") and set(word) <= set("();<>|&"):
                break
            words.append(word)
    except ValueError:  # a quote that is closed in a later line
        words += statement[len(" ".join(words)) :].split()[:1]
    return words


def used(text: str) -> set[tuple[str, str]]:
    """Every program of the table and its flags in a script; a flag "" for a call without any."""
    found: set[tuple[str, str]] = set()
    for line in statements(text):
        starts = [match.start() for match in START.finditer(line)]
        for start in starts:
            words = words_of(line[start:])
            name = words[0]
            while name in {"docker", "docker image", "docker network", "docker volume"}:
                words = words[1:]
                if not words or not words[0].isalpha():
                    break  # the word, and no call
                name = f"{name} {words[0]}"
            if name == "docker":
                continue
            flags = own_flags(name, words[1:])
            found |= {(name, flag) for flag in flags} or {(name, "")}
    return found


def own_flags(name: str, words: list[str]) -> set[str]:
    flags: set[str] = set()
    skip = False
    for word in words:
        if skip:
            skip = False
        elif re.match(r"--?[A-Za-z]|--$", word):
            flags.add(word.partition("=")[0])
            skip = (word in WITH_VALUE and name in OF_OTHERS) or (name, word) == ("grep", "-e")
            if word == "--":
                break
        elif name in OF_OTHERS:
            break
    return flags


def test_what_a_script_asks_for_is_found() -> None:
    text = """
# systemctl --comment
systemctl show --timestamp=unix docker.service \\
  -p MainPID | awk '{ print $1 }'
x=$(docker ps -aq --no-trunc) && timeout 10 docker exec -i box psql -qX
docker run --rm -v "$a:/b" image program --config x
echo "run docker ps --all"
"""
    assert used(text) >= {
        ("systemctl", "--timestamp"),
        ("systemctl", "-p"),
        ("docker ps", "-aq"),
        ("docker ps", "--no-trunc"),
        ("docker exec", "-i"),
        ("docker run", "--rm"),
        ("docker run", "-v"),
    }
    names = {flag for _, flag in used(text)}
    assert not names & {"--comment", "-qX", "--config", "--all"}


USED = {
    (name, flag): script
    for script, path in SCRIPT_FILES.items()
    for name, flag in used(path.read_text())
}


@pytest.mark.parametrize(("program", "flag"), sorted(USED))
def test_a_flag_that_a_script_uses_is_one_of_the_table(program: str, flag: str) -> None:
    assert program in FLAGS, f"{USED[program, flag]}.sh asks {program}, which has no row"
    assert not flag or flag in FLAGS[program], f"{USED[program, flag]}.sh: {program} {flag}"


def test_a_row_that_is_used_no_longer_goes() -> None:
    rows = {(program, flag) for program, flags in FLAGS.items() for flag in flags}
    assert {row for row in rows if row[0] != "$compose"} - set(USED) == set()
    assert {program for program in FLAGS if program != "$compose"} == {one for one, _ in USED}


@pytest.mark.parametrize(
    ("project", "program", "flag", "since"),
    [
        (project, program, flag, since)
        for project, programs in TABLE.items()
        for program, flags in programs.items()
        for flag, since in flags.items()
    ],
)
def test_the_oldest_supported_system_has_the_flag(
    project: str, program: str, flag: str, since: Version
) -> None:
    assert since <= OLDEST[project], f"{program} {flag} came with {project} {since}"


def test_a_flag_that_is_too_new_is_noticed() -> None:
    timestamp_unix = (251,)
    assert not timestamp_unix <= OLDEST["systemd"]
