# What .env holds, for pipes alone; and a salted digest of it, which says whether others hold the same.
# Put into the scripts that look.
#
# Usage: value DIRECTORY NAME; digest DIRECTORY SALT NAME
set -u
# quiet: without .env there are no secrets yet, and every digest differs.
value() {
  awk '
@env_value.awk@
  ' wanted="$2" "$1/.env" 2>/dev/null
}
digest() { { printf %s "$2"; value "$1" "$3"; } | sha256sum | cut -d ' ' -f 1; }
