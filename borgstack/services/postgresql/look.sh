# Inside the PostgreSQL container: what roles, databases, extensions and passwords are like.
#
# Usage: sh -s DATABASE:ROLE:PASSWORD-VARIABLE...
# Each role looks for itself, by its password, so that one session proves the one and reads the
# other; where that does not work, the superuser looks through the socket.
# What a migration holds locked is not waited for.
export LC_ALL=C PGCONNECT_TIMEOUT=10 PGOPTIONS='-c lock_timeout=5s'
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
UNION ALL SELECT 'read';"

# query_to_xml, because schema_migrations may not exist yet and a missing table fails a query.
own="
SELECT format('extension %s %s', current_database(), extname) FROM pg_extension
UNION ALL
SELECT 'schema ' || current_database() || ' ' || unnest(xpath('/row/version/text()', query_to_xml(
    'SELECT max(version) AS version FROM schema_migrations', false, true, '')))
 WHERE to_regclass('schema_migrations') IS NOT NULL;"

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
  *) rows=unread ;;
  esac
  printf '%s\n' "$rows" "password $role $verdict"
}
look postgres postgres "$everybody" POSTGRES_PASSWORD &
for word in "$@"; do
  rest=${word#*:}
  look "${word%%:*}" "${rest%%:*}" "$own" "${rest#*:}" &
done
wait
