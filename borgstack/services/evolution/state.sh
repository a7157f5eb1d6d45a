# How the Evolution instance is, as one line of JSON.
#
# Usage: evolution_state DIRECTORY SALT INSTANCE WANTED
set -u
@env_values.sh@
# An exec now and then loses the end of its stdin; then this tells nothing of Evolution.
timeout 30 docker exec -i evolution node - "$3" "$2" \
  "$(digest "$1" "$2" WHATSAPP_BRIDGE_SECRET)" <<'INNER'
@evolution_state.js@
INNER
