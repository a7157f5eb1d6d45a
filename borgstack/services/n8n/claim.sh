# Gives n8n its owner, whoever would come first could be it otherwise.
#
# Usage: n8n_claim DIRECTORY EMAIL SECONDS
set -u
export LC_ALL=C
program='
@n8n_claim.js@
'
awk '
@env_value.awk@
' wanted=N8N_OWNER_PASSWORD "$1/.env" |
  timeout 180 docker exec -i n8n node -e "$program" "$2" "$3"
