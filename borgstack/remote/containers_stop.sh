# Stops containers, so that what would reach them waits where it is; a later step starts them again.
#
# Usage: containers_stop CONTAINER...
set -u
export LC_ALL=C
docker stop "$@" >/dev/null
