# The configuration that Caddy runs and what it makes of the wanted one, and which certificates it has
# lost from its store.
#
# Usage: caddy_state DIRECTORY SALT CADDYFILE NAME...
#   CADDYFILE   in base64; NAME   a public name that has a certificate
# Prints what ask.sh prints, and: unstored NAME
set -u
pid=$(process borgstack_caddy)
[ -n "$pid" ] || exit 0
caddyfile=$3
shift 3
timeout 10 nsenter -t "$pid" -n bash -s "$caddyfile" <<'INNER'
@caddy_ask.sh@
INNER
stored() { [ -e "$1" ] || [ -e "$2" ]; }
folder=/proc/$pid/root/data/caddy/certificates
for name in "$@"; do # a certificate of its own, or the wildcard that covers it
  ! stored "$folder"/*/"$name"/*.crt "$folder"/*/"wildcard_.${name#*.}"/*.crt || continue
  # One that is neither stored nor served is still being obtained.
  timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$name" </dev/null |
    openssl x509 -noout -checkend 0 >/dev/null || continue
  echo "unstored $name"
done
