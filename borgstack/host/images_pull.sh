# Pulls images side by side, says what it waits for and how long, and tries again when the network
# fails. One that cannot be had ends it at once; what has arrived of the others is kept.
#
# Usage: images_pull IMAGE...
set -u
started=$(date +%s)
waited() { echo "$(($(date +%s) - started)) s"; }

pull() {
  image=$1 attempt=1
  echo "pulling $image"
  until problem=$(docker pull -q "$image" 2>&1 >/dev/null); do
    case $problem in
    *"not found"* | *"manifest unknown"* | *"access denied"* | *"invalid reference"*) attempt=3 ;;
    esac
    if [ "$attempt" -ge 3 ]; then
      echo "The image $image cannot be had. The registry says: $problem" >&2
      echo "Nothing that runs was touched. Check the name and tag in the settings, and" >&2
      echo "registry_mirrors if Docker Hub cannot be reached from this host." >&2
      kill -USR1 $$
      exit 1
    fi
    attempt=$((attempt + 1))
    echo "trying $image again in 5 s: $problem"
    sleep 5
  done
  echo "pulled $image ($(waited))"
}

# quiet: the clock and pulls that have ended by themselves are no longer there to be ended.
pids='' clock=''
end() {
  # shellcheck disable=SC2086 # words on purpose
  kill $clock $pids 2>/dev/null
}
trap 'end; exit 1' USR1 HUP INT TERM
for image in "$@"; do
  pull "$image" &
  pids="$pids $!"
done
while sleep 10 >/dev/null 2>&1; do
  echo "still pulling ($(waited))"
done &
clock=$!
# shellcheck disable=SC2086
wait $pids
end
exit 0
