# The whole stack in one look: images, containers, the hashes that Compose would give them, the
# databases, and the configuration that Caddy runs. The parts are read side by side.
#
# Usage: stack_state DIRECTORY "DATABASE-WORDS" IMAGE...     (words: see database_state.sh)
set -u
export LC_ALL=C
directory=$1 databases=$2
shift 2
command -v docker >/dev/null 2>&1 || { echo "engine missing"; exit 0; }

parts=$(mktemp -d)
trap 'rm -rf "$parts"' EXIT

# All at once: a container that is not there fails its part at little cost.
# shellcheck disable=SC2086 # words on purpose
docker exec -i borgstack_postgresql sh -s $databases >"$parts/4" 2>/dev/null <<'INNER' &
@database_state.sh@
INNER
docker exec borgstack_caddy sh -c 'printf "caddy-adapted "
  caddy adapt --config /etc/caddy/Caddyfile --adapter caddyfile 2>/dev/null | tr -d "\n"
  printf "\ncaddy-live "
  wget -q -T 5 -O - http://127.0.0.1:2019/config/ | tr -d "\n"
  echo' >"$parts/5" 2>/dev/null &

# The plugin itself, not `docker compose`: that one starts every plugin twice to ask its name.
for compose in /usr/libexec/docker/cli-plugins /usr/lib/docker/cli-plugins \
  /usr/local/lib/docker/cli-plugins /usr/local/libexec/docker/cli-plugins; do
  [ -x "$compose/docker-compose" ] && break
done
(cd "$directory" 2>/dev/null && [ -f docker-compose.yml ] &&
  "$compose/docker-compose" config --hash '*' 2>"$parts/3e" |
  sed 's/^/hash /' || true) >"$parts/3" &
docker image inspect -f 'image {{.Id}}|{{json .RepoTags}}|{{json .RepoDigests}}' "$@" \
  >"$parts/2" 2>/dev/null &
docker ps -a --no-trunc --format 'container {{.Names}}|{{.Label "com.docker.compose.project"}}|{{.Label "com.docker.compose.service"}}|{{.Label "com.docker.compose.config-hash"}}|{{.Label "com.docker.compose.image"}}|{{.State}}|{{.Status}}|{{.Networks}}|{{.Image}}' >"$parts/1" 2>/dev/null || {
  echo "engine stopped"
  wait
  exit 0
}
wait
echo "engine running"
cat "$parts"/[1-5]
[ ! -s "$parts/3e" ] || sed 's/^/compose-says /' "$parts/3e"
