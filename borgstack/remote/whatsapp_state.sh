# The way between WhatsApp and Chatwoot: n8n's addresses and its owner, where Chatwoot hands replies to,
# and what failed in n8n in the last 24 hours. Side by side.
#
# Usage: whatsapp_state INBOX INBOUND-URL REPLY-URL
#   INBOX         the name of the inbox that WhatsApp comes in through
#   INBOUND-URL   where n8n takes messages
#   REPLY-URL     where n8n takes replies
# Prints lines of `KIND …`; borgstack/bridge.py reads them.
set -u
export LC_ALL=C
inbox=$1 inbound=$2 replies=$3
seen=$(mktemp -d) || exit 1
trap 'rm -rf "$seen"' EXIT
trap 'exit 1' HUP INT TERM PIPE

# quiet: a container that does not answer leaves its part empty, and the verdict says which.
program='
@n8n_look.js@
'
timeout 25 docker exec n8n node -e "$program" "$inbound" "$replies" >"$seen/2" 2>/dev/null &
timeout 25 docker exec -i borgstack_postgresql psql -qAtX -v ON_ERROR_STOP=1 -v "inbox=$inbox" \
  -v "replies=$replies" -U postgres -d chatwoot_db >"$seen/3" 2>/dev/null <<'SQL'
@whatsapp_state.sql@
SQL
wait
cat "$seen"/*
