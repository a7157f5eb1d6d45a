# Removes superseded images. Docker itself refuses one that a container uses.
#
# Usage: images_remove IMAGE...
set -u
for image in "$@"; do
  message=$(docker image rm "$image" 2>&1) || {
    printf '%s\n' "$message" >&2
    echo "The superseded image $image could not be removed (see above). Everything runs as it" >&2
    echo "should; remove it by hand, or take its line out of /var/lib/borgstack/pulled-images." >&2
    exit 1
  }
  echo "removed the image $image"
done
