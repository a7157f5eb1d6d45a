# Writes daemon.json by a rename, makes the daemon read it, and leaves docker.service enabled and
# running. Containers live through it (live-restore is switched on by the reload that comes first).
#
# Usage: docker_daemon WRITE LOADED LOAD RECORD-BEFORE RECORD-AFTER  <daemon.json
#   WRITE yes|no    replace the file by stdin
#   LOADED yes|no   whether dockerd has started with the file that is there
#   LOAD  none|reload|restart; or later: only write, the packages are still to be installed
#   RECORD-BEFORE, RECORD-AFTER   of what this tool has put into daemon.json; - leaves it
set -eu
export LC_ALL=C
umask 022
write=$1 loaded=$2 load=$3 before=$4 after=$5
file=/etc/docker/daemon.json
# What dockerd has started with lies beside it under the digest of what took its place, until dockerd has
# started with that: whatever somebody writes since, it is not taken back for that.
working() { echo "/etc/docker/.daemon.json.before.$(sha256sum <"$1" | cut -d ' ' -f 1)"; }
[ "$loaded" = no ] || rm -f /etc/docker/.daemon.json.before.*

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
  # An empty file is a good one to dockerd.
  kept=$(working /etc/docker/.daemon.json)
  if [ "$load" = later ]; then :
  elif [ ! -e "$file" ]; then : >"$kept"
  else
    # What a run that died has put in place is not what dockerd worked with. While none runs, the file
    # that is there is what it would start with.
    former=$(working "$file")
    if [ ! -e "$former" ]; then
      former=''
      [ "$loaded" = no ] && systemctl is-active -q docker.service || former=$file
    fi
    if [ -n "$former" ] && [ "$former" != "$kept" ]; then
      cp -p "$former" "$kept.new"
      mv -f "$kept.new" "$kept"
    fi
  fi
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
  systemctl restart docker.socket docker.service || take_back "docker.service does not $1."
  settle "$began"
}
# The containers of others run on with what dockerd could start with.
take_back() {
  # quiet: one that is gone has nothing to be taken back.
  kept=$(working "$file" 2>/dev/null)
  [ -e "$kept" ] || fail "$1"
  # quiet: without a journal there is nothing to show.
  journalctl -u docker.service -n 15 --no-pager -o cat >&2 2>/dev/null || true
  mv -f "$file" "$file.rejected"
  if [ -s "$kept" ]; then mv -f "$kept" "$file"; else rm -f "$kept"; fi
  record "$before"
  # quiet: `reset-failed` of a unit that has not failed.
  systemctl reset-failed docker.service docker.socket >/dev/null 2>&1 || true
  systemctl restart docker.socket docker.service || fail "$1 Nor does it with the former $file."
  # Without live-restore in that one, dockerd ends what has no restart policy.
  for container in $ran; do
    docker start "$container" >/dev/null || echo "$container was not started (see above)." >&2
  done
  echo "$1 The former $file is back, and Docker runs; the rejected one is $file.rejected." >&2
  echo "Correct what dockerd rejects (see above), or take it out of $file, and run again." >&2
  exit 1
}
began=$(date +%s)
ran=''
if systemctl is-active -q docker.service; then ran=$(docker ps -q --no-trunc) || ran=''; fi
# quiet: `reset-failed` of a unit that has not failed.
message=$(systemctl unmask docker.service docker.socket 2>&1) || printf '%s\n' "$message" >&2
systemctl daemon-reload
message=$(systemctl enable docker.service 2>&1) || {
  printf '%s\n' "$message" >&2
  fail "docker.service cannot be enabled (see above)."
}
if systemctl is-active -q docker.service; then
  [ "$load" = none ] || systemctl reload docker.service || take_back "dockerd cannot be reloaded."
  [ "$load" != restart ] || start restart
else
  systemctl reset-failed docker.service docker.socket >/dev/null 2>&1 || true
  start start
fi
docker version --format '{{.Server.Version}}' >/dev/null || fail "The Docker Engine does not answer."
rm -f /etc/docker/.daemon.json.before.*
mkdir -p /run/borgstack
echo "$(systemctl show -p MainPID --value docker.service) $(sha256sum <"$file")" >/run/borgstack/dockerd
