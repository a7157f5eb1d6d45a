"""The `borgstack` command: thin fronts over pyinfra runs. Run it in the project's folder."""

from gevent import monkey

monkey.patch_all()  # before anything that opens a socket, as pyinfra's own command does

import argparse  # noqa: E402
import sys  # noqa: E402

import pyinfra  # noqa: E402

from borgstack.plan import make_plan  # noqa: E402


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="borgstack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    plan = commands.add_parser(
        "plan",
        help="what a run would change, and why; touches nothing",
        epilog="Exit code: 0 nothing would change, 2 something would, 1 that cannot be said.",
    )
    plan.add_argument("--limit", action="append", default=[], metavar="NAME", help="group or host")
    plan.add_argument("--data", action="append", default=[], metavar="NAME=VALUE")
    plan.add_argument("--json", action="store_true", help="the form of docs/plan.md")
    return parser


def main() -> int:
    """Carry out one command; its exit code."""
    options = _parser().parse_args()
    pyinfra.is_cli = True
    plan = make_plan(options.limit, options.data)
    print(plan.as_json() if options.json else plan.as_text())
    return plan.exit_code


if __name__ == "__main__":
    sys.exit(main())
