# Runs the SQL of first boot inside the PostgreSQL container; it changes only what differs.
#
# Usage: postgresql_converge DIRECTORY
set -u
cd "$1" || exit 1
mask='
@env.awk@
@mask.awk@
'
message=$(docker exec borgstack_postgresql psql -qX -v ON_ERROR_STOP=1 -U postgres -d postgres \
  -f /etc/borgstack/init-databases.sql 2>&1) && exit 0
printf '%s\n' "$message" | awk "$mask" part=env .env part=log - >&2
echo "The database could not be brought to the wanted state (see above); run again after" >&2
echo "correcting the cause. 'docker logs borgstack_postgresql' shows the server's side." >&2
exit 1
