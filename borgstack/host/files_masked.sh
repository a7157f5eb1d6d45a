# The text of the project's files as they are, for a plan's diff; no value of .env leaves the host.
#
# Usage: files_masked DIRECTORY PATH...
# Prints: file PATH, then each of its lines behind a bar
set -u
export LC_ALL=C
cd "$1" 2>/dev/null || exit 0
shift
mask='
@env.awk@
@mask.awk@
'
env=.env
[ -r "$env" ] || env=/dev/null
for path in "$@"; do
  [ -f "$path" ] || continue
  echo "file $path"
  head -c 200000 "$path" | awk "$mask" part=env "$env" part=log - | sed 's/^/|/'
done
