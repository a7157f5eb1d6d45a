"""The `borgstack` command: thin fronts over pyinfra runs. Run it in the project's folder."""

try:
    from gevent import monkey

    monkey.patch_all()  # before anything that opens a socket, as pyinfra's own command does

    import argparse
    import sys
    from typing import Any

    import pyinfra

    from borgstack import check, pair, plan, status, verify
    from borgstack.verb import Verb
except ImportError as error:
    # As after a `git pull` without a `make setup`; `borgstack check` could not say so.
    if (error.name or "").partition(".")[0] in {"", "borgstack"}:
        raise
    raise SystemExit(
        f"expected the packages of requirements/deploy.txt; saw {error}. Run make setup."
    ) from None

VERBS: tuple[Verb, ...] = (check.VERB, plan.VERB, verify.VERB, status.VERB, pair.VERB)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="borgstack", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in VERBS:
        one = verbs.add_parser(verb.name, help=verb.help, epilog=f"Exit code: {verb.exit_codes}.")
        verb.arguments(one)
        one.add_argument(
            "--limit", action="append", default=[], metavar="NAME", help="group or host"
        )
        one.add_argument("--data", action="append", default=[], metavar="NAME=VALUE")
        one.add_argument(
            "--inventory", default="inventory.py", metavar="FILE", help="another than inventory.py"
        )
        if verb.document:
            one.add_argument("--json", action="store_true", help=f"see docs/{verb.document}.md")
        one.set_defaults(run=verb.run, json=False)
    return parser


def main() -> int:
    """Carry out one command; its exit code."""
    options = _parser().parse_args()
    pyinfra.is_cli = True
    answer: Any = options.run(options)
    print(answer.as_json() if options.json else answer.as_text())
    return int(answer.exit_code)


if __name__ == "__main__":
    sys.exit(main())
