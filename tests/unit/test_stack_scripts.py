"""The scripts that act on containers, run for real with a small `docker` on PATH: what they ask
Docker to do, what they say when it goes wrong, and that no log line of theirs shows a secret.
"""

from __future__ import annotations

import base64
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, TCPServer
from threading import Thread

import pytest

from borgstack import entries, live_stack, services
from borgstack.project import DIRECTORY
from borgstack.remote import script_text, state_program
from borgstack.services.base import Database, Wanted
from borgstack.services.caddy import CADDYFILE as CADDY_FILE
from borgstack.services.caddy.live import CaddyState
from borgstack.services.chatwoot.live import ChatwootState
from borgstack.services.postgresql import databases
from borgstack.services.redis import CONF as REDIS_CONF
from borgstack.services.redis.live import ONBOARDING
from tests.unit.support import Ran, of_this_host, program, run_script, run_text, settings_of
from tests.unit.told import values

SECRET = "SecretOfTheDatabase0123456789abc"


@pytest.fixture
def host(tmp_path: Path) -> Path:
    """A project folder with an `.env`, and a `docker` that notes its calls and does nothing."""
    (tmp_path / ".env").write_text(f"DOMAIN=example.com\nCHATWOOT_DB_PASSWORD='{SECRET}'\n")
    (tmp_path / "calls").touch()
    docker(tmp_path, "")
    program(tmp_path / "bin", "systemctl", "exit 0")
    return tmp_path


def docker(host: Path, cases: str) -> None:
    program(
        host / "bin",
        "docker",
        f'echo "$*" >>{host}/calls\ncase "$*" in\n{cases}\n*) exit 0 ;;\nesac',
    )


def calls(host: Path) -> list[str]:
    return (host / "calls").read_text().splitlines()


def up(host: Path, *words: str, timeout: int = 60) -> Ran:
    return run_script("services_up", str(host), str(timeout), *words, first_on_path=host / "bin")


HEALTHY = "inspect*) echo 'running healthy 0 0' ;;"
CREATE = "compose --progress quiet create --no-build --pull never"
REMOVED = ["stop borgstack_redis", "rm -f borgstack_redis"]
STARTED = [f"{CREATE} redis", "start borgstack_redis"]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("redis:borgstack_redis:up", STARTED),
        ("redis:borgstack_redis:recreate", [*REMOVED, *STARTED]),
        ("redis:borgstack_redis:unpause", ["unpause borgstack_redis"]),
        ("redis:borgstack_redis:wait", []),
    ],
)
def test_each_action_asks_docker_for_exactly_that(
    host: Path, word: str, expected: list[str]
) -> None:
    docker(host, HEALTHY)
    ran = up(host, word)
    assert (ran.status, ran.err) == (0, "")
    assert [call for call in calls(host) if not call.startswith("inspect")] == expected
    assert "borgstack_redis: running healthy" in ran.out


def test_services_come_up_together_and_the_named_ones_only(host: Path) -> None:
    docker(host, HEALTHY)
    assert up(host, "a:one:up", "b:two:recreate", "c:three:up", "d:four:unpause").status == 0
    started = [call for call in calls(host) if call.startswith(("compose", "start"))]
    assert [call.split() for call in started] == [
        [*CREATE.split(), "a", "b", "c"],
        ["start", "one", "two", "three"],
    ]


@pytest.mark.parametrize(
    ("state", "timeout", "named"),
    [
        ("running unhealthy 0 0", 60, {"chatwoot", "unhealthy"}),
        ("restarting starting 7 3", 60, {"chatwoot", "7", "3"}),
        ("running starting 0 0", 1, {"chatwoot", "running", "starting"}),
        ("exited - 1 0", 1, {"chatwoot", "exited"}),
    ],
)
def test_a_service_that_does_not_come_up_is_named_with_its_log_and_no_secret(
    host: Path, state: str, timeout: int, named: set[str]
) -> None:
    log = f"echo 'cannot connect with {SECRET}'; echo '    from /app/lib/x.rb:1'"
    docker(host, f"inspect*) echo '{state}' ;;\nlogs*) {log} ;;")
    ran = up(host, "chatwoot:chatwoot:up", timeout=timeout)
    assert ran.status == 1
    assert named <= values(ran.err.splitlines()[0])
    assert "cannot connect with *****" in ran.err
    assert "from /app" not in ran.err
    assert "docker logs chatwoot" in ran.err.splitlines()[-1]
    assert SECRET not in ran.said


def test_a_one_shot_that_ended_badly_is_told_at_once(host: Path) -> None:
    docker(host, "inspect*) echo 'exited - 3 0' ;;")
    ran = up(host, "x-prepare:x-prepare:recreate:once")
    assert ran.status == 1
    assert {"x-prepare", "3", "0"} <= values(ran.err.splitlines()[0])


@pytest.mark.parametrize(
    ("state", "word"),
    [
        ("exited - 0 0", "x:x:up:once"),
        ("exited - 0 0", "x:x:wait:once"),
        ("running - 0 0", "x:x:up"),  # without a health check
        ("running healthy 0 1", "x:x:up"),
    ],
)
def test_a_service_that_is_up_or_ended_well_is_waited_for_no_longer(
    host: Path, state: str, word: str
) -> None:
    docker(host, f"inspect*) echo '{state}' ;;")
    assert up(host, word).status == 0


@pytest.mark.parametrize("step", ["compose", "start"])
def test_what_docker_says_is_shown_without_a_secret(host: Path, step: str) -> None:
    docker(host, f"{step}*) echo 'bad url {SECRET}' >&2; exit 1 ;;")
    ran = up(host, "chatwoot:chatwoot:up")
    assert ran.status == 1
    assert "bad url *****" in ran.err
    assert "chatwoot" in values(ran.err.splitlines()[-1])
    assert SECRET not in ran.said


def test_a_container_whose_network_is_gone_is_made_anew(host: Path) -> None:
    docker(
        host,
        f"""start*) [ -e {host}/tried ] || {{ touch {host}/tried
  echo 'Error response from daemon: network 1ab not found' >&2; exit 1; }} ;;
{HEALTHY}""",
    )
    ran = up(host, "redis:borgstack_redis:up")
    assert (ran.status, ran.err) == (0, "")
    assert [call for call in calls(host) if not call.startswith("inspect")] == [
        *STARTED,
        REMOVED[1],
        *STARTED,
    ]


def test_compose_gets_no_answer_to_what_it_asks(host: Path) -> None:
    docker(host, f"compose*) cat >{host}/answer ;;\n{HEALTHY}")
    assert (
        run_script(
            "services_up", str(host), "60", "a:one:up", stdin="yes\n", first_on_path=host / "bin"
        ).status
        == 0
    )
    assert (host / "answer").read_text() == ""


def test_a_service_that_was_paused_is_not_judged_by_its_last_check_from_before(host: Path) -> None:
    docker(
        host,
        f"inspect*) if [ -e {host}/seen ]; then echo 'running healthy 0 0'; "
        f"else touch {host}/seen; echo 'running unhealthy 0 0'; fi ;;",
    )
    program(host / "bin", "sleep", "exit 0")
    assert up(host, "x:x:unpause").status == 0


def test_one_that_gets_unhealthy_while_it_is_waited_for_has_failed(host: Path) -> None:
    docker(
        host,
        f"inspect*) if [ -e {host}/seen ]; then echo 'running unhealthy 0 0'; "
        f"else touch {host}/seen; echo 'running starting 0 0'; fi ;;",
    )
    ran = up(host, "x:x:wait")
    assert ran.status == 1
    assert {"x", "unhealthy"} <= values(ran.err.splitlines()[0])


def test_without_a_timeout_nothing_is_waited_for(host: Path) -> None:
    docker(host, "inspect*) echo 'running starting 0 0' ;;")
    ran = up(host, "a:one:up", "b:two:recreate", timeout=0)
    assert (ran.status, ran.out, ran.err) == (0, "", "")
    assert not [call for call in calls(host) if call.startswith("inspect")]
    assert calls(host)[-1] == "start one two"


def test_a_one_shot_that_is_still_at_work_is_waited_for_and_never_stopped(host: Path) -> None:
    docker(
        host,
        f"inspect*) if [ -e {host}/seen ]; then echo 'exited - 0 0'; "
        f"else touch {host}/seen; echo 'running - 0 0'; fi ;;",
    )
    program(host / "bin", "sleep", "exit 0")
    ran = up(host, "chatwoot-prepare:chatwoot-prepare:wait:once", timeout=1800)
    assert (ran.status, ran.err) == (0, "")
    assert {"chatwoot-prepare", "running", "1800"} <= values(ran.out.splitlines()[0])
    assert [call for call in calls(host) if not call.startswith("inspect")] == []


def test_a_one_shot_that_takes_longer_goes_on_and_the_message_says_so(host: Path) -> None:
    docker(host, "inspect*) echo 'running - 0 0' ;;")
    ran = up(host, "chatwoot-prepare:chatwoot-prepare:wait:once", timeout=1)
    assert ran.status == 1
    assert {"chatwoot-prepare", "prepare_timeout"} <= values(ran.err)
    assert [call for call in calls(host) if not call.startswith(("inspect", "logs"))] == []


def test_a_waiting_service_is_told_about(host: Path) -> None:
    docker(
        host,
        f"inspect*) if [ -e {host}/seen ]; then echo 'running healthy 0 0'; "
        f"else touch {host}/seen; echo 'running starting 0 0'; fi ;;",
    )
    program(host / "bin", "sleep", "exit 0")
    ran = up(host, "x:x:up")
    assert ran.status == 0
    assert {"x", "running", "starting"} <= values(ran.out.splitlines()[0])


def pull(host: Path, *images: str) -> Ran:
    return run_script("images_pull", *images, first_on_path=host / "bin")


def test_images_are_pulled_side_by_side_and_told_about(host: Path) -> None:
    """Each pull waits for the other to have begun; one after another they would never end."""
    docker(
        host,
        f"""pull*) touch {host}/began-$3
for _ in $(seq 100); do
  [ -e {host}/began-redis:8 ] && [ -e {host}/began-caddy:2 ] && exit 0
  sleep 0.1
done
exit 1 ;;""",
    )
    ran = pull(host, "redis:8", "caddy:2")
    assert ran.status == 0
    assert sorted(calls(host)) == ["pull -q caddy:2", "pull -q redis:8"]
    assert sorted(line.split(" (")[0] for line in ran.out.splitlines()) == [
        "pulled caddy:2",
        "pulled redis:8",
        "pulling caddy:2",
        "pulling redis:8",
    ]


def test_an_image_that_does_not_exist_stops_at_once(host: Path) -> None:
    docker(
        host,
        """*redis:none*) echo 'manifest unknown' >&2; exit 1 ;;
pull*) exec sleep 60 ;;""",
    )
    began = time.monotonic()
    ran = pull(host, "redis:none", "caddy:2")
    assert ran.status == 1
    assert time.monotonic() - began < 30
    assert {"redis:none", "registry", "manifest", "unknown", "Nothing"} <= values(ran.err)


@pytest.mark.parametrize(
    ("problem", "named"),
    [
        (
            "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
            {"Engine", "redis:8", "journalctl"},
        ),
        (
            "failed to connect to the docker API at unix:///var/run/docker.sock",
            {"Engine", "redis:8", "journalctl"},
        ),
        (
            "failed to register layer: write /usr/x: no space left on device",
            {"redis:8", "/var/lib/docker"},
        ),
    ],
)
def test_a_pull_that_fails_for_the_host_does_not_blame_the_registry(
    host: Path, problem: str, named: set[str]
) -> None:
    docker(host, f"pull*) echo '{problem}' >&2; exit 1 ;;")
    program(host / "bin", "sleep", "exec /bin/sleep 0.05")
    ran = pull(host, "redis:8")
    assert ran.status == 1
    assert problem in ran.err
    assert named <= values(ran.err)
    assert "registry" not in ran.err


def test_an_image_that_is_refused_before_the_others_have_begun_stops_at_once(host: Path) -> None:
    """Once it hung: what had begun in that moment was not known yet, and was never ended."""
    docker(
        host,
        """*none*) echo 'manifest unknown' >&2; exit 1 ;;
pull*) exec sleep 60 ;;""",
    )
    for _ in range(3):
        began = time.monotonic()
        assert pull(host, "redis:none", *(f"caddy:{one}" for one in range(20))).status == 1
        assert time.monotonic() - began < 30


def test_a_pull_is_tried_again_when_the_network_fails(host: Path) -> None:
    program(host / "bin", "sleep", "exit 0")
    docker(
        host, f"pull*) [ -e {host}/tried ] || {{ touch {host}/tried; echo EOF >&2; exit 1; }} ;;"
    )
    ran = pull(host, "redis:8")
    assert ran.status == 0
    assert any({"redis:8", "5", "EOF"} <= values(line) for line in ran.out.splitlines())


@pytest.mark.parametrize(
    ("name", "arguments", "call"),
    [
        ("caddy_converge", [], "exec borgstack_caddy caddy reload"),
        ("postgresql_converge", ["."], "exec borgstack_postgresql psql -qX -v ON_ERROR_STOP=1"),
    ],
)
def test_a_step_inside_a_container_ends_well_without_a_word(
    host: Path, name: str, arguments: list[str], call: str
) -> None:
    ran = run_script(name, *arguments, first_on_path=host / "bin")
    assert (ran.status, ran.said) == (0, "")
    assert calls(host)[0].startswith(call)


def test_a_caddyfile_that_is_refused_is_named(host: Path) -> None:
    docker(host, "exec*) echo 'Error: no such directive' >&2; exit 1 ;;")
    ran = run_script("caddy_converge", first_on_path=host / "bin")
    assert ran.status == 1
    assert "no such directive" in ran.err
    assert "Caddyfile" in values(ran.err)


def test_what_the_database_says_is_shown_without_a_secret(host: Path) -> None:
    docker(host, f'exec*) echo "ERROR: role has {SECRET}" >&2; exit 3 ;;')
    ran = run_script("postgresql_converge", str(host), first_on_path=host / "bin")
    assert ran.status == 1
    assert "ERROR: role has *****" in ran.err
    assert SECRET not in ran.said


def converge(host: Path, *commands: str) -> Ran:
    return run_script("redis_converge", str(host), *commands, first_on_path=host / "bin")


def redis(host: Path, answers: str, persistence: str) -> None:
    """A container whose redis-cli gives these answers, then this to INFO persistence."""
    docker(
        host,
        f"""exec*redis-cli) text=$(cat); echo "$text" >>{host}/sent
  case $text in INFO*) {persistence} ;; *) printf '{answers}' ;; esac ;;""",
    )


REWRITTEN = "printf 'aof_rewrite_in_progress:0\\r\\naof_last_bgrewrite_status:ok\\r\\n'"


def test_redis_is_told_on_stdin_and_every_answer_is_read(host: Path) -> None:
    redis(host, "OK\\n1\\n", REWRITTEN)
    ran = converge(host, 'CONFIG SET bind "* -::*"', "DEL key")
    assert (ran.status, ran.said) == (0, "")
    assert (host / "sent").read_text() == 'CONFIG SET bind "* -::*"\nDEL key\nINFO persistence\n'
    assert calls(host)[0] == "exec -i borgstack_redis redis-cli"


def test_what_redis_refuses_is_shown(host: Path) -> None:
    redis(host, "OK\\nERR unknown\\n", REWRITTEN)
    ran = converge(host, "a", "b")
    assert ran.status == 1
    shown, told = ran.err.split("\n", 1)
    assert shown == "ERR unknown"
    assert "docker logs borgstack_redis" in told


def test_an_append_only_file_is_waited_for_until_it_is_whole(host: Path) -> None:
    program(host / "bin", "sleep", f"touch {host}/slept")
    busy = "echo aof_rewrite_in_progress:1; echo aof_last_bgrewrite_status:ok"
    redis(host, "OK\\n", f"if [ -e {host}/slept ]; then {REWRITTEN}; else {busy}; fi")
    assert converge(host, "CONFIG SET appendonly yes").status == 0
    assert (host / "slept").exists()


def test_an_append_only_file_that_cannot_be_written_is_told(host: Path) -> None:
    redis(host, "OK\\n", "echo aof_rewrite_in_progress:0; echo aof_last_bgrewrite_status:err")
    ran = converge(host, "CONFIG SET appendonly yes")
    assert ran.status == 1
    assert "aof_last_bgrewrite_status:err" in ran.err


def remove(host: Path, *words: str) -> Ran:
    return run_script("networks_remove", str(host), *words, first_on_path=host / "bin")


ATTACHED = """network\\ inspect*) echo 'borgstack_redis mine ' ;;
inspect*range*) ;;
inspect*mine) echo '<no value>/<no value>' ;;
inspect*) echo borgstack/redis ;;"""


def test_a_network_goes_and_the_operators_own_containers_are_connected_again(host: Path) -> None:
    docker(host, ATTACHED)
    ran = remove(host, "n:redis,caddy")
    assert (ran.status, ran.err) == (0, "")
    assert [call for call in calls(host) if not re.search("inspect|^ps", call)] == [
        "network disconnect -f n borgstack_redis",
        "network disconnect -f n mine",
        "network rm n",
        f"{CREATE} redis caddy",
        "network connect n mine",
    ]


def test_who_was_in_a_network_finds_and_is_found_there_again(host: Path) -> None:
    """By its aliases, as a service of another Compose project is; one of an override's, too, which
    no step makes anew; and one that was stopped meanwhile, which could not be started again.
    """
    docker(
        host,
        """network\\ inspect*) echo 'borgstack_redis mine added ' ;;
ps*) echo stopped; echo chatwoot-prepare ;;
inspect*range*mine) echo '--alias grafana --alias mine ' ;;
inspect*range*) ;;
inspect*borgstack_redis) echo borgstack/redis ;;
inspect*prepare) echo borgstack/chatwoot-prepare ;;
inspect*added) echo borgstack/added ;;
inspect*mine) echo monitoring/grafana ;;
inspect*) echo / ;;""",
    )
    ran = remove(host, "n:redis,chatwoot-prepare")
    assert (ran.status, ran.err) == (0, "")
    done = [one for one in calls(host) if not one.startswith(("network inspect", "inspect", "ps"))]
    assert done == [
        "network disconnect -f n borgstack_redis",
        "network disconnect -f n mine",
        "network disconnect -f n added",
        "network disconnect -f n stopped",
        "network rm n",
        f"{CREATE} redis chatwoot-prepare",
        "network connect --alias grafana --alias mine n mine",
        "network connect n added",
        "network connect n stopped",
    ]


def test_a_network_of_the_stack_alone_is_left_for_compose_to_make(host: Path) -> None:
    docker(
        host, "network\\ inspect*) echo 'borgstack_redis ' ;;\ninspect*) echo borgstack/redis ;;"
    )
    assert remove(host, "n:redis").status == 0
    assert calls(host)[-1] == "network rm n"


@pytest.mark.parametrize("step", ["network\\ disconnect", "network\\ rm", "network\\ connect"])
def test_a_network_that_does_not_go_is_named(host: Path, step: str) -> None:
    docker(host, f"{step}*) echo 'no way' >&2; exit 1 ;;\n{ATTACHED}")
    ran = remove(host, "n:redis")
    assert ran.status == 1
    assert "no way" in ran.err
    assert "'docker network inspect n'" in ran.err


class Answering(BaseRequestHandler):
    """Says the same to whoever connects, and keeps what each said before it left."""

    def handle(self) -> None:
        self.request.settimeout(20)
        self.server.said.append(b"")
        with suppress(ConnectionResetError):  # of one that leaves before it has read everything
            self.server.said[-1] += self.request.recv(4096)
            self.request.sendall(self.server.answers)
            self.request.shutdown(socket.SHUT_WR)
            while more := self.request.recv(4096):
                self.server.said[-1] += more


@contextmanager
def server(answers: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that gives these answers: its port, and what each who connected said."""
    said: list[bytes] = []
    with TCPServer(("127.0.0.1", 0), Answering) as one:
        vars(one).update(answers=answers, said=said)
        thread = Thread(target=one.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield one.server_address[1], said
        one.shutdown()


def in_bash(script: str, port: int, *words: str, password: str = "") -> list[str]:
    """Run one of the scripts that ask a server, as `stack_state.sh` does; with another port."""
    text = re.sub(r"(?<=/dev/tcp/127\.0\.0\.1/)\d+", str(port), script_text(script))
    command = f"bash -s \"$@\" 3<<SECRET <<'INNER'\n{password}\nSECRET\n{text}\nINNER\n"
    ran = run_text(f"timeout 20 {command}", *words)
    assert ran.status == 0
    return ran.out.splitlines()


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        (
            r"+OK\n+PONG\n:0\n*4\n$1\na\n$1\n1\n$1\nb\n$7\n* -::*\n",
            [
                "password ok",
                "onboarding 0",
                "setting a 1",
                "setting b * -::*",
            ],
        ),
        (
            r"+OK\n+PONG\n:1\n*2\n$1\na\n$0\n\n",
            ["password ok", "onboarding 1", "setting a "],
        ),
        (
            r"-ERR AUTH called without any password\n+PONG\n:0\n*0\n",
            ["password refused", "onboarding 0"],
        ),
        (r"-WRONGPASS\n-NOAUTH x\n-NOAUTH x\n-NOAUTH x\n", ["password refused"]),
        (r"+OK\n-LOADING Redis is loading\n", []),
        (r"-LOADING Redis is loading\n-LOADING Redis is loading\n", []),
        (r"-ERR max number of clients reached\n", []),
        (r"-ERR max number of clients + cluster connections reached\n", []),
        (r"+OK\n+PONG\n:0\n-ERR unknown\n", ["password ok", "onboarding 0"]),
        (r"+OK\n+PONG\n:0\n*4\n$1\na\n", []),
        (r"+OK\n+PONG\n:0\n", []),
        (r"+OK\n+PONG\n-NOPERM x\n*0\n", []),
    ],
)
def test_redis_is_asked_once_and_answers_what_it_can(answers: str, expected: list[str]) -> None:
    lines = answers.replace(r"\n", "\r\n").encode()
    with server(lines) as (port, said):
        assert in_bash("redis_ask", port, "key", "a", "b", password=SECRET) == expected
    asked = f'AUTH "{SECRET}"\r\nPING\r\nEXISTS key\r\nCONFIG GET a b\r\n'.encode()
    assert asked.startswith(said[0])  # it may leave before all of it was read


def test_a_redis_whose_container_has_no_password_is_asked_without_one() -> None:
    with server(b"+PONG\r\n:0\r\n*0\r\n") as (port, said):
        found = in_bash("redis_ask", port, "key", "a")
    assert found == ["password ok", "onboarding 0"]
    assert said == [b"PING\r\nEXISTS key\r\nCONFIG GET a\r\n"]


def test_a_server_that_does_not_listen_is_told_of_as_one_that_did_not_answer() -> None:
    nobody = 1
    assert in_bash("redis_ask", nobody, "key", "a", password=SECRET) == []
    assert in_bash("caddy_ask", nobody, "") == ["adapted ", "running "]


def test_caddy_is_asked_what_it_makes_of_a_caddyfile_and_what_it_runs() -> None:
    file = base64.b64encode(CADDYFILE.encode()).decode()
    body = b'{"result":\n{"hide":["./Caddyfile","/srv/./Caddyfile"]}}\n'
    with server(b"HTTP/1.0 200 OK\r\nA: b\r\n\r\n" + body) as (port, said):
        adapted, live = in_bash("caddy_ask", port, file)
    hidden = '{"result":{"hide":["%s","/srv/./Caddyfile"]}}'
    assert adapted == f"adapted {hidden % '/etc/caddy/Caddyfile'}"
    assert live == f"running {hidden % './Caddyfile'}"
    posted, got = (one.decode().split("\r\n\r\n") for one in said)
    head = posted[0].split("\r\n")
    assert head[0] == "POST /adapt HTTP/1.0"
    assert posted[1] == CADDYFILE.rstrip("\n")
    assert f"Content-Length: {len(posted[1])}" in head
    assert "Content-Type: text/caddyfile" in head
    assert got[0].startswith("GET /config/ HTTP/1.0\r\n")


CADDY_ANSWERS = """*) cat >/dev/null; echo 'adapted {"result":{}}'; echo 'running {}' ;;"""
PLAIN = "DOMAIN=example.com CHATWOOT_HOST=chatwoot.example.com"
WANTED = "services: {redis: {environment: ['P=${REDIS_PASSWORD:?}', 'H=$CHATWOOT_HOST']}}\n"
CADDYFILE = "example.com {\n\trespond ok\n}\n"


def look(host: Path, *names: str, text: str = "") -> live_stack.StackState:
    """Run the script that looks, with a compose plugin of this test.

    :param names: the public ones.
    """
    text = (text or of_this_host(host)).replace("/proc/$pid", f"{host}/$pid")
    ran = run_text(text, *look_words(host, *names), first_on_path=host / "bin")
    assert ran.status == 0
    return live_stack.parse(ran.out.splitlines())


def look_words(host: Path, *names: str) -> list[str]:
    """What the look is told: to ask the services without WhatsApp, of which one database."""
    settings = settings_of(whatsapp=False)
    wanted = Wanted(
        settings,
        (Database("chatwoot_db", "u", "P"),),
        names,
        {REDIS_CONF: b"a 1\nb 2\n", CADDY_FILE: CADDYFILE.encode()},
    )
    states = state_program(services.enabled(settings), wanted, str(host), "salt")
    states = states.replace("/proc/$pid", f"{host}/$pid")
    compose = base64.b64encode(WANTED.encode()).decode()
    return [str(host), PLAIN, compose, states, "redis:8"]


def in_a_container(host: Path, cases: str) -> None:
    """What programs answer that are run in the network of a container."""
    program(
        host / "bin",
        "nsenter",
        f'echo "$*" >>{host}/entered\ncase "$*" in\n{cases}\nesac',
    )


def compose(host: Path) -> None:
    """A compose plugin that notes what it gets: arguments, environment, the text of each -f."""
    program(
        host / "bin",
        "docker-compose",
        f"""env >{host}/compose-env
echo "$*" >{host}/compose-arguments
while [ $# -gt 0 ]; do
  [ "$1" != -f ] || {{ cat "$2"; echo "-- end"; }} >>{host}/compose-texts
  shift
done
printf '%s\\n' 'redis abc' 'caddy def'""",
    )


def test_the_script_that_looks_prints_what_the_parser_reads(host: Path) -> None:
    compose(host)
    link = host.with_name("link")
    link.symlink_to(host)
    row = f"borgstack|redis|abc|sha256:1|running|Up (healthy)|borgstack_internal|redis:8||{link}"
    docker(
        host,
        f"""ps*)
  for name in postgresql caddy; do echo "container borgstack_$name|{row}"; done ;;
*REDISCLI_AUTH*) echo REDISCLI_AUTH={SECRET} ;;
"inspect -f "*) echo 'image sha256:1|["redis:8"]|[]'
  echo 'network n|borgstack|n|true|1|10.1.2.0/24 |1450'
  echo 'attached /borgstack_caddy n=0 other=7'
  echo 'process /borgstack_redis 11'; echo 'process /borgstack_caddy 12' ;;
"exec -i borgstack_postgresql sh"*) cat >{host}/sent; echo 'role u login'; echo read ;;
"exec -i -e "*" borgstack_postgresql psql"*) echo 'application {{"token": true}}'; echo read ;;""",
    )
    in_a_container(
        host,
        f"""*"11 -n bash -s {ONBOARDING} a b") cat >{host}/sent-to-redis; cat <&3 >{host}/password
  echo 'password ok' ;;
*"12 -n bash -s "*) cat >{host}/sent-to-caddy
  echo 'adapted {{"result":{{}}}}'; echo 'running {{}}' ;;""",
    )
    state = look(host)
    assert state.engine == "running"
    assert state.images == {"redis:8": "sha256:1"}
    assert state.hashes == {"redis": "abc", "caddy": "def"}
    assert set(state.containers) == {"borgstack_postgresql", "borgstack_caddy"}
    assert {one.folder for one in state.containers.values()} == {DIRECTORY}
    assert state.states["postgresql"].roles == {"u": "login"}
    assert state.states["chatwoot"] == ChatwootState({"token": True})
    assert state.states["caddy"] == CaddyState({}, {})
    assert state.networks == {
        "n": live_stack.Network("borgstack", "n", True, "1", ("10.1.2.0/24",), "1450")
    }
    assert state.containers["borgstack_caddy"].severed == {"n"}
    assert state.states["redis"].password == "ok"
    assert (host / "sent-to-redis").read_text().strip() == script_text("redis_ask").strip()
    assert (host / "sent").read_text().strip() == script_text("postgresql_look").strip()
    assert (host / "sent-to-caddy").read_text().strip() == script_text("caddy_ask").strip()
    assert (host / "password").read_text() == f"{SECRET}\n"
    entered = (host / "entered").read_text()
    assert base64.b64encode(CADDYFILE.encode()).decode() in entered
    assert SECRET not in entered + (host / "calls").read_text()


def test_an_answer_that_breaks_off_takes_nothing_of_the_next_one_away(host: Path) -> None:
    """Caddy's API stands still after the word that begins its answer; Chatwoot is read whole."""
    compose(host)
    docker(
        host,
        """ps*) ;;
"inspect -f "*) echo 'process /borgstack_caddy 12' ;;
"exec -i -e "*" borgstack_postgresql psql"*) echo 'application {"token": true}'; echo read ;;""",
    )
    in_a_container(host, "*) cat >/dev/null; printf 'adapted '; exit 124 ;;")
    state = look(host)
    assert state.states["caddy"] is None
    assert state.states["chatwoot"] == ChatwootState({"token": True})


def test_the_look_gets_a_digest_of_the_token_and_never_the_token(host: Path) -> None:
    compose(host)
    docker(host, f"""ps*) ;;\n"exec -i -e "*) echo "$*" >{host}/words ;;""")
    (host / ".env").write_text("A=1\nCHATWOOT_API_TOKEN=t0ken  # mine\n")
    look(host)
    said = (host / "words").read_text()
    digest = entries.digest("salt", "t0ken")
    assert f"admin=ops@example.com -v salt=salt -v token={digest} " in said


def test_a_look_that_has_nowhere_to_write_says_so_and_nothing_else(host: Path) -> None:
    """A full /tmp is no stopped Docker; and what has no folder must not land in another."""
    program(host / "bin", "mktemp", "echo 'mktemp: No space left on device' >&2; exit 1")
    text = of_this_host(host).replace("$parts/", f"$parts{host}/")
    words = ["x"] * 4
    ran = run_text(text, str(host), *words, first_on_path=host / "bin")
    assert (ran.status, ran.out) == (1, "")
    assert "No space left" in ran.err
    full = "template: write /dev/stdout: no space left on device"
    program(host / "bin", "mktemp", f"mkdir {host}/parts && echo {host}/parts")
    docker(host, f"ps*) echo '{full}' >&2; exit 1 ;;")
    ran = run_text(of_this_host(host), str(host), *words, first_on_path=host / "bin")
    assert (ran.status, ran.out) == (1, "")
    assert full in ran.err


def test_a_docker_that_ends_while_it_is_looked_at_is_told_of_as_stopped(host: Path) -> None:
    docker(host, "ps*) echo 'Cannot connect to the Docker daemon at unix:///x' >&2; exit 1 ;;")
    assert look(host).engine == "stopped"


def test_without_composes_plugin_nothing_is_said_of_the_file(host: Path) -> None:
    """Another step installs it: a host without it must not be refused for its file."""
    docker(host, "ps*) ;;")
    state = look(host)
    assert (state.engine, state.rejected, state.hashes) == ("running", (), {})


FULL = "connection to server failed: FATAL:  sorry, too many clients already"
GONE = 'connection to server failed: FATAL:  database "chatwoot_db" does not exist'
LOCKED = "ERROR:  canceling statement due to lock timeout"


@pytest.mark.parametrize(
    ("status", "said", "expected"),
    [
        (0, 'application {"token": true}\nread', ChatwootState({"token": True})),
        (0, "read", ChatwootState()),
        # An exec that lost its stdin: psql was asked nothing, or half of it.
        (0, "", None),
        (0, 'application {"token": true}', None),
        (3, "ERROR: x\npsql: error: reached EOF without finding closing endif(s)", None),
        (3, LOCKED, ChatwootState(locked=True)),
        (3, "ERROR: x", ChatwootState(unreadable=True)),
        (2, GONE, ChatwootState()),
        # Else a full server would count as one of another version.
        (2, FULL, None),
        (1, "Error response from daemon: container is not running", None),
    ],
)
def test_what_is_in_chatwoot_is_known_where_its_database_took_the_question(
    host: Path, status: int, said: str, expected: ChatwootState | None
) -> None:
    docker(host, f"ps*) ;;\n'exec -i -e '*) cat >/dev/null; echo '{said}' >&2; exit {status} ;;")
    if status == 0:
        docker(host, f"ps*) ;;\n'exec -i -e '*) cat >/dev/null; echo '{said}' ;;")
    assert look(host).states.get("chatwoot") == expected


def test_first_passwords_that_lie_there_are_told(host: Path) -> None:
    (host / "first-passwords").mkdir()
    (host / "first-passwords/ana@example.com").touch()
    docker(host, "ps*) ;;\n'exec -i -e '*) cat >/dev/null; echo read ;;")
    found: ChatwootState = look(host).states["chatwoot"]
    assert found.first_passwords == {"ana@example.com"}


@pytest.mark.parametrize(("said", "answered"), [(FULL, False), (GONE, True)])
def test_a_session_that_the_server_did_not_take_tells_nothing_of_what_is_in_it(
    host: Path, said: str, *, answered: bool
) -> None:
    """Else a full server would count as one without extensions or schema."""
    program(host / "bin", "hostname", "echo 192.0.2.7")
    program(host / "bin", "postgres", "exit 0")
    cases = f"*schema_migrations*) echo '{said}' >&2; exit 2 ;; *rolcanlogin*) echo read ;;"
    program(host / "bin", "psql", f'case "$*" in {cases} esac')
    words = ("chatwoot_db:chatwoot_user:PATH",)
    ran = run_script("postgresql_look", *words, first_on_path=host / "bin")
    assert (databases.parse(ran.out.splitlines()) is not None) is answered, ran.out


@pytest.mark.parametrize("override", [None, "services: {redis: {mem_limit: 1g}}\n"])
def test_hashes_are_those_of_the_wanted_file_and_not_of_the_one_that_lies_there(
    host: Path, override: str | None
) -> None:
    compose(host)
    (host / "docker-compose.yml").write_text("services: {old: {image: old}}\n")
    if override:
        (host / "docker-compose.override.yml").write_text(override)
    state = look(host)
    assert state.hashes == {"redis": "abc", "caddy": "def"}
    assert state.override is bool(override)
    texts = (host / "compose-texts").read_text().split("-- end\n")[:-1]
    assert texts == [WANTED.replace(":?", ""), *([override] if override else [])]
    arguments = (host / "compose-arguments").read_text()
    assert arguments.startswith(f"--project-directory {host} -f ")
    assert (f"-f {host}/docker-compose.override.yml " in arguments) == bool(override)
    assert arguments.endswith(" --profile * config --hash *\n")
    assert set(PLAIN.split()) <= set((host / "compose-env").read_text().splitlines())


OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)


@pytest.mark.parametrize("first", range(len(OVERRIDES)))
def test_an_override_is_found_under_each_name_that_compose_looks_for(
    host: Path, first: int
) -> None:
    compose(host)
    for name in OVERRIDES[first:]:
        (host / name).write_text("services: {}\n")
    assert look(host).override
    assert f"-f {host}/{OVERRIDES[first]} " in (host / "compose-arguments").read_text()
    docker(host, f"{HEALTHY}\ncompose*) echo $COMPOSE_FILE >{host}/files ;;")
    assert up(host, "redis:borgstack_redis:up").status == 0
    assert (host / "files").read_text() == f"docker-compose.yml:./{OVERRIDES[first]}\n"


@pytest.mark.parametrize("says", ["services: {}\n", "networks: {borgstack_external: {}}\n"])
def test_an_override_that_speaks_of_networks_is_told_of(host: Path, says: str) -> None:
    compose(host)
    (host / "compose.override.yml").write_text(says)
    state = look(host)
    assert (state.override, state.own_networks) == (True, "networks" in says)


PLACES = (
    "home/.docker/cli-plugins",
    "usr/local/lib/docker/cli-plugins",
    "usr/local/libexec/docker/cli-plugins",
    "usr/lib/docker/cli-plugins",
    "usr/libexec/docker/cli-plugins",
)


@pytest.mark.parametrize("first", range(len(PLACES)))
def test_of_several_compose_plugins_the_look_takes_the_one_that_docker_would(
    host: Path, first: int
) -> None:
    text = of_this_host(host)
    (host / PLACES[-1]).unlink()
    for place in PLACES[first:]:
        (host / place).mkdir(parents=True)
        program(host / place, "docker-compose", f"echo redis {place}")
    assert look(host, text=text).hashes == {"redis": PLACES[first]}


def test_where_docker_was_told_of_more_folders_it_says_itself_which_plugin_it_takes(
    host: Path,
) -> None:
    compose(host)
    (host / "home/.docker").mkdir(parents=True)
    (host / "home/.docker/config.json").write_text('{"cliPluginsExtraDirs": ["/opt"]}\n')
    program(host / "own", "compose-of-opt", "echo redis opt")
    docker(host, f"info*) echo {host}/own/compose-of-opt ;;")
    assert look(host).hashes == {"redis": "opt"}
    (host / "home/.docker/config.json").write_text("{}\n")
    assert look(host).hashes == {"redis": "abc", "caddy": "def"}


def test_what_compose_rejects_is_told_without_a_secret(host: Path) -> None:
    program(host / "bin", "docker-compose", f"echo 'port {SECRET}' >&2; exit 15")
    state = look(host)
    assert (state.hashes, state.rejected) == ({}, ("port *****",))
    program(host / "bin", "docker-compose", "echo 'A is not set' >&2; echo redis abc")
    state = look(host)
    assert (state.hashes, state.rejected) == ({"redis": "abc"}, ())


def test_a_host_without_the_folder_has_no_hashes_and_is_looked_at_all_the_same(host: Path) -> None:
    compose(host)
    text = of_this_host(host)
    words = (f"{host}/none", PLAIN, "", "", "redis:8")
    ran = run_text(text, *words, first_on_path=host / "bin")
    assert (ran.status, ran.out, ran.err) == (0, "engine running\n", "")
    assert not (host / "compose-arguments").exists()


@pytest.mark.parametrize(("served", "told"), [(True, ("a.example",)), (False, ())])
def test_a_certificate_that_is_not_stored_is_told_only_while_it_is_served(
    host: Path, told: tuple[str, ...], *, served: bool
) -> None:
    compose(host)
    docker(host, "inspect*) echo 'process /borgstack_caddy 12' ;;")
    in_a_container(host, CADDY_ANSWERS)
    program(
        host / "bin", "openssl", f'echo "$*" >>{host}/asked; [ "$1" != x509 ] || {served!s}'.lower()
    )
    assert look(host, "a.example").states["caddy"].unstored == told
    asked = (host / "asked").read_text()
    assert "s_client -connect 127.0.0.1:443 -servername a.example" in asked


@pytest.mark.parametrize("stored", ["a.example", "wildcard_.example"])
def test_a_host_whose_certificates_are_stored_makes_no_handshake(host: Path, stored: str) -> None:
    compose(host)
    docker(host, "inspect*) echo 'process /borgstack_caddy 12' ;;")
    in_a_container(host, CADDY_ANSWERS)
    store = host / "12/root/data/caddy/certificates/authority" / stored
    store.mkdir(parents=True)
    (store / f"{stored}.crt").touch()
    program(host / "bin", "openssl", f"touch {host}/asked")
    assert look(host, "a.example").states["caddy"].unstored == ()
    assert not (host / "asked").exists()


@pytest.mark.parametrize("process", ["", "0"])
def test_a_container_that_is_paused_or_has_ended_is_not_asked(host: Path, process: str) -> None:
    compose(host)
    rows = " ".join(f"'process /borgstack_{name} {process}'" for name in ("redis", "caddy"))
    docker(host, f"inspect*) printf '%s\\n' {rows} ;;")
    in_a_container(host, CADDY_ANSWERS)
    state = look(host, "a.example")
    assert {"redis", "caddy"} & state.states.keys() == set()
    assert not (host / "entered").exists()


def test_a_stopped_daemon_is_not_started_by_a_look(host: Path) -> None:
    program(host / "bin", "systemctl", "exit 3")
    assert look(host) == live_stack.StackState(engine="stopped")
    assert calls(host) == []


def test_the_script_that_looks_says_when_the_engine_is_stopped(host: Path) -> None:
    docker(host, "ps*) exit 1 ;;")
    assert look(host) == live_stack.StackState(engine="stopped")
