# Pulls images, says what it waits for and how long, and tries again when the network fails.
#
# Usage: images_pull IMAGE...
set -u
# quiet: the clock ends in the middle of its sleep; what `docker pull` says is kept.
for image in "$@"; do
  started=$(date +%s) attempt=1
  while :; do
    echo "pulling $image"
    while sleep 10 >/dev/null 2>&1; do
      echo "still pulling $image ($(($(date +%s) - started)) s)"
    done &
    clock=$!
    problem=$(docker pull -q "$image" 2>&1 >/dev/null) && status=0 || status=$?
    kill "$clock" 2>/dev/null
    [ "$status" -ne 0 ] || break
    case $problem in
    *"not found"* | *"manifest unknown"* | *"access denied"* | *"invalid reference"*) attempt=3 ;;
    esac
    if [ "$attempt" -ge 3 ]; then
      echo "The image $image cannot be had. The registry says: $problem" >&2
      echo "Nothing that runs was touched. Check the name and tag in the settings, and" >&2
      echo "registry_mirrors if Docker Hub cannot be reached from this host." >&2
      exit 1
    fi
    attempt=$((attempt + 1))
    echo "trying $image again in 5 s: $problem"
    sleep 5
  done
  echo "pulled $image ($(($(date +%s) - started)) s)"
done
