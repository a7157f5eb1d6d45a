"""The `borgstack` command: thin fronts over pyinfra runs. Run it in the project's folder."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket, as pyinfra's own command does

import argparse  # noqa: E402
import sys  # noqa: E402
from collections.abc import Callable  # noqa: E402

import pyinfra  # noqa: E402

from borgstack.plan import Plan, make_plan  # noqa: E402
from borgstack.verify import Report, verify  # noqa: E402

_COMMANDS: dict[str, Callable[[argparse.Namespace], Plan | Report]] = {
    "plan": lambda asked: make_plan(asked.limit, asked.data),
    "verify": lambda asked: verify(
        asked.limit, asked.data, conversation=asked.conversation, mail=asked.mail
    ),
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="borgstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plan = commands.add_parser(
        "plan",
        help="what a run would change, and why; touches nothing",
        epilog="Exit code: 0 nothing would change, 2 something would, 1 that cannot be said.",
    )
    verify = commands.add_parser(
        "verify",
        help="whether the live system works, from inside and from outside; changes nothing",
        epilog="Exit code: 0 every check passed or was skipped with a reason, 1 otherwise.",
    )
    verify.add_argument(
        "--conversation",
        action="store_true",
        help="begin a conversation, too, and remove it again",
    )
    verify.add_argument(
        "--mail", metavar="ADDRESS", help="send a mail there, too, as Chatwoot would send it"
    )
    for name, command in (("plan", plan), ("verify", verify)):
        command.add_argument(
            "--limit", action="append", default=[], metavar="NAME", help="group or host"
        )
        command.add_argument("--data", action="append", default=[], metavar="NAME=VALUE")
        command.add_argument("--json", action="store_true", help=f"the form of docs/{name}.md")
    return parser


def main() -> int:
    """Carry out one command; its exit code."""
    options = _parser().parse_args()
    pyinfra.is_cli = True
    answer = _COMMANDS[options.command](options)
    print(answer.as_json() if options.json else answer.as_text())
    return answer.exit_code


if __name__ == "__main__":
    sys.exit(main())
