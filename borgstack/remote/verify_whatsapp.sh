# A message from a number that nobody has, through Evolution and n8n into Chatwoot, and a reply back;
# everything that was made is removed again, also what an interrupted look left.
#
# Usage: verify_whatsapp DIRECTORY INSTANCE INBOX INBOUND-URL REPLY-URL
#   INSTANCE   of Evolution; the others are those of whatsapp_state.sh
# Prints `whatsapp JSON`; borgstack/checks/whatsapp.py
# judges it.
set -u
export LC_ALL=C
program='
@verify_whatsapp.js@
'
value() {
  awk '
@env_value.awk@
  ' wanted="$1" "$directory/.env"
  echo
}
directory=$1
shift
{ value CHATWOOT_API_TOKEN && value WHATSAPP_BRIDGE_SECRET; } |
  timeout 200 docker exec -i evolution node -e "$program" "$@"
