"""`.env` on the host: how it lies there and which of its entries are fit, never what they hold."""

from __future__ import annotations

from pyinfra.api import FactBase, StringCommand
from pyinfra.api.exceptions import FactProcessError

from borgstack.entries import REFUSED, EnvState, Flaw
from borgstack.remote import script_command


class Env(FactBase[EnvState]):
    """The state of `.env`, judged on the host by the rules of `borgstack.entries`."""

    def command(self, path: str, salt: str, rules: tuple[str, ...]) -> StringCommand:
        """Run `env_state.sh`; `salt` and `rules` are described there."""
        return script_command("env_state", path, salt, *rules)

    def process(self, output: list[str]) -> EnvState:
        """Read the lines that `env_state.sh` prints."""
        owner: str | None = None
        problems: list[tuple[int, Flaw]] = []
        verdicts: dict[str, str] = {}
        digests: dict[str, str] = {}
        leftovers: list[str] = []
        for line in output:
            kind, _, rest = line.partition(" ")
            name, _, text = rest.partition(" ")
            if kind == "leftover":
                leftovers.append(rest)
            elif kind == "file":
                owner = None if rest == "missing" else rest
            elif kind == "problem":
                if not name.isdecimal():
                    raise FactProcessError("env_state.sh printed a problem without its line")
                problems.append((int(name), _flaw(text)))
            elif kind == "entry":
                if text.startswith(REFUSED):
                    _flaw(text.removeprefix(REFUSED))
                verdicts[name] = text
            elif kind == "digest":
                digests[name] = text
            else:
                raise FactProcessError(f"env_state.sh printed a line of no known kind: {kind!r}")
        return EnvState(owner, tuple(problems), verdicts, digests, tuple(leftovers))


def _flaw(word: str) -> Flaw:
    try:
        return Flaw(word)
    except ValueError as error:
        raise FactProcessError("env_state.sh printed a flaw of no known kind") from error
