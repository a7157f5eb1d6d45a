# Writes down for n8n-prepare which numbers Chatwoot has given to the account and to the inbox of
# WhatsApp; they are no secret.
#
# Usage: n8n_numbers DIRECTORY ADMIN INBOX
#   ADMIN, INBOX   see n8n_numbers.sql
set -eu
export LC_ALL=C
umask 022
path=$1/config/n8n/numbers.json
inbox=$3

not_told() {
  printf '%s\n' "expected PostgreSQL to say which number the inbox $inbox has; it did not." >&2
  echo "'docker logs borgstack_postgresql' may say why; run the deploy again." >&2
  exit 1
}
found=$(timeout 30 docker exec -i borgstack_postgresql psql -qAtX -v ON_ERROR_STOP=1 -v "admin=$2" \
  -v "inbox=$3" -U postgres -d chatwoot_db <<'SQL'
@n8n_numbers.sql@
SELECT format('{"account": %s, "inbox": %s}', :account_number, :inbox_number);
SQL
) || not_told
case $found in
'{"account": '[1-9]*', "inbox": '[1-9]*'}') ;;
'{"account": '*)
  printf '%s\n' "expected an inbox $inbox in Chatwoot, which an earlier step makes; saw none." >&2
  echo "Somebody may be renaming it; run the deploy again." >&2
  exit 1
  ;;
*) not_told ;;
esac
rm -f "$path".?????? # what a killed run left
temporary=$(mktemp "$path.XXXXXX")
trap 'rm -f "$temporary"' EXIT
trap 'exit 1' HUP INT TERM PIPE
echo "$found" >"$temporary"
chmod 644 "$temporary"
mv -fT "$temporary" "$path"
