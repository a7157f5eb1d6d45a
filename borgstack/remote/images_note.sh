# Notes which images this tool is about to pull: of these, and of no others, it removes later what is
# superseded. Newest last.
#
# Usage: images_note DIRECTORY IMAGE...
set -eu
umask 077
directory=$1 list=$1/pulled-images
shift
mkdir -p "$directory"
touch "$list"
{
  printf '%s\n' "$@" | grep -vxFf - "$list" || [ $? = 1 ] # all of them are in it already
  printf '%s\n' "$@"
} >"$list-new"
mv -f "$list-new" "$list"
