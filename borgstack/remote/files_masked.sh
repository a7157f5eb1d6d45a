# The text of the project's files as they are, for a plan's diff; no value of .env leaves the host.
#
# A link is not followed, and what is too large to be one of ours is left out.
#
# Usage: files_masked DIRECTORY PATH...
# Prints: file PATH, then each of its lines behind a bar
set -u
export LC_ALL=C
# quiet: nothing lies in a folder that is not there.
cd "$1" 2>/dev/null || exit 0
shift
mask='
@env.awk@
@mask.awk@
'
env=.env
[ -r "$env" ] || env=/dev/null
for path in "$@"; do
  [ -f "$path" ] && [ ! -L "$path" ] && [ "$(stat -c %s "$path")" -lt 500000 ] || continue
  echo "file $path"
  awk "$mask" part=env "$env" part=log "$path" | sed 's/^/|/'
done
