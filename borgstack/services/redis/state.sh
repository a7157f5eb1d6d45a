# The running settings of Redis, and whether a key exists; see ask.sh.
#
# Usage: redis_state DIRECTORY SALT KEY NAME...
set -u
shift 2
pid=$(process borgstack_redis)
[ -n "$pid" ] || exit 0
# The password as the container was given it; .env may hold the next one, and Redis writes its title over
# the environment of its process.
given='{{range .Config.Env}}{{if eq (index (split . "=") 0) "REDISCLI_AUTH"}}{{.}}{{end}}{{end}}'
timeout 10 nsenter -t "$pid" -n bash -s "$@" 3<<SECRET <<'INNER'
$(docker inspect -f "$given" borgstack_redis | sed -n 's/^REDISCLI_AUTH=//p')
SECRET
@redis_ask.sh@
INNER
