# A conversation that flows: a message from a made-up contact comes in, a reply goes out, both are
# seen, and everything that was made is removed again, also what an interrupted look left.
#
# Usage: chatwoot_conversation DIRECTORY
# Prints `conversation JSON`; borgstack/conversation.py reads it.
set -u
export LC_ALL=C
program='
@chatwoot_conversation.rb@
'
awk '
@env_value.awk@
' wanted=CHATWOOT_API_TOKEN "$1/.env" | timeout 90 docker exec -i chatwoot ruby -rjson -rnet/http -rsocket -rsecurerandom -e "$program"
