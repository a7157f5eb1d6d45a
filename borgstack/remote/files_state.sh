# How the project's files lie on the disk.
#
# Usage: files_state DIRECTORY PATH...          (PATH below DIRECTORY; "." is DIRECTORY itself)
# Prints: stat PATH TYPE|MODE|UID|GID           nothing for a path that is not there
#         sha256 PATH DIGEST                    regular files
set -u
export LC_ALL=C
# quiet: what is not there has no line, which is the answer.
cd "$1" 2>/dev/null || exit 0
shift
stat -c 'stat %n %F|%a|%u|%g' -- "$@" 2>/dev/null
for path in "$@"; do
  [ -f "$path" ] && [ ! -L "$path" ] && set -- "$@" "$path"
  shift
done
[ $# -eq 0 ] || sha256sum -- "$@" | sed -E 's/^\\?([0-9a-f]{64}) [ *](.*)$/sha256 \2 \1/'
