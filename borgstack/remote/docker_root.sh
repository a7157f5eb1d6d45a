# Says where dockerd keeps images and volumes: by a flag, by its file, or where it does of itself. Put
# into the scripts that look there.
#
# Usage: docker_root PID
set -u
docker_root() {
  set -- "$1" ''
  [ ! -r "/proc/$1/cmdline" ] || set -- "$1" "$(tr '\0' '\n' <"/proc/$1/cmdline" |
    sed -n 's|^--data-root=/|/|p; /^--data-root$/ { n; s|^/|/|p; }')"
  [ -n "$2" ] || [ ! -r /etc/docker/daemon.json ] || set -- "$1" "$(tr -d '\n' </etc/docker/daemon.json |
    sed -n 's|.*"data-root"[[:space:]]*:[[:space:]]*"\(/[^"]*\)".*|\1|p')"
  echo "${2:-/var/lib/docker}"
}
