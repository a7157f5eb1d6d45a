# What people find in Chatwoot, and whose first password still lies on the host.
#
# Usage: chatwoot_state DIRECTORY SALT ADMIN
#   ADMIN   the administrator's login
# Prints: first-password LOGIN
#         application JSON       see state.sql
#         unreadable | locked    the tables are others, or something holds them
#         read                   at the end of an answer
# What a migration holds locked is not waited for.
set -u
@env_values.sh@
for file in "$1"/first-passwords/*@*; do
  [ ! -e "$file" ] || echo "first-password ${file##*/}"
done
token=$(digest "$1" "$2" CHATWOOT_API_TOKEN)
rows=$(timeout 30 docker exec -i -e PGCONNECT_TIMEOUT=10 -e PGOPTIONS='-c lock_timeout=5s' \
  borgstack_postgresql psql -qAtX -v ON_ERROR_STOP=1 -v "admin=$3" -v "salt=$2" -v "token=$token" \
  -U postgres -d chatwoot_db 2>&1 <<'SQL'
@chatwoot_state.sql@
SQL
)
# An exec now and then loses the end of its stdin: only psql itself can say that it was asked all of it.
# With 3 psql tells of a statement that failed; else it was no session, or not to its end.
case $?:$rows in
0:*)
  printf '%s\n' "$rows"
  exit 0
  ;;
*'reached EOF without'*) exit 0 ;;
*'due to lock timeout'*) echo locked ;;
3:*) echo unreadable ;;
*'database "'*'" does not exist'*) ;;
*) exit 0 ;;
esac
echo read
