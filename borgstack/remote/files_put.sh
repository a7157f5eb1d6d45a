# Puts a set of files in place, each by a rename, after the whole set has been unpacked beside its
# target and accepted by the programs that will read it. Nothing is replaced before that.
#
# Usage: files_put DIRECTORY CADDY-IMAGE  <base64 of a tar with owners and modes
set -eu
@compose_files.sh@
export LC_ALL=C
umask 077
directory=$1 caddy_image=$2
mkdir -p "$directory"
staging=$directory/.staging
rm -rf "$staging"
mkdir "$staging"
trap 'rm -rf "$staging"' EXIT
trap 'exit 1' HUP INT TERM PIPE

refuse() {
  echo "$1" >&2
  echo "Nothing was replaced below $directory. Correct it in templates/ or in the settings." >&2
  exit 1
}

cannot_start() {
  echo "Docker could not start a container to look at the new Caddyfile (status $1, see above)." >&2
  echo "Nothing was replaced below $directory. 'docker run --rm $caddy_image true' on the host has" >&2
  echo "to end well; 'journalctl -u docker -n 50' may say why it does not." >&2
  exit 1
}

# quiet: `df` adds to a message that is shown anyway.
base64 -d | tar -x -p --numeric-owner -C "$staging" || {
  df -h "$directory" >&2 || true
  refuse "The new files could not be unpacked in $staging (see above; is the disk full?)."
}

cd "$staging"
if [ -f docker-compose.yml ]; then
  set -- -f docker-compose.yml
  override=$(override_in "$directory")
  [ -z "$override" ] || set -- "$@" -f "$override"
  docker compose --project-directory "$directory" --env-file "$directory/.env" "$@" config -q || {
    docker compose version >&2 || refuse "Docker Compose does not run (see above)."
    refuse "Compose rejects the new docker-compose.yml (see above)."
  }
fi
if [ -f config/caddy/Caddyfile ]; then
  # As Caddy will see it: what is there now, drop-ins included, under what is new.
  mkdir check
  [ ! -d "$directory/config/caddy" ] || cp -R "$directory/config/caddy/." check/
  cp -R config/caddy/. check/
  chmod -R a+rX check
  # Caddy takes the hash of the password from its environment; any will do to judge the file.
  docker run --rm --network none -e 'EDITORS_PASSWORD_HASH=$2b$' -v "$staging/check:/etc/caddy:ro" "$caddy_image" \
    caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile >check.log 2>&1 || {
    status=$?
    grep -i error check.log >&2 || tail -n 5 check.log >&2
    # From 125 on it was Docker that failed, and not what it was to run.
    [ "$status" -lt 125 ] || cannot_start "$status"
    refuse "Caddy rejects the new Caddyfile (see above)."
  }
  rm -rf check check.log
fi
sync -f .

# Folders first, as the archive's list has them, parents before children; then files, by rename.
while read -r folder mode uid gid; do
  # A link in a folder's place goes; what it led to stays.
  [ "$folder" = . ] || [ ! -L "$directory/$folder" ] || rm "$directory/$folder"
  [ -d "$directory/$folder" ] || mkdir -m 755 "$directory/$folder"
  chown "$uid:$gid" "$directory/$folder"
  chmod "$mode" "$directory/$folder"
done <.folders
find . -type f ! -name .folders | while read -r file; do
  mv -fT "$file" "$directory/$file"
  echo "wrote $directory/${file#./}"
done
