"""Stand-ins with one old leniency put back: lines of a Dockerfile upon the stand-in, and the row of
image_contract.py that has to turn red.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Kinder:
    """A stand-in that is kinder than its image.

    :ivar row: the name of a row of ROWS or of a line in TOOLS; "" for the configuration.
    """

    image: str
    name: str
    build: str
    row: str = ""

    def __str__(self) -> str:
        return f"{self.image}: {self.name}"


def run(text: str) -> str:
    return f"USER root\nRUN {text}"


def tool(name: str) -> str:
    """A program of that name on the path."""
    return run(f"printf '#!/bin/sh\\n' >/usr/bin/{name} && chmod 755 /usr/bin/{name}")


def edit(file: str, script: str) -> str:
    """A line that edits a file, and fails where that changes nothing."""
    return run(f"cp {file} /tmp/was && sed -i '{script}' {file} && ! cmp -s {file} /tmp/was")


NOT_ALPINE = {
    "ash": run("ln -sf dash /bin/sh && ln -sf /bin/dash /usr/local/bin/sh"),
    "no perl": tool("perl"),
    "BusyBox's wget": f"{tool('wget')} && rm /usr/local/bin/wget",
    "cp unlinks": run("rm /usr/local/bin/cp"),
}
ENTRY = "/usr/local/bin/docker-entrypoint.sh"
MODULES = "/usr/local/lib/redis/modules/*.so"
OLD_ZONE = "/usr/share/zoneinfo/Brazil/East"
JIT = "/usr/lib/postgresql/18/lib/llvmjit.so"
# Per image: what was put back, how, and the row.
PUT_BACK: dict[str, tuple[tuple[str, str, str], ...]] = {
    "redis": (
        ("bash", tool("bash"), "no bash"),
        ("no module", run(f"rm {MODULES}"), "a password on stdin needs to be the last word"),
        ("modules unloaded", run(f"chmod a-x {MODULES}"), "modules are loaded"),
        ("silent", edit(ENTRY, "/Starting Redis Server/d"), "options alone start the server"),
        (
            "changes whatever lies there",
            edit(ENTRY, "s/^known() {/known() { return; /"),
            "a file that is not its own stays",
        ),
        (
            "root all the way",
            edit(ENTRY, r"s/= 0 ] && has setuid/= 1 ] \&\& has setuid/"),
            "a configuration of root's",
        ),
        (
            "programs of their own",
            f"{tool('redis-sentinel')} && rm /usr/local/bin/redis-sentinel",
            "one program",
        ),
        ("another user", "USER redis", ""),
    ),
    "postgresql": (
        ("no JIT", run(f"rm {JIT}"), "JIT"),
        ("no old zones", run(f"rm {OLD_ZONE}"), "an old name of a time zone"),
        ("no gosu", run("rm $(command -v gosu)"), "gosu"),
        ("wget", tool("wget"), "no wget"),
        (
            "psql itself",
            run("ln -sf /usr/lib/postgresql/18/bin/psql /usr/bin/psql"),
            "perl in front of psql",
        ),
        ("any password", edit(ENTRY, r"s/^\trequire_password$/\t:/"), "no password"),
        ("one of two passwords", edit(ENTRY, "/exclusive/{n;d}"), "a password twice"),
        (
            "an old mount",
            edit(ENTRY, r"s/^\trefuse_old_layout$/\t:/"),
            "a mount where older images kept their data",
        ),
        ("another user", "USER postgres", ""),
        ("stopped otherwise", "STOPSIGNAL SIGTERM", ""),
    ),
    "caddy": (
        ("bash", tool("bash"), "no bash"),
        ("no types", run("rm /etc/mime.types"), "types of files"),
        ("no capability", run("setcap -r /usr/bin/caddy"), "a capability of the file's"),
        ("no adapter", 'CMD ["caddy", "run"]', ""),
    ),
    "chatwoot": (
        ("curl", tool("curl"), "no curl"),
        ("a folder for files", run("mkdir /app/storage"), "everything is root's"),
        ("another command", 'CMD ["bash"]', ""),
    ),
    "n8n": (
        ("bash", tool("bash"), "no bash"),
        (
            "any certificate",
            edit("/docker-entrypoint.sh", "/Trusting/d") + "\nUSER node",
            "certificates of one's own",
        ),
        ("root", "USER root", "user"),
        ("no tini", 'ENTRYPOINT ["/docker-entrypoint.sh"]', ""),
    ),
    "evolution": (
        ("curl", tool("curl"), "no curl"),
        ("a folder of instances", run("mkdir /evolution/instances"), "no folder of instances"),
        ("no npm", run("rm /usr/local/bin/npm"), "npm"),
        (
            "any database",
            edit("Docker/scripts/deploy_database.sh", "s/exit 1/exit 0/"),
            "no database's kind",
        ),
        ("a volume", "VOLUME /evolution/instances", ""),
        ("node itself", 'ENTRYPOINT ["node", "dist/main.js"]', ""),
    ),
}


def _all() -> Iterator[Kinder]:
    for image, cases in PUT_BACK.items():
        if image != "postgresql":
            for row, build in NOT_ALPINE.items():
                yield Kinder(image, f"not Alpine's: {row}", build, row)
        for name, build, row in cases:
            yield Kinder(image, name, build, row)


KINDER = tuple(_all())
