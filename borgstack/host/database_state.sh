# Inside the PostgreSQL container: what roles, databases, extensions and passwords are like, and what
# is in Chatwoot. Where nothing is amiss, one psql tells; else each question is asked for itself.
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

# quiet: a look that fails tells nothing, and the slower way then asks role by role.
application() {
  cat <<'SQL'
@application_state.sql@
SQL
}
# All looks in one psql, which ends at the first password that is refused and at any other mistake.
at_once() {
  printf '%s \\echo password postgres ok\n' "$everybody"
  for word in "$@"; do
    rest=${word#*:} role=${rest%%:*}
    printf '\\getenv password %s\n\\setenv PGPASSWORD :password\n' "${rest#*:}"
    printf '\\connect "host=%s user=%s dbname=%s"\n' "$address" "$role" "${word%%:*}"
    printf '%s \\echo password %s ok\n' "$own" "$role"
  done
  printf '%s\n' '\connect "user=postgres dbname=chatwoot_db"'
  application
}
ask() {
  "$psql" -qAtXw -v ON_ERROR_STOP=1 -v "admin=$admin" -v "salt=$salt" -v "token=$token" \
    -v "replies=$replies" -U postgres "$@" 2>/dev/null
}
if rows=$(at_once "$@" | PGPASSWORD=$(printenv POSTGRES_PASSWORD) ask -h "$address" -d postgres); then
  printf '%s\n' "$rows"
  exit
fi

# quiet: a role that is refused is the answer.
look() {
  database=$1 role=$2 sql=$3
  if rows=$(PGPASSWORD=$(printenv "$4") "$psql" -qAtXw -h "$address" -U "$role" -d "$database" \
    -c "$sql" 2>/dev/null); then
    printf '%s\n' "$rows" "password $role ok"
  else
    rows=$("$psql" -qAtX -U postgres -d "$database" -c "$sql" 2>/dev/null) || rows=''
    # A container that does not have it yet is made anew before anybody asks again.
    printenv "$4" >/dev/null && verdict=refused || verdict="unset"
    printf '%s\n' "$rows" "password $role $verdict"
  fi
}
look postgres postgres "$everybody" POSTGRES_PASSWORD &
for word in "$@"; do
  rest=${word#*:}
  look "${word%%:*}" "${rest%%:*}" "$own" "${rest#*:}" &
done
{ application | ask -d chatwoot_db || echo application-unreadable; } &
wait
