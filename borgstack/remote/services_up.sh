# Starts, or creates anew, exactly the named services, and waits until each is healthy (a one-shot:
# until it has ended well). Says what it waits for and for how long.
#
# Usage: services_up DIRECTORY TIMEOUT SERVICE:CONTAINER:ACTION[:once]...
#   TIMEOUT   seconds; 0 waits for nothing
#   ACTION: up        create or start; created anew where its configuration or image differs
#           recreate  stop and remove it first
#           unpause   unpause
#           wait      only wait
#   once      a one-shot: it is waited for until it has ended
set -u
@compose_files.sh@
cd "$1" || exit 1
take_our_files
timeout=$2
shift 2

mask='
@env.awk@
@mask.awk@
'
masked() { awk "$mask" part=env .env part=log -; }

fail() {
  echo "$2" >&2
  echo "--- the last lines of $1:" >&2
  # Without the stack traces' frames, which hide what went wrong.
  docker logs --tail 300 "$1" 2>&1 | grep -v '^[[:space:]]*from /' | tail -n 25 | masked >&2
  echo "--- correct the cause and run the deploy again; 'docker logs $1' shows more." >&2
  exit 1
}

# quiet: one that has ended cannot be stopped; what `docker rm` says is shown.
started=$(date +%s)
services='' containers=''
for word in "$@"; do
  service=${word%%:*} rest=${word#*:}
  container=${rest%%:*} action=${rest#*:} action=${action%:once}
  case $action in
  wait) continue ;;
  unpause)
    docker unpause "$container" >/dev/null || exit 1
    continue
    ;;
  recreate)
    docker stop "$container" >/dev/null 2>&1
    docker rm -f "$container" >/dev/null || exit 1
    ;;
  esac
  services="$services $service" containers="$containers $container"
done

# quiet: what is removed before the second try may not be there; that try says what is wrong.
if [ -n "$services" ]; then
  # `up` would start one-shots again, and with --no-deps it would label containers with another
  # hash than `config --hash` and an operator's own `docker compose up` have: create, then start.
  # A volume that Compose asks about stays as it is: no answer means no.
  # shellcheck disable=SC2086 # words on purpose
  create_and_start() {
    docker compose --progress quiet create --no-build --pull never $services 2>&1 </dev/null &&
      docker start $containers 2>&1
  }
  message=$(create_and_start) || {
    case $message in
    *network*"not found"*) # of a container that was stopped when its network was made anew
      # shellcheck disable=SC2086
      docker rm -f $containers >/dev/null 2>&1
      message=$(create_and_start)
      ;;
    *) false ;;
    esac
  } || {
    printf '%s\n' "$message" | masked >&2
    echo "These could not be started:$services (see above)." >&2
    exit 1
  }
fi

[ "$timeout" != 0 ] || exit 0
for word in "$@"; do
  rest=${word#*:}
  container=${rest%%:*} action=${rest#*:} said=-1
  once=${action#"${action%:once}"} action=${action%:once}
  # One that is unpaused or only waited for gets its time: its last check may be from before.
  case $action in unpause | wait) patient=yes ;; *) patient='' ;; esac
  while :; do
    state=$(docker inspect -f '{{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}-{{end}} {{.State.ExitCode}} {{.RestartCount}}' "$container") || exit 1
    waited=$(($(date +%s) - started))
    # shellcheck disable=SC2086
    set -- $state
    shown="$1 $2" shown=${shown% -}
    case "$1 $2$once" in
    "running healthy" | "running -") break ;;
    "running starting") patient='' ;;
    "exited "*:once)
      [ "$3" = 0 ] && break
      fail "$container" "$container ended with status $3 after $waited s; it has to end with 0."
      ;;
    "running unhealthy")
      [ -n "$patient" ] ||
        fail "$container" "$container is unhealthy after $waited s: its health check fails."
      ;;
    esac
    if [ "$4" -ge 3 ]; then
      fail "$container" "$container keeps ending (status $3) and was restarted $4 times."
    fi
    if [ "$waited" -ge "$timeout" ] && [ -n "$once" ] && [ "$1" = running ]; then
      fail "$container" "$container is still at work after $waited s, and goes on: nothing stops it.
The next deploy waits for it again; prepare_timeout says how long."
    elif [ "$waited" -ge "$timeout" ]; then
      fail "$container" "$container is '$shown' after $waited s; it had $timeout s to get healthy."
    fi
    if [ $((waited / 5)) -ne "$said" ]; then
      said=$((waited / 5))
      echo "waiting for $container: $shown ($waited s of at most $timeout s)"
    fi
    sleep 0.5
  done
  echo "$container: $shown ($(($(date +%s) - started)) s)"
done
