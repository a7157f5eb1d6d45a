# Inside the PostgreSQL container: what roles, databases, extensions and passwords are like.
# Usage: sh -s DATABASE:ROLE:PASSWORD-VARIABLE...
export LC_ALL=C PGCONNECT_TIMEOUT=5
query() { psql -qAtX -v ON_ERROR_STOP=0 -U postgres -d "$1" 2>/dev/null; }
# 127.0.0.1 is trusted; only the container's own address asks for the password.
address=$(hostname -i) address=${address%% *}
logs_in() {
  if PGPASSWORD=$(printenv "$2") psql -qAtX -h "$address" -U "$1" -d "$3" -c 'SELECT 1' >/dev/null 2>&1
  then echo "password $1 ok"
  else echo "password $1 refused"
  fi
}
psql -qAtX -U postgres -d postgres -c 'SELECT 1' >/dev/null 2>&1 || exit 1
query postgres <<SQL &
SELECT format('role %s %s', rolname, concat_ws(',',
    CASE WHEN rolcanlogin THEN 'login' ELSE 'nologin' END, CASE WHEN rolsuper THEN 'superuser' END,
    CASE WHEN rolcreatedb THEN 'createdb' END, CASE WHEN rolcreaterole THEN 'createrole' END,
    CASE WHEN rolreplication THEN 'replication' END, CASE WHEN rolbypassrls THEN 'bypassrls' END,
    (SELECT string_agg('member of ' || roleid::regrole, ',') FROM pg_auth_members WHERE member = r.oid)))
  FROM pg_roles r WHERE rolname !~ '^pg_';
SELECT format('database %s %s%s', datname, pg_get_userbyid(datdba), CASE WHEN EXISTS (
    SELECT FROM aclexplode(coalesce(datacl, acldefault('d', datdba)))
     WHERE grantee = 0 AND privilege_type = 'CONNECT') THEN ' open' END)
  FROM pg_database WHERE datname <> 'template0';
SQL
logs_in postgres POSTGRES_PASSWORD postgres &
for word in "$@"; do
  database=${word%%:*} rest=${word#*:}
  logs_in "${rest%%:*}" "${rest#*:}" "$database" &
  query "$database" <<SQL &
SELECT format('extension %s %s', current_database(), extname) FROM pg_extension;
SELECT format('schema %s %s', current_database(), max(version)) FROM schema_migrations;
SQL
done
wait
echo "database-read"
