# Gives the running Redis the settings of its redis.conf, and deletes what must not be there; no
# connection is dropped and nothing is restarted.
#
# Usage: redis_converge DIRECTORY COMMAND...
set -u
shift
redis() { docker exec -i borgstack_redis redis-cli 2>&1; }
fail() {
  printf '%s\n' "$1" >&2
  echo "Redis could not be brought to the wanted state (see above); run again after correcting" >&2
  echo "the cause. 'docker logs borgstack_redis' shows the server's side." >&2
  exit 1
}
answers=$(printf '%s\n' "$@" | redis) || fail "$answers"
others=$(printf '%s\n' "$answers" | grep -vE '^(OK|[0-9]+|)$') && fail "$others"

# An append-only file that was switched on is complete only when its first rewrite has ended.
for _ in $(seq 1 120); do
  state=$(echo INFO persistence | redis | tr -d '\r')
  case $state in
  *aof_rewrite_in_progress:1* | *aof_rewrite_scheduled:1*) sleep 0.5 ;;
  *aof_last_bgrewrite_status:ok*) exit 0 ;;
  *) break ;;
  esac
done
fail "$(printf '%s\n' "$state" | grep -E '^aof_|^[^#a-z]')"
