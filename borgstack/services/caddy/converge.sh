# A graceful reload: Caddy keeps every connection and refuses a configuration that cannot work.
#
# Usage: caddy_converge DIRECTORY
set -u
message=$(docker exec borgstack_caddy caddy reload --config /etc/caddy/Caddyfile --adapter caddyfile 2>&1) && exit 0
printf '%s\n' "$message" | tail -n 5 >&2
echo "Caddy did not take up its Caddyfile (see above) and serves the one before." >&2
exit 1
