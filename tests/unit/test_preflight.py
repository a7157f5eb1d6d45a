"""Preflight decides whether a run may touch a server at all: one row for each reason to refuse, and
the state in which nothing is found. The script that looks is run on this machine; it only reads.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from borgstack.findings import Finding
from borgstack.images import FIRST_DEPLOY
from borgstack.live_server import ServerState, parse
from borgstack.preflight import SUPPORTED, Look, findings
from borgstack.remote import script_text
from borgstack.sizes import MEGABYTE, SIZES
from tests.unit.support import fit_server_lines, program, run_script, run_text, settings_of
from tests.unit.told import values

NOW = 1_700_000_000.0


def server(*changed: str, without: tuple[str, ...] = ()) -> ServerState:
    """A fit server with some of the lines that `preflight.sh` prints replaced or left out."""
    replaced = {line.split(" ")[0] for line in changed} | set(without)
    kept = [line for line in fit_server_lines() if line.split(" ")[0] not in replaced]
    return parse([*kept, *changed], now=NOW)


def judged(
    state: ServerState,
    *,
    sudo: bool = False,
    caddy_runs: bool | None = False,
    published: dict[int, str] | None = None,
    room: int = FIRST_DEPLOY,
    **data: object,
) -> list[Finding]:
    return findings(
        settings_of(**data),
        state,
        sudo=sudo,
        caddy_runs=caddy_runs,
        published=published or {},
        room=room,
    )


def test_nothing_is_found_on_a_fit_server() -> None:
    assert judged(server()) == []


def test_every_line_of_the_script_is_read() -> None:
    state = server(
        "port 80 nginx",
        "clock 1700000030",
        "out ipv6",
        "mtu 1500",
        "cluster PG_VERSION",
        "folder /srv/docker",
        "udp openvpn",
    )
    assert state == ServerState(
        uid=0,
        user="root",
        root=True,
        os=("debian", "13"),
        codename="trixie",
        machine="x86_64",
        systemd=True,
        memory=4_000_000_000,
        disk=50_000_000_000,
        folder="/srv/docker",
        clock_skew=30.0,
        time_source="synchronised",
        ports={80: "nginx"},
        udp="openvpn",
        addresses=frozenset({"192.0.2.10", "2001:db8::10"}),
        names={"chatwoot.example.com": frozenset({"192.0.2.10"})},
        ipv6_alone=True,
        mtu=1500,
        clusters=frozenset({"PG_VERSION"}),
    )


@pytest.mark.parametrize(
    ("changed", "look", "expected", "seen"),
    [
        (("uid 1000", "user joe", "root no"), Look.RIGHTS, "root sudo", "joe"),
        (("uid 1000", "user joe", "root yes"), Look.SUDO, "root", "joe"),
        (("os fedora 42 x",), Look.SYSTEM, "debian 12 13 ubuntu 22.04 24.04", "fedora 42"),
        (("os debian 11 bullseye",), Look.SYSTEM, "debian 12", "debian 11"),
        (("machine armv7l",), Look.MACHINE, "aarch64 x86_64", "armv7l"),
        (("machine ",), Look.MACHINE, "aarch64 x86_64", "nothing"),
        (("init ",), Look.INIT, "systemd", "another"),
        (("memory 2000000000",), Look.MEMORY, "3600 MB 4gb", "1907 MB"),
        (("disk 1000000000",), Look.DISK, "10240 MB /var/lib/docker", "953 MB"),
        (("port 80 nginx",), Look.PORT, "80", "nginx"),
        (("port 443 apache2",), Look.PORT, "443", "apache2"),
        (("udp openvpn",), Look.PORT, "443/udp", "openvpn"),
        (("udp an unknown process",), Look.PORT, "443/udp", "unknown process"),
        (("udp docker-proxy",), Look.PORT, "443/udp", "another container"),
        (("port 80 docker-proxy",), Look.PORT, "80", "another container"),
        (("port 80 dockerd",), Look.PORT, "80", "another container"),
        (("clock 1700000061",), Look.CLOCK, "60", "+61"),
        (("clock 1699999939",), Look.CLOCK, "60", "-61"),
        (("name chatwoot.example.com 198.51.100.7",), Look.DNS, "192.0.2.10", "198.51.100.7"),
        (("name other.example.com 192.0.2.10",), Look.DNS, "chatwoot.example.com", "no"),
        (("cluster PG_VERSION",), Look.DATA, "18/docker/PG_VERSION", "PG_VERSION"),
        (("cluster data/PG_VERSION",), Look.DATA, "18/docker/PG_VERSION", "data/PG_VERSION"),
        (
            ("cluster 17/docker/PG_VERSION",),
            Look.DATA,
            "18/docker/PG_VERSION",
            "17/docker/PG_VERSION",
        ),
    ],
)
def test_each_thing_that_stands_in_the_way_is_one_fatal_finding(
    changed: tuple[str, ...], look: Look, expected: str, seen: str
) -> None:
    (finding,) = judged(server(*changed))
    assert (finding.name, finding.fatal) == (look, True)
    assert set(expected.split()) <= values(finding.expected)
    assert set(seen.split()) <= values(finding.seen)
    assert finding.next


def test_a_port_of_dockers_is_nobodys_fault_while_docker_cannot_say_whose_it_is() -> None:
    (found,) = judged(server("port 443 docker-proxy"), caddy_runs=None)
    assert (found.name, found.fatal) == (Look.PORT, False)
    assert "443" in values(found.expected)
    (foreign,) = judged(server("port 443 nginx"), caddy_runs=None)
    assert foreign.fatal


@pytest.mark.parametrize(
    ("state", "arguments"),
    [
        (server("uid 1000", "user joe", "root yes"), {"sudo": True}),
        (server("port 80 docker-proxy", "port 443 docker-proxy"), {"caddy_runs": True}),
        (server("port 80 dockerd", "port 443 dockerd"), {"caddy_runs": True}),
        (server("disk 1000000000"), {"room": 0}),
        (server("clock 1700000060"), {}),
        (server("machine aarch64"), {}),
        (server("os ubuntu 24.04 noble"), {"docker_source": "distribution"}),
        (server("name x 203.0.113.9"), {"dns_check": "off"}),
        (
            server("name chatwoot.example.com 203.0.113.9"),
            {"public_addresses": ["203.0.113.9"]},
        ),
        (server("port 22 sshd"), {}),
        (server("cluster 18/docker/PG_VERSION", "cluster 17/docker/PG_VERSION"), {}),
        (server("cluster 19/docker/PG_VERSION"), {"postgresql_image": "pgvector/pgvector:pg19"}),
        (
            server("cluster 18/docker/PG_VERSION"),
            {"postgresql_image": "pgvector/pgvector:0.8.1-pg18"},
        ),
        (
            server("cluster 18/docker/PG_VERSION"),
            {"postgresql_image": "mirror:5000/pg/pgvector:latest"},
        ),
    ],
)
def test_what_only_looks_wrong_is_no_finding(
    state: ServerState, arguments: dict[str, object]
) -> None:
    assert judged(state, **arguments) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "data", "look"),
    [
        (server(without=("time",)), {}, Look.CLOCK_DAEMON),
        (server(without=("name",)), {"dns_check": "warn"}, Look.DNS),
    ],
)
def test_what_may_be_meant_is_only_a_warning(
    state: ServerState, data: dict[str, object], look: Look
) -> None:
    (finding,) = judged(state, **data)  # type: ignore[arg-type]
    assert (finding.name, finding.fatal) == (look, False)


@pytest.mark.parametrize("holder", ["docker-proxy", "dockerd"])
@pytest.mark.parametrize("caddy_runs", [True, False])
def test_the_container_that_has_a_port_is_named(holder: str, *, caddy_runs: bool) -> None:
    (found,) = judged(server(f"port 80 {holder}"), caddy_runs=caddy_runs, published={80: "web"})
    assert (found.name, found.fatal) == (Look.PORT, True)
    assert "80" in values(found.expected)
    assert "web" in values(found.seen)
    assert "docker stop web" in found.next


@pytest.mark.parametrize("strict", [True, False])
def test_a_record_that_leads_elsewhere_as_well_is_named(*, strict: bool) -> None:
    """As an old AAAA record after a move."""
    name = "name chatwoot.example.com"
    state = server(f"{name} 192.0.2.10", f"{name} 2001:db8::dead")
    (found,) = judged(state, dns_check="strict" if strict else "warn")
    assert (found.name, found.fatal) == (Look.DNS_OTHERS, strict)
    assert "2001:db8::dead" in values(found.seen)
    assert "192.0.2.10" not in found.seen
    assert judged(state, dns_check="off") == []
    assert judged(state, public_addresses=["2001:db8::dead"]) == []


def test_an_uplink_with_smaller_packets_is_warned_of_until_a_setting_follows() -> None:
    (found,) = judged(server("mtu 1450"))
    assert (found.name, found.fatal) == (Look.MTU, False)
    assert "docker_mtu = 1450" in found.next
    assert judged(server("mtu 1450"), docker_mtu=1450) == []
    assert judged(server("mtu 9000")) == []


def test_a_record_for_ipv6_that_leads_here_is_only_told_of() -> None:
    name = "name chatwoot.example.com"
    (found,) = judged(server(f"{name} 192.0.2.10", f"{name} 2001:db8::10"))
    assert (found.name, found.fatal) == (Look.DNS_IPV6, False)
    assert found.seen == "2001:db8::10"


def test_a_server_without_a_way_out_by_ipv4_is_refused() -> None:
    (found,) = judged(server("out ipv6"))
    assert (found.name, found.fatal) == (Look.WAY_OUT, True)
    (found,) = judged(server("name chatwoot.example.com 2001:db8::10"))
    assert (found.name, found.fatal) == (Look.DNS, True)
    assert {"chatwoot.example.com", "192.0.2.10"} <= values(found.expected)


def test_a_name_may_lead_to_a_proxy_that_is_trusted_and_to_no_other() -> None:
    edge = server("name chatwoot.example.com 104.16.3.4")
    assert judged(edge, trusted_proxies=["2400:cb00::/32", "104.16.0.0/13"]) == []
    (finding,) = judged(edge, trusted_proxies=["172.64.0.0/13"])
    assert (finding.name, finding.fatal) == (Look.DNS, True)
    assert "trusted_proxies" in finding.next


def test_debian_12_has_no_compose_of_its_own() -> None:
    state = server("os debian 12 bookworm")
    assert judged(state) == []
    (finding,) = judged(state, docker_source="distribution")
    assert finding.next == 'Set docker_source = "docker".'


@pytest.mark.parametrize("size", SIZES)
def test_memory_is_judged_by_the_size(size: str) -> None:
    least = SIZES[size].host_memory
    assert judged(server(f"memory {least}"), size=size) == []
    (finding,) = judged(server(f"memory {least - 1}"), size=size)
    assert f"{least // MEGABYTE} MB" in finding.expected


def test_a_disk_of_exactly_the_least_size_is_enough() -> None:
    assert judged(server(f"disk {FIRST_DEPLOY}")) == []


def test_a_big_disk_in_scientific_notation_is_read() -> None:
    assert server("disk 1.23457e+12").disk == 1_234_570_000_000


def test_everything_that_is_wrong_is_found_at_once() -> None:
    found = judged(parse(["uid 1000", "user joe", "root no"], now=NOW))
    assert [finding.seen.split(",")[0] for finding in found] == [
        "user joe",
        "unknown unknown",
        "nothing",
        "another one",
        "0 MB",
        "0 MB",
        "none of systemd-timesyncd",
        "no such name",
    ]


def test_every_supported_system_takes_dockers_own_packages() -> None:
    assert all("docker" in sources for sources in SUPPORTED.values())


def test_the_script_looks_at_this_machine() -> None:
    ran = run_script("preflight", "name.invalid")
    state = parse(ran.out.splitlines())
    assert (ran.status, ran.err) == (0, "")
    assert state.uid == os.getuid()
    assert state.machine == os.uname().machine
    assert state.memory > 100 * MEGABYTE
    assert state.disk > 0
    assert abs(state.clock_skew) < 60
    assert "name.invalid" not in state.names


def test_the_script_tells_who_listens_on_the_two_ports(tmp_path: Path) -> None:
    lines = (
        'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=6))\n'
        'LISTEN 0 511 [::]:80 [::]:* users:(("nginx",pid=7,fd=7))\n'
        "LISTEN 0 511 *:443 *:*"
    )
    program(tmp_path / "bin", "ss", f"cat <<'EOF'\n{lines}\nEOF")
    ran = run_script("preflight", first_on_path=tmp_path / "bin")
    assert parse(ran.out.splitlines()).ports == {80: "nginx", 443: "an unknown process"}


@pytest.mark.parametrize(
    ("routes", "ipv6_alone", "mtu"),
    [
        ("*' get 192.0.2.1') echo '192.0.2.1 via 10.0.0.1 dev lo src 10.0.0.2' ;;", False, 65536),
        ("*' get 2001:db8::1') echo '2001:db8::1 dev eth0' ;; *) exit 2 ;;", True, 0),
        ("*) exit 2 ;;", False, 0),
    ],
)
def test_the_script_asks_the_kernel_for_the_way_out(
    tmp_path: Path, routes: str, mtu: int, *, ipv6_alone: bool
) -> None:
    program(tmp_path / "bin", "ip", f'case "$*" in {routes} esac')
    state = parse(run_script("preflight", first_on_path=tmp_path / "bin").out.splitlines())
    assert (state.ipv6_alone, state.mtu) == (ipv6_alone, mtu)


NAME = "chatwoot.example.com"
GETENT = """case "$*" in
"-s dns ahosts "*) printf '192.0.2.10 STREAM %s\\n192.0.2.10 DGRAM\\n' ;; # a host without IPv6
"-s dns hosts "*) printf '2001:db8::10    %s\\n' "$4" ;;
*) echo "127.0.1.1 STREAM $2" ;; # as /etc/hosts has it
esac"""
RESOLVECTL = """case "$*" in
--help) printf '     --synthesize=BOOL         Allow synthetic response\\n' ;;
*--type=AAAA*) cat <<'EOF'
web.example.com IN AAAA 2001:db8::10                        -- link: eth0
chatwoot.example.com IN CNAME web.example.com               -- link: eth0
EOF
;;
"query --synthesize=no --legend=no "*) cat <<'EOF'
chatwoot.example.com: 192.0.2.10               -- link: eth0
                      (web.example.com)
EOF
;;
*) echo "$2: 127.0.1.1" ;;
esac"""
"""What systemd-resolved's tool prints (249 and later); it answers from /etc/hosts unless told."""


def asked(tmp_path: Path, nameserver: str, **programs: str) -> frozenset[str]:
    for name, text in programs.items():
        program(tmp_path / "bin", name, text)
    (tmp_path / "resolv.conf").write_text(f"nameserver {nameserver}\n")
    text = script_text("preflight").replace("/etc/resolv.conf", f"{tmp_path}/resolv.conf")
    ran = run_text(text, NAME, first_on_path=tmp_path / "bin")
    assert (ran.status, ran.err) == (0, "")
    return parse(ran.out.splitlines()).names.get(NAME, frozenset())


DNS = {"192.0.2.10", "2001:db8::10"}


@pytest.mark.parametrize(
    ("nameserver", "programs"),
    [
        ("192.0.2.1", {"getent": GETENT}),
        ("192.0.2.1", {"getent": GETENT, "resolvectl": "exit 9"}),
        ("127.0.0.53", {"getent": "exit 9", "resolvectl": RESOLVECTL}),
        ("127.0.0.53", {"getent": GETENT, "resolvectl": "echo too old"}),
    ],
)
def test_a_line_in_the_hosts_file_neither_hides_a_record_nor_stands_for_one(
    tmp_path: Path, nameserver: str, programs: dict[str, str]
) -> None:
    assert asked(tmp_path, nameserver, **programs) == DNS


@pytest.mark.parametrize(
    ("nameserver", "programs"),
    [
        ("192.0.2.1", {"getent": "exit 2"}),
        (
            "127.0.0.53",
            {
                "resolvectl": "[ $1 != --help ] || exec echo --synthesize=BOOL; "
                f"echo \"{NAME}: resolve call failed: '{NAME}' not found\" >&2; exit 1"
            },
        ),
    ],
)
def test_a_name_that_dns_does_not_know_has_no_address(
    tmp_path: Path, nameserver: str, programs: dict[str, str]
) -> None:
    assert asked(tmp_path, nameserver, **programs) == frozenset()


def test_a_database_of_an_older_image_is_seen_wherever_the_new_one_looks(tmp_path: Path) -> None:
    for path in ("PG_VERSION", "data/PG_VERSION", "17/docker/PG_VERSION", "18/docker/PG_VERSION"):
        file = tmp_path / "_data" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("17\n" if path != "data/PG_VERSION" else "")  # an empty one counts as none
    text = script_text("preflight").replace(
        "$data/volumes/borgstack_postgresql_data", str(tmp_path)
    )
    ran = run_text(text)
    assert parse(ran.out.splitlines()).clusters == {
        "PG_VERSION",
        "17/docker/PG_VERSION",
        "18/docker/PG_VERSION",
    }


@pytest.mark.parametrize("unborn", ["", "/not/there/yet"])
def test_room_and_databases_are_looked_for_where_docker_keeps_its_data(
    tmp_path: Path, unborn: str
) -> None:
    """daemon.json's `data-root`: the disk below /var/lib may be small, or as good as none."""
    folder = f"{tmp_path}/big{unborn}"
    volume = tmp_path / "big" / "volumes/borgstack_postgresql_data/_data"
    volume.mkdir(parents=True)
    (volume / "PG_VERSION").write_text("17\n")
    (tmp_path / "docker").mkdir()
    (tmp_path / "docker/daemon.json").write_text(f'{{"data-root": "{folder}"}}')
    program(tmp_path / "bin", "df", f'[ "$2" = {tmp_path}/big ] && printf "x\\nx 1 1 77 x x\\n"')
    program(tmp_path / "bin", "systemctl", "echo 0")
    text = script_text("preflight").replace("/etc/docker", f"{tmp_path}/docker")
    state = parse(run_text(text, first_on_path=tmp_path / "bin").out.splitlines())
    assert state.disk == 77 * 1024
    assert state.clusters == ({"PG_VERSION"} if not unborn else frozenset())
    (finding,) = judged(server("disk 78848", f"folder {folder}"))
    assert finding.name is Look.DISK
    assert folder in values(finding.expected)


def test_who_has_https_port_for_http3_is_seen(tmp_path: Path) -> None:
    """As ss 6.1 prints them: WireGuard's socket is the kernel's, and has no process."""
    program(
        tmp_path / "bin",
        "ss",
        """case "$*" in
*u*443) echo 'UNCONN 0 0 0.0.0.0:443 0.0.0.0:*'; echo 'UNCONN 0 0 [::]:443 [::]:*' ;;
*) echo 'LISTEN 0 511 0.0.0.0:80 0.0.0.0:* users:(("nginx",pid=7,fd=6))' ;;
esac""",
    )
    state = parse(
        run_text(script_text("preflight"), first_on_path=tmp_path / "bin").out.splitlines()
    )
    assert (state.ports, state.udp) == ({80: "nginx"}, "an unknown process")


def test_a_server_that_sends_nothing_to_addresses_of_documents_has_a_way_out(
    tmp_path: Path,
) -> None:
    """Firewall guides have such a network go nowhere, which says nothing of the others."""
    program(
        tmp_path / "bin",
        "ip",
        """case "$*" in
*' 192.0.2.'*) echo 'RTNETLINK answers: Invalid argument' >&2; exit 2 ;;
*-4*) echo "$4 via 198.51.100.1 dev lo src 198.51.100.2 uid 0" ;;
esac""",
    )
    state = parse(
        run_text(script_text("preflight"), first_on_path=tmp_path / "bin").out.splitlines()
    )
    assert not state.ipv6_alone
    assert state.mtu == int(Path("/sys/class/net/lo/mtu").read_text())
