# The running settings of Redis, and whether a key exists; see ask.sh.
#
# Usage: redis_state DIRECTORY SALT KEY NAME...
set -u
shift 2
pid=$(process borgstack_redis)
[ -n "$pid" ] || exit 0
# The password as the container was given it; .env may hold the next one.
timeout 10 nsenter -t "$pid" -n bash -s "$@" 3<<SECRET <<'INNER'
$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^REDISCLI_AUTH=//p')
SECRET
@redis_ask.sh@
INNER
