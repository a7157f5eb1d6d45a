"""Another image: prepared first, new assets beside the old ones; a broken one leaves the old up."""

from __future__ import annotations

import re

from tests.e2e.support import HostUnderTest

NEXT = "chatwoot/chatwoot:v4.6.0-ce-next"
BROKEN = "chatwoot/chatwoot:v4.6.0-ce-broken"
ASSETS = "/var/lib/docker/volumes/borgstack_chatwoot_public/_data/vite/assets"


def assets(stack: HostUnderTest) -> set[str]:
    return set(stack.ssh(f"ls {ASSETS}").split())


def upgrades(stack: HostUnderTest) -> None:
    # Another file may have brought it here before.
    stack.ssh(f"docker image rm -f {NEXT} 2>/dev/null; rm -f {ASSETS}/upgrade-*")
    old_assets, before = assets(stack), stack.containers()
    plan = stack.plan(chatwoot_image=NEXT)
    run = stack.deploy(chatwoot_image=NEXT)
    plan.lists_only(*run.changed)
    after = stack.containers()
    run.changed_only(
        "Images | Pull missing images",
        "Configuration | Put the project's files in place",
        "Chatwoot | Prepare schema, account and assets",
        "Chatwoot | Start web and worker",
    )
    anew = {name for name in before if before[name] != after[name]}
    assert anew == {"chatwoot-prepare", "chatwoot", "chatwoot-worker"}
    assert stack.sql("SELECT to_regclass('borgstack_lab_next') IS NOT NULL") == "t"
    new_assets = assets(stack) - old_assets
    assert new_assets
    for name in old_assets | new_assets:
        assert stack.request(f"/vite/assets/{name}")[0] == 200, name
    stack.deploy(chatwoot_image=NEXT).changed_only()


def test_an_upgrade_prepares_once_and_keeps_the_old_assets(stack: HostUnderTest) -> None:
    upgrades(stack)


def test_a_failing_prepare_leaves_the_old_version_serving(stack: HostUnderTest) -> None:
    before = stack.containers()
    run = stack.try_deploy(chatwoot_image=BROKEN)
    run.failed_with("chatwoot-prepare ended with status 1", "this migration always fails")
    after = stack.containers()
    assert {name for name in before if before[name] != after[name]} == {"chatwoot-prepare"}
    status, _, body = stack.request("/")
    assert (status, "Chatwoot" in body) == (200, True)
    assert re.search(r"v4\.6\.0-ce-next$", stack.inspect("chatwoot")["Config"]["Image"])
    stack.deploy(chatwoot_image=NEXT)
    stack.deploy(chatwoot_image=NEXT).changed_only()
    stack.deploy()  # as other files expect it
