# Writes daemon.json by a rename, makes the daemon read it, and leaves docker.service enabled and
# running. Containers live through it (live-restore is switched on by the reload that comes first).
#
# Usage: docker_daemon WRITE LOAD RECORD-BEFORE RECORD-AFTER  <daemon.json
#   WRITE yes|no    replace the file by stdin
#   LOAD  none|reload|restart; or later: only write, the packages are still to be installed
#   RECORD-BEFORE, RECORD-AFTER   of what this tool has put into daemon.json; - leaves it
set -eu
export LC_ALL=C
umask 022
write=$1 load=$2 before=$3 after=$4
file=/etc/docker/daemon.json

record() {
  [ "$1" != - ] || return 0
  mkdir -p /etc/docker
  printf '%s\n' "$1" >/etc/docker/.borgstack.json
  mv -f /etc/docker/.borgstack.json /etc/docker/borgstack.json
}
record "$before"
# quiet: the packages may not be installed yet.
if [ "$write" = yes ]; then
  mkdir -p /etc/docker
  cat >/etc/docker/.daemon.json
  # dockerd takes an empty file for a good one; it comes of a connection that was cut.
  [ "$(tail -n 1 /etc/docker/.daemon.json)" = "}" ] || {
    rm -f /etc/docker/.daemon.json
    echo "The new $file did not arrive whole; the old one is in place. Run again." >&2
    exit 1
  }
  # Docker before 23 cannot judge a file; the engine that is about to replace it can.
  if dockerd --help 2>/dev/null | grep -q -e --validate; then
    message=$(dockerd --validate --config-file /etc/docker/.daemon.json 2>&1 >/dev/null) || {
      rm -f /etc/docker/.daemon.json
      printf '%s\n' "$message" >&2
      echo "dockerd rejects the merged $file (see above); the old one is in place." >&2
      exit 1
    }
  fi
  chmod 644 /etc/docker/.daemon.json
  mv -f /etc/docker/.daemon.json "$file"
fi
record "$after"
[ "$load" != later ] || exit 0

# quiet: without a journal there is nothing more to show.
fail() {
  echo "$1" >&2
  journalctl -u docker.service -n 15 --no-pager -o cat >&2 2>/dev/null || true
  echo "Docker has to run for anything else to work. Correct the cause and run again." >&2
  exit 1
}
# A daemon that comes up shows the health that it had saved, which may be from long ago (a pause
# leaves "unhealthy" there): wait until every check has spoken again, or has had its time.
settle() {
  for _ in $(seq 1 120); do
    pending=no
    for container in $(docker ps -q); do
      docker inspect -f '{{if .State.Health}}{{range .State.Health.Log}}{{.Start.Unix}} {{end}}{{else}}9999999999 {{end}}' \
        "$container" | awk -v since="$1" '{ exit !($NF < since) }' && pending=yes
    done
    [ "$pending" = yes ] || break
    sleep 0.5
  done
}
# With its socket: one that was masked while it was open has lost its file descriptor, and dockerd
# cannot start before it has a new one.
start() {
  systemctl restart docker.socket docker.service || fail "docker.service does not $1."
  settle "$began"
}
began=$(date +%s)
# quiet: `reset-failed` of a unit that has not failed.
message=$(systemctl unmask docker.service docker.socket 2>&1) || printf '%s\n' "$message" >&2
systemctl daemon-reload
message=$(systemctl enable docker.service 2>&1) || {
  printf '%s\n' "$message" >&2
  fail "docker.service cannot be enabled (see above)."
}
if systemctl is-active -q docker.service; then
  [ "$load" = none ] || systemctl reload docker.service || fail "dockerd cannot be reloaded."
  [ "$load" != restart ] || start restart
else
  systemctl reset-failed docker.service docker.socket >/dev/null 2>&1 || true
  start start
fi
docker version --format '{{.Server.Version}}' >/dev/null || fail "The Docker Engine does not answer."
mkdir -p /run/borgstack
echo "$(systemctl show -p MainPID --value docker.service) $(sha256sum <"$file")" >/run/borgstack/dockerd
