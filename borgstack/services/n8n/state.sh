# What n8n's database holds. The wanted workflows get the numbers that only the server knows, and are
# compared in the database; of credentials nothing but a verdict is printed.
#
# Usage: n8n_state DIRECTORY SALT ADMIN INBOX WORKFLOWS
#   ADMIN, INBOX   see n8n_state.sql
#   WORKFLOWS      a JSON array, in gzip and base64
set -u
export LC_ALL=C
directory=$1 admin=$3 inbox=$4 workflows=$5

@env_values.sh@
key=$(value "$directory" N8N_ENCRYPTION_KEY)

# n8n encrypts a credential as OpenSSL does, with the key as the password.
credential() {
  case $1 in
  borgstackChatwoot) secret=$(value "$directory" CHATWOOT_API_TOKEN) ;;
  borgstackEvolution) secret=$(value "$directory" EVOLUTION_API_KEY) ;;
  *) secret=$(value "$directory" WHATSAPP_BRIDGE_SECRET) ;;
  esac
  plain=$(echo "$2" | openssl enc -d -aes-256-cbc -md md5 -a -A -pass fd:3 3<<EOF
$key
EOF
  )
  case $plain in
  *"\"value\":\"$secret\""*) echo "credential $1 ok" ;;
  *) echo "credential $1 differs" ;;
  esac
}

# quiet: openssl complains of what another key has encrypted; the verdict says so.
{
  # shellcheck disable=SC2016 # SQL's own quotes
  printf 'SELECT $wanted$'
  printf %s "$workflows" | base64 -d | gzip -d
  # shellcheck disable=SC2016
  printf '$wanted$ AS wanted \\gset\n'
  cat <<'SQL'
@n8n_state.sql@
SQL
} | timeout 30 docker exec -i borgstack_postgresql psql -qAtX -v ON_ERROR_STOP=1 -v "admin=$admin" \
  -v "inbox=$inbox" -U postgres -d chatwoot_db | while read -r kind id data; do
  if [ "$kind" != secret ]; then
    echo "$kind $id"
  elif command -v openssl >/dev/null 2>&1; then
    credential "$id" "$data" 2>/dev/null
  else
    echo "credential $id unknown"
  fi
done
