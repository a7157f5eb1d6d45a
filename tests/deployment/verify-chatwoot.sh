#!/bin/sh
# The story's eight tests, run on the server itself, for whoever has only that. `borgstack verify`
# asks more, also from outside; both judge alike.
#
# Usage: verify-chatwoot.sh [DIRECTORY]      as root; DIRECTORY is /opt/borgstack
# Prints `Test N: title: ok`, `FAILED expected … seen … next …` or `skipped WHY`; exit code 0 when
# none failed, else 1. Changes nothing; no secret is printed or stands in a process list.
set -u
export LC_ALL=C
directory=${1:-/opt/borgstack}
failures=0

if [ "$(id -u)" != 0 ] || [ ! -r "$directory/.env" ]; then
  echo "expected root and $directory/.env, seen $(id -un); next: run it with sudo, on the server" >&2
  exit 1
fi

# report NUMBER TITLE SEEN EXPECTED NEXT: an empty SEEN is no problem.
report() {
  if [ -z "$3" ]; then
    echo "Test $1: $2: ok"
  else
    echo "Test $1: $2: FAILED"
    printf '  expected  %s\n  seen      %s\n  next      %s\n' "$4" "$3" "$5"
    failures=$((failures + 1))
  fi
}

# setting NAME: an entry of .env, which a deploy keeps to letters, digits and dots where asked here.
setting() {
  sed -n "s/^[[:space:]]*\(export[[:space:]]*\)\{0,1\}$1[[:space:]]*=[[:space:]]*[\"']\{0,1\}\([A-Za-z0-9.-]*\).*/\2/p" \
    "$directory/.env" | tail -n 1
}

# state CONTAINER: `running healthy 0`, that is status, health and exit code.
state() {
  docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.ExitCode}}' \
    "$1" 2>/dev/null || echo "missing - -"
}

names=$(sed -n 's/^ *container_name: *//p' "$directory/docker-compose.yml")
host=$(setting CHATWOOT_HOST)
again="deploy again; on the server: docker compose --project-directory $directory ps -a"

seen=''
[ -n "$names" ] || seen="no container_name in $directory/docker-compose.yml"
for name in $names; do
  case "$name $(state "$name")" in
  *-prepare\ exited\ *\ 0 | *\ running\ *) ;;
  *) seen="$seen $name is $(state "$name");" ;;
  esac
done
report 1 "containers running" "$seen" "every container runs, chatwoot-prepare has ended with 0" \
  "docker logs NAME; $again"

seen=''
for name in $names; do
  case "$name $(state "$name")" in
  *-prepare\ * | *\ running\ healthy\ *) ;;
  *) seen="$seen $name is $(state "$name");" ;;
  esac
done
report 2 "containers healthy" "$seen" "every container is healthy" \
  "when it says starting, wait a minute; else docker inspect -f '{{json .State.Health.Log}}' NAME"

# shellcheck disable=SC2016 # for the shell in the container
wanted=$(docker exec chatwoot sh -c '
  sed -n "s/.*define(version: *\([0-9_]*\).*/\1/p" db/schema.rb | tr -d _
  ls db/migrate | sed "s/_.*//"' 2>/dev/null | sort -u)
found=$(docker exec borgstack_postgresql psql -qAtX -U postgres -d chatwoot_db \
  -c 'SELECT version FROM schema_migrations' 2>/dev/null)
seen='' missing=$(printf '%s\n' "$wanted" | grep -vxF "${found:-none}")
if [ -z "$wanted" ]; then seen="no answer from inside chatwoot"
elif [ -z "$found" ]; then seen="no answer from chatwoot_db, or no schema in it"
elif [ -n "$missing" ]; then seen="missing migrations: $(echo "$missing" | tr '\n' ' ')"
fi
report 3 "database migrated" "$seen" \
  "chatwoot_db has every migration of the image, up to $(printf '%s\n' "$wanted" | tail -n 1)" "$again"

# Sidekiq runs a job of its own every 5 minutes: it renews a key of 10 minutes and queues the next.
worker=$(docker inspect -f '{{.Config.Hostname}}' chatwoot-worker 2>/dev/null)
# shellcheck disable=SC2016
redis=$(docker exec borgstack_redis sh -c '
  ping=$(redis-cli ping 2>&1)
  # What else it is asked it then refuses, too, which says nothing of the worker.
  [ "$ping" = PONG ] || { echo "Redis answers $ping, not PONG;"; echo end; exit; }
  policy=$(redis-cli info memory | tr -d "\r" | sed -n "s/^maxmemory_policy://p")
  [ "$policy" = noeviction ] || echo "maxmemory-policy is $policy;"
  left=$(redis-cli ttl "SIDEKIQ::LIVENESS_PROBE_TIMESTAMP::$1")
  [ "${left:-0}" -ge 180 ] 2>/dev/null || echo "no job of the worker within 7 minutes;"
  redis-cli zrange schedule 0 -1 | grep -q "\"queue\":\"sidekiq-alive-$1\"" ||
    echo "no job has gone through since the start of the worker;"
  for process in $(redis-cli smembers processes | grep "^$1:"); do
    redis-cli hget "$process" quiet
  done | sort -u | grep -qx false || echo "the worker is quiet or gone: it takes no new jobs;"
  echo end' sh "$worker" 2>/dev/null)
case $redis in
*end) seen=$(printf '%s' "${redis%end}" | tr '\n' ' ') ;;
*) seen="no answer from inside borgstack_redis; " ;;
esac
# A Redis that cannot write, or is nearly full, may answer for long before it turns jobs away.
seen=$seen$(docker exec borgstack_redis redis-cli info 2>/dev/null | tr -d '\r' | awk -F: '
  { of[$1] = $2 }
  END {
    if (of["rdb_last_bgsave_status"] == "err") broken = " rdb_last_bgsave_status:err;"
    if (of["aof_enabled"] == 1 && of["aof_last_write_status"] == "err")
      broken = broken " aof_last_write_status:err;"
    if (of["aof_enabled"] == 1 && of["aof_last_bgrewrite_status"] == "err")
      broken = broken " aof_last_bgrewrite_status:err;"
    if (broken) printf "Redis cannot write its data:%s ", broken
    if (of["maxmemory"] > 0 && of["used_memory"] > 0.9 * of["maxmemory"])
      printf "Redis holds %d%% of the %d MB that it may; ",
        100 * of["used_memory"] / of["maxmemory"], of["maxmemory"] / 1048576
  }')
docker exec chatwoot-worker wget -q -T 5 -O /dev/null http://127.0.0.1:7433/ 2>/dev/null ||
  seen="${seen}the worker's health port 7433 does not say 200"
report 4 "Redis and Sidekiq work" "$seen" \
  "PONG, noeviction, data written to the disk, room for more, and a job that went through" \
  "docker logs --tail 50 borgstack_redis; docker logs --tail 100 chatwoot-worker; docker restart chatwoot-worker"

# Through Caddy, its certificate verified by the public name: from the container of Chatwoot, whose
# Ruby is the only HTTPS client that is surely there. The token goes in on the first line of stdin.
address=$(docker inspect -f '{{with index .NetworkSettings.Networks "borgstack_external"}}{{.IPAddress}}{{end}}' \
  borgstack_caddy 2>/dev/null)
web=$(
  {
    printf '%s\n' "$(setting CHATWOOT_API_TOKEN)"
    cat "$directory/config/caddy/acme-root.pem" 2>/dev/null
  } | docker exec -i chatwoot ruby -rjson -rnet/http -ropenssl -e '
    token, authority = STDIN.gets.to_s.strip, STDIN.read.to_s
    http = Net::HTTP.new(ARGV[0], 443)
    http.ipaddr = ARGV[1]
    http.use_ssl, http.open_timeout, http.read_timeout = true, 5, 15
    unless authority.empty?
      http.cert_store = OpenSSL::X509::Store.new
      http.cert_store.add_cert(OpenSSL::X509::Certificate.new(authority))
    end
    ask = ->(path, head = {}) { http.get(path, head) }
    begin
      http.start
      page = ask.("/")
      fine = page.code == "200" && page.body.include?("Chatwoot")
      puts "page #{fine ? "ok" : "#{page.code} #{page["Location"]}"}"
      seen = nil
      3.times do |try|
        sleep 0.5 if try > 0
        answer = ask.("/api")
        said = JSON.parse(answer.body) rescue {}
        fine = answer.code == "200" && said.values_at("queue_services", "data_services") == %w[ok ok]
        seen = fine ? "ok" : "#{answer.code} #{said.slice("queue_services", "data_services")}"
        break if fine
      end
      puts "api #{seen}"
      unless token.empty?
        head = { "api-access-token" => token }
        profile = JSON.parse(ask.("/api/v1/profile", head).body) rescue {}
        account = Array(profile["accounts"]).find { |one| one["role"] == "administrator" } || {}
        answer = ask.("/api/v1/accounts/#{account["id"].to_i}/agents", head)
        agents = JSON.parse(answer.body) rescue nil
        own = agents.is_a?(Array) && agents.find { |one| one["email"] == profile["email"] }
        fine = answer.code == "200" && own && own["role"] == "administrator"
        puts "agents #{fine ? "ok" : "#{answer.code}, the administrator is not among them"}"
      end
    rescue StandardError => error
      puts "error #{error.class}: #{error.message.lines.first.to_s.strip}"
    end' "$host" "${address:-0.0.0.0}" 2>/dev/null
)
# said KIND: what stands behind it when it is not ok.
said() {
  line=$(printf '%s\n' "$web" | sed -n "s/^$1 //p")
  [ "$line" = ok ] || printf '%s' "${line:-$(printf '%s\n' "${web:-no answer from inside chatwoot}" | tail -n 1)}"
}
report 5 "user interface over HTTPS" "$(said page)" "https://$host/: 200 and Chatwoot's page" \
  "docker logs --tail 50 borgstack_caddy; does DNS lead here, are 80 and 443 open?"

# A volume is in use when the process sees the very folder that Docker keeps, by device and inode.
seen=''
for mount in chatwoot:/app/storage:borgstack_chatwoot_storage \
  chatwoot-worker:/app/storage:borgstack_chatwoot_storage \
  chatwoot:/app/public:borgstack_chatwoot_public; do
  name=${mount%%:*} path=${mount#*:} volume=${mount##*:}
  path=${path%:*}
  kept=$(stat -c %d:%i "$(docker volume inspect -f '{{.Mountpoint}}' "$volume" 2>/dev/null)" 2>/dev/null)
  used=$(docker exec "$name" stat -c %d:%i "$path" 2>/dev/null)
  [ -n "$kept" ] && [ "$kept" = "$used" ] || seen="$seen $name:$path is not $volume;"
done
report 6 "volumes mounted" "$seen" "uploads and assets in named volumes, which outlive containers" \
  "what is written there now is lost with the container: copy it out, then deploy again"

report 7 "API health" "$(said api)" "https://$host/api: 200, queue_services and data_services ok" \
  "queue_services is Redis, data_services is PostgreSQL: docker logs --tail 50 chatwoot"

if [ -z "$(setting CHATWOOT_API_TOKEN)" ]; then
  echo "Test 8: agents: skipped CHATWOOT_API_TOKEN is not set in $directory/.env; deploy again"
else
  report 8 "agents" "$(said agents)" "the token lists the agents, the administrator among them" "$again"
fi

[ "$failures" = 0 ]
