# The operator's own override beside docker-compose.yml, as Compose looks for it: of four names the
# first that is there. Put into the scripts that need it.
#
# Usage: override_in DIRECTORY; take_our_files
set -u
override_in() {
  for name in compose.override.yml compose.override.yaml \
    docker-compose.override.yml docker-compose.override.yaml; do
    [ ! -e "$1/$name" ] || { echo "$1/$name"; break; }
  done
}
# Has Compose read what was hashed in the look, whatever else lies in the present folder.
take_our_files() {
  COMPOSE_FILE=docker-compose.yml
  override=$(override_in .)
  [ -z "$override" ] || COMPOSE_FILE=$COMPOSE_FILE:$override
  export COMPOSE_FILE COMPOSE_PATH_SEPARATOR=:
}
