# Removes networks that are not as the compose file declares them. The stack's own containers are
# made anew by the steps that follow, and the networks with them; an operator's own containers are
# connected again here.
#
# Usage: networks_remove DIRECTORY NETWORK:SERVICE,SERVICE...
set -u
@compose_files.sh@
cd "$1" || exit 1
take_our_files
shift
fail() {
  echo "The network $1 could not be $2 (see above). 'docker network inspect $1' shows who is in" >&2
  echo "it; disconnect them and run the deploy again." >&2
  exit 1
}
label() { echo "{{index .Config.Labels \"com.docker.compose.$1\"}}"; }
# quiet: a container that is gone by now is nobody's.
for word in "$@"; do
  network=${word%%:*} services=$(printf %s "${word#*:}" | tr , ' ')
  others='' # with the names by which each is found there
  aliases="{{with index .NetworkSettings.Networks \"$network\"}}{{range .Aliases}}--alias {{.}} {{end}}{{end}}"
  running=$(docker network inspect -f '{{range .Containers}}{{.Name}} {{end}}' "$network")
  # One that is stopped could not be started again without its network.
  stopped=$(docker ps -a --filter "network=$network" --filter status=exited --filter status=created \
    --format '{{.Names}}') || fail "$network" removed
  stopped=$(printf '%s\n' "$stopped" | tr , '\n' | grep -v /) # without what others' --link calls it
  for container in $running $stopped; do
    whose=$(docker inspect -f "$(label project)/$(label service)" "$container" 2>/dev/null)
    case " $services " in
    *" ${whose#borgstack/} "*) case " $running " in *" $container "*) ;; *) continue ;; esac ;;
    *) others="$others$container $(docker inspect -f "$aliases" "$container" 2>/dev/null)
" ;;
    esac
    docker network disconnect -f "$network" "$container" || fail "$network" removed
  done
  docker network rm "$network" >/dev/null || fail "$network" removed
  echo "removed the network $network"
  [ -n "$others" ] || continue
  # shellcheck disable=SC2086 # words on purpose
  docker compose --progress quiet create --no-build --pull never $services </dev/null ||
    fail "$network" "made anew"
  while read -r container names; do
    [ -n "$container" ] || continue
    # shellcheck disable=SC2086 # words on purpose
    docker network connect $names "$network" "$container" || fail "$network" "joined by $container"
    echo "connected $container again"
  done <<OTHERS
$others
OTHERS
done
