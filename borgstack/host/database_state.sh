# Inside the PostgreSQL container: what roles, databases, extensions and passwords are like.
#
# Usage: sh -s ADMIN SALT TOKEN REPLIES DATABASE:ROLE:PASSWORD-VARIABLE...
#   ADMIN, SALT, TOKEN, REPLIES   see application_state.sql
# Each role looks for itself, by its password, so that one session proves the one and reads the
# other; where the password is refused, the superuser looks through the socket.
export LC_ALL=C PGCONNECT_TIMEOUT=30
admin=$1 salt=$2 token=$3 replies=$4
shift 4
# 127.0.0.1 is trusted; only the container's own address asks for the password.
address=$(hostname -i) address=${address%% *}

look() {
  database=$1 role=$2 sql=$3
  if rows=$(PGPASSWORD=$(printenv "$4") psql -qAtX -h "$address" -U "$role" -d "$database" \
    -c "$sql" 2>/dev/null); then
    printf '%s\n' "$rows" "password $role ok"
  else
    rows=$(psql -qAtX -U postgres -d "$database" -c "$sql" 2>/dev/null) || rows=''
    # A container that does not have it yet is made anew before anybody asks again.
    printenv "$4" >/dev/null && verdict=refused || verdict=unset
    printf '%s\n' "$rows" "password $role $verdict"
  fi
}

look postgres postgres "
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
UNION ALL SELECT 'database-read'" POSTGRES_PASSWORD &
for word in "$@"; do
  database=${word%%:*} rest=${word#*:}
  # query_to_xml, because schema_migrations may not exist yet and a missing table fails a query.
  look "$database" "${rest%%:*}" "
SELECT format('extension %s %s', current_database(), extname) FROM pg_extension
UNION ALL
SELECT 'schema ' || current_database() || ' ' || unnest(xpath('/row/version/text()', query_to_xml(
    'SELECT max(version) AS version FROM schema_migrations', false, true, '')))
 WHERE to_regclass('schema_migrations') IS NOT NULL" "${rest#*:}" &
done
{
  psql -qAtX -v ON_ERROR_STOP=1 -v "admin=$admin" -v "salt=$salt" -v "token=$token" \
    -v "replies=$replies" -U postgres -d chatwoot_db 2>/dev/null <<'SQL' || echo application-unreadable
@application_state.sql@
SQL
} &
wait
