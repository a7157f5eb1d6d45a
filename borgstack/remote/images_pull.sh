# Pulls images side by side, says what it waits for and how long, and tries again when the network
# fails. One that cannot be had ends it at once; what has arrived of the others is kept.
#
# Usage: images_pull IMAGE...
set -u
started=$(date +%s)
waited() { echo "$(($(date +%s) - started)) s"; }

told() {
  case $1 in
  *"the Docker daemon"* | *"Docker API"* | *"docker API"* | *"error during connect"*)
    echo "expected the Docker Engine to answer while it pulls $image; saw: $1"
    echo "'journalctl -u docker' says why. Nothing that runs was touched; run the deploy again."
    ;;
  *"no space left"*)
    echo "expected room for the image $image; saw: $1"
    echo "Nothing that runs was touched. Make room below /var/lib/docker and run the deploy again."
    ;;
  *)
    echo "The image $image cannot be had. The registry says: $1"
    echo "Nothing that runs was touched. Check the name and tag in the settings, and"
    echo "registry_mirrors if Docker Hub cannot be reached from this host."
    ;;
  esac
}

pull() {
  image=$1 attempt=1
  echo "pulling $image"
  until problem=$(docker pull -q "$image" 2>&1 >/dev/null); do
    case $problem in
    *"not found"* | *"manifest unknown"* | *"access denied"* | *"invalid reference"*) attempt=3 ;;
    esac
    if [ "$attempt" -ge 3 ]; then
      told "$problem" >&2
      kill -USR1 $$
      exit 1
    fi
    attempt=$((attempt + 1))
    echo "trying $image again in 5 s: $problem"
    sleep 5
  done
  echo "pulled $image ($(waited))"
}

pids='' clock='' stopped=''
# quiet: a pull that has ended by itself is no longer there to be ended. More than once, since a shell
# that has just begun forgets a signal.
stop() {
  for _ in 1 2 3 4 5; do
    # shellcheck disable=SC2086 # words on purpose
    kill $clock $pids 2>/dev/null
    sleep 0.2
  done
  exit 1
}
# Until all have begun a signal is only noted: what is not yet known by number could not be ended.
trap 'stopped=yes' USR1 HUP INT TERM
# quiet: whether this script is still there
while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
  echo "still pulling ($(waited))"
done &
clock=$!
for image in "$@"; do
  pull "$image" &
  pids="$pids $!"
done
trap stop USR1 HUP INT TERM
[ -z "$stopped" ] || stop
# shellcheck disable=SC2086
wait $pids
kill $clock
exit 0
