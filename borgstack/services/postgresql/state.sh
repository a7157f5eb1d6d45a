# Inside the PostgreSQL container: what roles, databases, extensions and passwords are like, and what
# is in Chatwoot.
#
# Usage: sh -s ADMIN SALT TOKEN DATABASE:ROLE:PASSWORD-VARIABLE...
#   ADMIN, SALT, TOKEN   see chatwoot_state.sql
# Each role looks for itself, by its password, so that one session proves the one and reads the
# other; where that does not work, the superuser looks through the socket.
# What a migration holds locked is not waited for.
export LC_ALL=C PGCONNECT_TIMEOUT=10 PGOPTIONS='-c lock_timeout=5s'
admin=$1 salt=$2 token=$3
shift 3
# 127.0.0.1 is trusted; only the container's own address asks for the password. Not what its hosts
# file says: that keeps the address of a network that it is no longer in.
address=$(hostname -I) address=${address%% *}
# The one beside the server: Debian's own in /usr/bin is a script that looks for it.
psql=$(command -v postgres) psql=${psql%postgres}psql

everybody="
SELECT format('role %s %s', rolname, concat_ws(',',
    CASE WHEN rolcanlogin THEN 'login' ELSE 'nologin' END, CASE WHEN rolsuper THEN 'superuser' END,
    CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcreaterole THEN 'createrole' END,
    CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
    (SELECT string_agg('member of ' || roleid::regrole, ',') FROM pg_auth_members WHERE member = r.oid)))
  FROM pg_roles r WHERE rolname !~ '^pg_'
UNION ALL
SELECT format('database %s %s%s', datname, pg_get_userbyid(datdba), CASE WHEN EXISTS (
    SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
     WHERE grantee = 0 AND privilege_type = 'CONNECT') THEN ' open' END)
  FROM pg_database WHERE datname <> 'template0'
UNION ALL SELECT 'database-read';"

# query_to_xml, because schema_migrations may not exist yet and a missing table fails a query.
own="
SELECT format('extension %s %s', current_database(), extname) FROM pg_extension
UNION ALL
SELECT 'schema ' || current_database() || ' ' || unnest(xpath('/row/version/text()', query_to_xml(
    'SELECT max(version) AS version FROM schema_migrations', false, true, '')))
 WHERE to_regclass('schema_migrations') IS NOT NULL;"

# quiet: tables that are others than expected are told as such.
application() {
  cat <<'SQL'
@chatwoot_state.sql@
SQL
}
ask() {
  "$psql" -qAtX -U postgres "$@"
}
# A password is refused only when the server says so: one that could not be asked is not known.
look() {
  database=$1 role=$2 sql=$3
  if ! printenv "$4" >/dev/null; then
    # A container that does not have it yet is made anew before anybody asks again.
    verdict="unset"
  elif [ -z "$address" ]; then
    verdict=unasked
  elif rows=$(PGPASSWORD=$(printenv "$4") "$psql" -qAtXw -h "$address" -U "$role" -d "$database" \
    -c "$sql" 2>&1); then
    printf '%s\n' "$rows" "password $role ok"
    return
  else
    case $rows in
    *'password authentication failed'*) verdict=refused ;;
    *'database "'*'" does not exist'*) verdict=ok ;;
    *) verdict=unasked ;;
    esac
  fi
  # A database that is missing has nothing to say; of one that cannot be asked nothing is known.
  rows=$(ask -d "$database" -c "$sql" 2>&1) || case $rows in
  *'database "'*'" does not exist'*) rows='' ;;
  *) rows="database-unread" ;;
  esac
  printf '%s\n' "$rows" "password $role $verdict"
}
look postgres postgres "$everybody" POSTGRES_PASSWORD &
for word in "$@"; do
  rest=${word#*:}
  look "${word%%:*}" "${rest%%:*}" "$own" "${rest#*:}" &
done
{
  if rows=$(application | ask -v ON_ERROR_STOP=1 -v "admin=$admin" -v "salt=$salt" -v "token=$token" \
    -d chatwoot_db 2>&1); then
    printf '%s\n' "$rows"
  else
    # With 3 psql tells of a statement that failed; else it was no session, or not to its end.
    case $?:$rows in
    *'due to lock timeout'*) echo application-locked ;;
    3:*) echo application-unreadable ;;
    *'database "'*'" does not exist'*) ;;
    *) echo database-unread ;;
    esac
  fi
} &
wait
