# Has the reader's administrator see the theme that is wanted.
#
# Usage: miniflux_converge DIRECTORY THEME
set -u
@env_values.sh@
address=$(docker inspect -f '{{.NetworkSettings.Networks.borgstack_internal.IPAddress}}' miniflux)
printf 'user = "admin:%s"\n' "$(value "$1" MINIFLUX_ADMIN_PASSWORD)" |
  curl -sSf -m 10 -K - -X PUT -d "{\"theme\":\"$2\"}" "http://$address:8080/v1/users/1"
