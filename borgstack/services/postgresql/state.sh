# What roles, databases, extensions and passwords are like in the running server.
#
# Usage: postgresql_state DIRECTORY SALT DATABASE:ROLE:PASSWORD-VARIABLE...
# Prints: role NAME ATTRIBUTES, database NAME OWNER, extension DATABASE NAME,
#         schema DATABASE VERSION, password ROLE ok|refused|unset|unasked
#         read      at the end of an answer; unread: a part of it is missing
set -u
shift 2
timeout 30 docker exec -i borgstack_postgresql sh -s "$@" <<'INNER'
@postgresql_look.sh@
INNER
