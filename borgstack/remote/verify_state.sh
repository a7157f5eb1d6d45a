# What `borgstack verify` wants to know of the inside of a host, in one look that changes nothing.
# The parts are read side by side. No line holds a secret, nor anything that people wrote but the
# names of n8n's workflows.
#
# Usage: verify_state DIRECTORY SMTP-ADDRESS SMTP-PORT STATES INBOX INBOUND-URL REPLY-URL
#   SMTP-ADDRESS   empty leaves the mail server out
#   STATES         what asks single services, see `remote.state_program`
#   INBOX …        see whatsapp_state.sh; empty leaves WhatsApp out
# Prints lines of `KIND …`; borgstack/evidence.py reads them.
set -u
export LC_ALL=C
directory=$1 smtp_address=$2 smtp_port=$3 states=$4 inbox=$5 inbound=$6 replies=$7
echo "clock $(date +%s.%N)"
[ -z "${SSH_CONNECTION:-}" ] || echo "ssh ${SSH_CONNECTION##* }"

# quiet: of a place that is not there nothing is told, and its check says so.
disk() { # free and all bytes, free and all inodes
  df -B1 --output=avail,size,iavail,itotal "$1" 2>/dev/null |
    awk -v path="$1" 'NR == 2 { print "disk " path "|" $1 "|" $2 "|" $3 "|" $4 }'
}
disk /

if [ "$(id -u)" != 0 ]; then
  echo "blind the login user $(id -un) is not root, and _sudo is not set"
  exit 0
fi
# quiet: a file that is not there is told of as missing.
echo "env $(stat -c '%F|%a|%u|%g' "$directory/.env" 2>/dev/null || echo missing)"
ss -Hltnp | awk '{
  who = match($0, /\(\("[^"]*"/) ? substr($0, RSTART + 3, RLENGTH - 4) : "an unknown process"
  print "listen " $4 " " who
}'

command -v docker >/dev/null 2>&1 || { echo "engine missing"; exit 0; }
@docker_settled.sh@
docker_settled
# Asked through its socket, a stopped daemon would be started by systemd: a look starts nothing.
systemctl is-active -q docker.service || { echo "engine stopped"; exit 0; }
parts=$(mktemp -d) || {
  echo "blind there is no room in ${TMPDIR:-/tmp} for what is seen (is the disk full?)"
  exit 0
}
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM PIPE

# quiet: a daemon that does not answer is told of as stopped; a container may end meanwhile.
service='{{index $.Config.Labels "com.docker.compose.service"}}'
project='{{index $.Config.Labels "com.docker.compose.project"}}'
if ! containers=$(timeout 10 docker ps -aq --no-trunc 2>/dev/null); then
  echo "engine stopped"
  exit 0
fi
: >"$parts/inspected"
# shellcheck disable=SC2086 # words on purpose
[ -z "$containers" ] || docker inspect -f "container {{.Name}}|$project|$service|\
{{.State.Status}}|{{.State.ExitCode}}|{{if .State.Health}}{{.State.Health.Status}}{{end}}|\
{{.RestartCount}}|{{.State.StartedAt}}|{{.State.Pid}}|{{.Config.Hostname}}
{{range \$port, \$at := .NetworkSettings.Ports}}{{range \$at}}published {{\$.Name}}|\
{{\$port}}|{{.HostIp}}|{{.HostPort}}
{{end}}{{end}}{{range .Mounts}}{{if eq .Type \"volume\"}}volume $service|{{.Name}}|\
{{.Destination}}|{{.Source}}|{{\$.State.Pid}}
{{end}}{{end}}" $containers 2>/dev/null | sed '/^$/d' >"$parts/inspected"
hostname=$(awk -F'|' '$1 == "container /chatwoot-worker" { print $10 }' "$parts/inspected")

# quiet: a container that does not answer leaves its part empty, which its check tells.
# Chatwoot's web process, asked in its own container: the token goes there on stdin.
web='
@chatwoot_web.rb@
'
awk '
@env_value.awk@
' wanted=CHATWOOT_API_TOKEN "$directory/.env" 2>/dev/null |
  timeout 20 docker exec -i chatwoot ruby -rjson -rnet/http -e "$web" >"$parts/web" 2>/dev/null &

# quiet: a container that does not answer leaves its part empty, which its check tells.
timeout 10 docker exec chatwoot-worker sh -c '
  if wget -q -T 5 -O /dev/null http://127.0.0.1:7433/; then echo "alive yes"; else echo "alive no"; fi
' >"$parts/worker" 2>/dev/null &

# quiet: a container that does not answer leaves its part empty, which its check tells.
# Of a job nothing leaves Redis but when it was queued.
jobs='
@chatwoot_jobs.lua@
'
# shellcheck disable=SC2016 # for the shell in the container
timeout 10 docker exec borgstack_redis sh -c '
  echo "redis ping $(redis-cli ping 2>&1)"
  redis-cli info | tr -d "\r" | sed -n -E "s/^maxmemory_policy:/redis policy /p
    s/^((used_|max)memory|aof_enabled|(rdb|aof)_last_[a-z]+_status):/redis info \1 /p"
  redis-cli eval "$1" 0 "$2" | sed "s/^/redis /"
' sh "$jobs" "$hostname" >"$parts/redis" 2>/dev/null &

# quiet: a container that does not answer leaves its part empty, which its check tells.
# The second question is for a database that has no such table yet: with 1 psql tells of a statement
# that failed, with others of no session or no answer in time.
sql() { timeout 10 docker exec borgstack_postgresql psql -qAtX -U postgres -d chatwoot_db -c "$1"; }
{
  sql "SELECT 'migrated ' || coalesce(string_agg(version, ' '), '') FROM schema_migrations" ||
    { [ $? = 1 ] && sql "SELECT 'migrated '"; }
} >"$parts/database" 2>/dev/null &

# quiet: a container that does not answer leaves its part empty, which its check tells.
if [ -n "$smtp_address" ]; then
  timeout 20 docker exec chatwoot-worker ruby -rsocket -ropenssl -rtimeout -e '
@chatwoot_smtp.rb@
' "$smtp_address" "$smtp_port" >"$parts/smtp" 2>/dev/null &
fi

process() { awk -F'|' -v name="container /$1" '$1 == name && $9 > 0 { print $9 }' "$parts/inspected"; }
eval "$states"

# quiet: a container that does not answer leaves its part empty, which its check tells.
if [ -n "$inbox" ]; then
  (
    set -- "$inbox" "$inbound" "$replies"
@whatsapp_state.sh@
  ) >"$parts/whatsapp" 2>/dev/null &
fi

# quiet: what is not there is told as -.
# A volume is used by a container when both see the same folder, by device and inode.
grep '^volume ' "$parts/inspected" | while IFS='|' read -r head name path source pid; do
  kept=$(stat -c %d:%i "$source" 2>/dev/null)
  used=$(stat -c %d:%i "/proc/$pid/root$path" 2>/dev/null)
  echo "$head|$name|$path|${kept:--}|${used:--}"
done >"$parts/volumes"

# quiet: of the two kinds of cgroup a host has one.
# Memory that cannot be given back, the limit, and processes killed for want of it. cgroup 2 or 1.
awk -F'|' '$1 ~ /^container / && $2 == "borgstack" && $4 == "running" {
  print substr($1, 12), $9
}' "$parts/inspected" | while read -r name pid; do
  group=$(awk -F: '$2 == "memory" { v1 = $3 } $2 == "" { v2 = $3 }
    END { print (v1 != "" ? "/memory" v1 : v2) }' "/proc/$pid/cgroup" 2>/dev/null)
  folder=/sys/fs/cgroup$group
  [ -e "$folder/memory.stat" ] || continue
  used=$(cat "$folder/memory.current" "$folder/memory.usage_in_bytes" 2>/dev/null)
  limit=$(cat "$folder/memory.max" "$folder/memory.limit_in_bytes" 2>/dev/null)
  idle=$(awk '$1 ~ /^(total_)?inactive_file$/ { idle = $2 } END { print idle + 0 }' "$folder/memory.stat")
  kills=$(cat "$folder/memory.events" "$folder/memory.oom_control" 2>/dev/null |
    awk '$1 == "oom_kill" { kills = $2 } END { print kills + 0 }')
  echo "memory $name|$((used - idle))|$limit|$kills"
done >"$parts/memory"

root=$(awk -F'|' '/^volume / { sub("/volumes/.*", "", $4); print $4; exit }' "$parts/inspected")
[ -z "$root" ] || disk "$root"
wait
echo "engine running"
grep -v '^volume ' "$parts/inspected"
rm "$parts/inspected"
cat "$parts"/*
