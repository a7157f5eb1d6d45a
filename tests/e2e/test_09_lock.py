"""Two operators at once: one works, the other is told. A run that died holds nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest

from borgstack.lock import LIFETIME
from tests.e2e.support import PYINFRA, REPOSITORY, HostUnderTest


def start_slow_run(stack: HostUnderTest) -> subprocess.Popen[bytes]:
    """A run that has some ten seconds of work to do, and has begun with it."""
    stack.ssh("docker rm -f chatwoot chatwoot-worker")
    command = [str(PYINFRA), "inventory.py", "deploy.py", "--limit", stack.name, "-y"]
    run = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while "chatwoot\n" not in stack.ssh("docker ps -a --format '{{.Names}}'"):
        assert run.poll() is None, "the first run ended before the second began"
        assert time.monotonic() < deadline, "the first run does not begin to work"
        time.sleep(0.3)
    return run


def test_a_second_run_is_told_who_holds_the_host_since_when(stack: HostUnderTest) -> None:
    first = start_slow_run(stack)
    second = stack.try_deploy()
    second.failed_with("expected to be alone on this host; saw root@", " since 20", "lock_wait")
    assert second.changed == ()
    assert first.wait(timeout=120) == 0
    stack.deploy().changed_only()


def test_a_second_run_waits_when_it_is_told_to(stack: HostUnderTest) -> None:
    first = start_slow_run(stack)
    second = stack.deploy(lock_wait=120)
    second.changed_only()  # or it would have found containers missing
    assert first.wait(timeout=30) == 0


def test_a_killed_run_holds_nothing_and_the_next_one_converges(stack: HostUnderTest) -> None:
    first = start_slow_run(stack)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    stack.deploy()
    stack.deploy().changed_only()
    names = stack.ssh("docker ps --format '{{.Names}}'").split()
    assert {"chatwoot", "chatwoot-worker", "borgstack_caddy"} <= set(names)


@pytest.mark.slow
def test_a_run_whose_machine_slept_for_a_minute_changes_nothing_more(stack: HostUnderTest) -> None:
    """Stopped, it gives no sign of life either; meanwhile another run has the host to itself."""
    stack.ssh("docker rm -f chatwoot chatwoot-worker borgstack_caddy")
    command = [str(PYINFRA), "inventory.py", "deploy.py", "--limit", stack.name, "-y"]
    run = subprocess.Popen(
        command, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    deadline = time.monotonic() + 60
    while "chatwoot\n" not in stack.ssh("docker ps -a --format '{{.Names}}'"):
        assert run.poll() is None, "the run ended before it could be stopped"
        assert time.monotonic() < deadline, "the run does not begin to work"
        time.sleep(0.3)
    os.kill(run.pid, signal.SIGSTOP)
    time.sleep(LIFETIME + 5)
    os.kill(run.pid, signal.SIGCONT)
    output, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    assert "its lock was lost" in output
    assert "borgstack_caddy\n" not in stack.ssh("docker ps -a --format '{{.Names}}'")
    stack.deploy()


LOCKS = ("/run/borgstack.lock", "/run/borgstack-work.lock")


def can_hold(stack: HostUnderTest, lock: str) -> bool:
    """Whether a user who is not root could keep every run out."""
    return "held" in stack.ssh(f"flock -n {lock} echo held", user="operator", check=False)


def test_nobody_but_root_can_hold_the_locks_not_even_those_of_an_older_version(
    stack: HostUnderTest,
) -> None:
    stack.ssh(f"touch {' '.join(LOCKS)} && chmod 644 {' '.join(LOCKS)}")
    assert all(can_hold(stack, lock) for lock in LOCKS)
    stack.deploy().changed_only()
    assert not any(can_hold(stack, lock) for lock in LOCKS)
    stack.ssh("rm -f /run/borgstack-work.lock && docker stop borgstack_caddy")
    stack.deploy()
    assert not any(can_hold(stack, lock) for lock in LOCKS)
