# Has the Evolution instance exist, with its webhook and settings as declared.
#
# Usage: evolution_converge DIRECTORY INSTANCE WANTED
#   WANTED   JSON, see evolution_converge.js
set -u
export LC_ALL=C
program='
@evolution_converge.js@
'
awk '
@env_value.awk@
' wanted=WHATSAPP_BRIDGE_SECRET "$1/.env" |
  timeout 120 docker exec -i evolution node -e "$program" "$2" "$3"
