# How the reader is set, as its API tells the administrator.
#
# Usage: miniflux_state DIRECTORY SALT THEME
set -u
@env_values.sh@
address=$(docker inspect -f '{{.NetworkSettings.Networks.borgstack_internal.IPAddress}}' miniflux)
printf 'user = "admin:%s"\n' "$(value "$1" MINIFLUX_ADMIN_PASSWORD)" |
  curl -sf -m 10 -K - "http://$address:8080/v1/me" && echo
