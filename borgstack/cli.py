"""The `borgstack` command: thin fronts over pyinfra runs. Run it in the project's folder."""

try:
    from gevent import monkey

    monkey.patch_all()  # before anything that opens a socket, as pyinfra's own command does

    import argparse
    import re
    import sys
    from collections.abc import Callable

    import pyinfra

    from borgstack.check import SelfTest, check
    from borgstack.pair import TIMEOUT, Outcome, pair
    from borgstack.plan import Plan, make_plan
    from borgstack.status import Status, status
    from borgstack.verify import Report, verify
except ImportError as error:
    # As after a `git pull` without a `make setup`; `borgstack check` could not say so.
    if (error.name or "").partition(".")[0] in {"", "borgstack"}:
        raise
    raise SystemExit(
        f"expected the packages of requirements/deploy.txt; saw {error}. Run make setup."
    ) from None

_COMMANDS: dict[str, Callable[[argparse.Namespace], SelfTest | Plan | Report | Status]] = {
    "check": lambda asked: check(asked.limit, asked.data, asked.inventory),
    "plan": lambda asked: make_plan(asked.limit, asked.data, asked.inventory),
    "verify": lambda asked: verify(
        asked.limit,
        asked.data,
        asked.inventory,
        conversation=asked.conversation,
        mail=asked.mail,
        whatsapp=asked.whatsapp,
    ),
    "status": lambda asked: status(asked.limit, asked.data, asked.inventory),
}
_DOCUMENTS = {"check": "check", "plan": "plan", "verify": "verify", "status": "whatsapp"}


def _digits(text: str) -> str:
    """A phone number with its country, in digits alone."""
    digits = re.sub(r"[+ ().-]", "", text)
    if not re.fullmatch(r"[1-9][0-9]{6,14}", digits):
        raise argparse.ArgumentTypeError("expected a number with its country, as 5511987654321")
    return digits


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="borgstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "check",
        help="whether this machine has what a run needs; asks no host, changes nothing",
        epilog="Exit code: 0 nothing is missing, though there may be warnings; 1 something is.",
    )
    commands.add_parser(
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
    verify.add_argument(
        "--whatsapp",
        action="store_true",
        help="have a message come in as from WhatsApp, too, and a reply go out; no phone needed",
    )
    commands.add_parser(
        "status",
        help="WhatsApp: the phone, n8n, the replies, what failed",
        epilog="Exit code: 0 the phone is connected and both directions are open, 1 otherwise.",
    )
    pair = commands.add_parser(
        "pair",
        help="show WhatsApp's code in this terminal until a phone has taken it",
        epilog="Exit code: 0 the phone is connected, 1 it is not.",
    )
    pair.add_argument("--number", type=_digits, metavar="DIGITS", help=_NUMBER)
    pair.add_argument("--timeout", type=int, default=TIMEOUT, metavar="SECONDS", help=_TIMEOUT)
    for name, command in commands.choices.items():
        command.add_argument(
            "--limit", action="append", default=[], metavar="NAME", help="group or host"
        )
        command.add_argument("--data", action="append", default=[], metavar="NAME=VALUE")
        command.add_argument(
            "--inventory", default="inventory.py", metavar="FILE", help="another than inventory.py"
        )
        if document := _DOCUMENTS.get(name):
            command.add_argument("--json", action="store_true", help=f"see docs/{document}.md")
    return parser


_TIMEOUT = f"{TIMEOUT}, unless you say otherwise"
_NUMBER = "of the phone, with its country: for a code to type where nothing can be scanned"


def _pair(options: argparse.Namespace) -> Outcome:
    return pair(
        options.limit,
        options.data,
        options.inventory,
        number=options.number or "",
        timeout=options.timeout,
    )


def main() -> int:
    """Carry out one command; its exit code."""
    options = _parser().parse_args()
    pyinfra.is_cli = True
    if options.command == "pair":
        outcome = _pair(options)
        print(outcome.as_text())
        return outcome.exit_code
    answer = _COMMANDS[options.command](options)
    print(answer.as_json() if options.json else answer.as_text())
    return answer.exit_code


if __name__ == "__main__":
    sys.exit(main())
