# Stops and removes containers of services that are no longer declared. What is in volumes stays.
#
# Usage: containers_remove CONTAINER...
set -u
export LC_ALL=C
# quiet: one that has ended cannot be stopped; what `docker rm` says is shown.
for container in "$@"; do
  docker stop "$container" >/dev/null 2>&1
  docker rm "$container" >/dev/null || exit 1
  echo "removed the container $container"
done
