"""The same command again: nothing changes, nothing restarts, no file is touched, few commands."""

from __future__ import annotations

import json

from tests.e2e.support import HostUnderTest

MOST_COMMANDS = 12


def test_the_second_run_changes_nothing(stack: HostUnderTest) -> None:
    before = stack.snapshot()
    run = stack.deploy()
    assert (run.changed, run.operations) == ((), 18)
    assert stack.snapshot() == before


def test_a_no_op_takes_few_commands(stack: HostUnderTest) -> None:
    run = stack.pyinfra("-y", "-vv")
    assert run.code == 0
    assert 0 < run.output.count(">>> ") <= MOST_COMMANDS


def test_the_plan_of_a_converged_host_is_empty(stack: HostUnderTest) -> None:
    before = stack.snapshot()
    run = stack.pyinfra("--dry", "--json")
    plan = json.loads(run.output[: run.output.index("\n")])["plan"]
    assert len(plan) == 18
    assert [one["name"] for one in plan if one["hosts_with_change"]] == []
    assert stack.snapshot() == before


def test_a_user_with_sudo_converges_the_same_host(stack: HostUnderTest) -> None:
    before = stack.snapshot()
    run = stack.deploy(ssh_user="deployer", _sudo=True)
    run.changed_only()
    assert stack.snapshot() == before


def test_what_a_login_prints_is_as_if_it_were_not_there(stack: HostUnderTest) -> None:
    """Debian's bash reads root's .bashrc for every command over SSH."""
    before = stack.snapshot()
    status = stack.borgstack("status", whatsapp=True).stdout
    stack.ssh("""echo 'echo "*** managed host ***"' >>/root/.bashrc""")
    try:
        assert stack.ssh("true") == "*** managed host ***\n"
        stack.plan().lists_only()
        stack.deploy().changed_only()
        verified = stack.verify()
        assert (verified.errors, verified.named("failed")) == ((), set()), verified.output
        assert stack.borgstack("status", whatsapp=True).stdout == status
    finally:
        stack.ssh("sed -i '/managed host/d' /root/.bashrc")
    assert stack.snapshot() == before
