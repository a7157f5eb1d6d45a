# The whole stack in one look: images, containers, networks, the hashes that Compose would give the
# containers, the databases, Redis, and the configuration that Caddy runs. The parts are read side
# by side. Hashes and Caddy's configuration are those of the wanted files, not of what lies on the
# disk: so the look tells what a deploy will do before it has put a file in place.
#
# Usage: stack_state DIRECTORY DATABASES REDIS NAMES PLAIN COMPOSE CADDYFILE ADMIN SALT
#          STATES INBOX WORKFLOWS THING...
#   DATABASES   words, see postgresql_state.sh
#   REDIS       words, see redis_state.sh
#   NAMES       words: the public names that Caddy has certificates for
#   ADMIN       the administrator's login
#   SALT        of the digests that stand for what must not be read
#   PLAIN       words NAME=VALUE: the entries of .env that are no secrets, as they have to be
#   COMPOSE, CADDYFILE   the wanted files, in base64
#   STATES      a program that asks single services; it prints lines `state SERVICE …`
#   INBOX       the name of the inbox that WhatsApp comes in through; empty where it is switched off
#   WORKFLOWS   the wanted ones, a JSON array, in gzip and base64
#   THING       the name of an image, a network or a container
set -u
export LC_ALL=C
directory=$1 databases=$2 redis=$3 names=$4 plain=$5 compose_file=$6 caddyfile=$7 admin=$8 salt=$9
shift 9
states=$1 inbox=$2 workflows=$3
shift 3
command -v docker >/dev/null 2>&1 || { echo "engine missing"; exit 0; }
@docker_settled.sh@
docker_settled
# Asked through its socket, a stopped daemon would be started by systemd: a look starts nothing.
systemctl is-active -q docker.service || { echo "engine stopped"; exit 0; }

parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM PIPE

# Secrets go through pipes alone; salted digests say whether others hold the same ones.
# quiet: a container that is not there yet fails its part, and .env may not be there; what cannot be
# told then is None to the comparison, and a healthy one that does not answer stops the run.
@env_values.sh@
token=$(digest "$directory" "$salt" CHATWOOT_API_TOKEN)
# Side by side: a container that is not there fails its part at little cost.
# shellcheck disable=SC2086 # words on purpose
timeout 30 docker exec -i borgstack_postgresql sh -s "$admin" "$salt" "$token" $databases >"$parts/4" 2>/dev/null <<'INNER' &
@postgresql_state.sh@
INNER

# quiet: as above.
if [ -n "$inbox" ]; then
  (
    set -- "$directory" "$admin" "$inbox" "$workflows"
@n8n_state.sh@
  ) >"$parts/9" 2>/dev/null &
fi
# quiet: as above.
[ -z "$states" ] || timeout 60 sh -c "$states" >"$parts/10" 2>/dev/null &

# The plugin itself, not `docker compose`: that one starts every plugin twice to ask its name. The one
# that Docker's CLI would take, so that both hash alike.
own=${DOCKER_CONFIG:-${HOME:-/root}/.docker}
set_by_hand=$(grep -s cliPluginsExtraDirs "$own/config.json")
[ -z "$set_by_hand" ] ||
  compose=$(docker info -f '{{range .ClientInfo.Plugins}}{{if eq .Name "compose"}}{{.Path}}{{end}}{{end}}')
[ -n "${compose:-}" ] || for folder in "$own" /usr/local/lib/docker /usr/local/libexec/docker \
  /usr/lib/docker /usr/libexec/docker; do
  compose=$folder/cli-plugins/docker-compose
  [ ! -e "$compose" ] || break
done
# Without `:?`, a secret that is still missing changes the hash of its readers and of no other.
printf %s "$compose_file" | base64 -d | sed 's/:?}/}/g' >"$parts/compose.yml"
@compose_files.sh@
override=$(override_in "$directory")
[ -z "$override" ] || {
  echo "override"
  ! grep -q networks "$override" || echo "own-networks"
} >"$parts/7"
# With services behind a profile: one that an operator has started is declared, too. Without the plugin,
# which another step installs, nothing is said of the file.
[ ! -d "$directory" ] || [ ! -x "$compose" ] || (
  set -- --project-directory "$directory" -f "$parts/compose.yml"
  [ -z "$override" ] || set -- "$@" -f "$override"
  cd "$directory" || exit
  # shellcheck disable=SC2086 # words on purpose
  env $plain "$compose" "$@" --profile '*' config --hash '*' 2>"$parts/said" |
    sed 's/^/hash /' >"$parts/3"
) &
docker volume ls --format 'volume {{.Name}}|{{.Label "com.docker.compose.project"}}' >"$parts/8" &
docker image ls --no-trunc --format 'local {{.Repository}}:{{.Tag}}|{{.ID}}|{{.Size}}' >"$parts/11" &
pulled=/var/lib/borgstack/pulled-images
[ ! -f "$pulled" ] || sed 's/^/pulled /' "$pulled" >"$parts/12"
# quiet: `docker inspect` complains of each thing that is not there, which is the answer.
# One call for images, networks and containers, of which two are asked from here, in their network: an
# exec costs the host ten times as much. Like an exec, that leaves out what is paused. What a thing of
# another kind does not have, `index` takes for nothing. `docker ps` has networks by their names alone,
# and a container can be left in one that is gone, while another has its name.
password='{{range (index $.Config "Env")}}{{if eq (index (split . "=") 0) "REDISCLI_AUTH"}}{{.}}{{end}}{{end}}'
process="process {{\$.Name}} {{if not (index . \"Paused\")}}{{.Pid}}{{end}} $password"
label() { echo "{{with index . \"Labels\"}}{{with index . \"com.docker.compose.$1\"}}{{.}}{{end}}{{end}}"; }
option='com.docker.network.driver.mtu'
network="network {{.Name}}|$(label project)|$(label network)|{{.Internal}}|{{.Id}}\
|{{range .IPAM.Config}}{{.Subnet}} {{end}}|{{with index . \"Options\"}}{{with index . \"$option\"}}{{.}}{{end}}{{end}}"
attached='attached {{.Name}}{{with index . "NetworkSettings"}}{{range $name, $one := index . "Networks"}} {{$name}}={{$one.NetworkID}}{{end}}{{end}}'
image='image {{.Id}}|{{json (index . "RepoTags")}}|{{json (index . "RepoDigests")}}'
things=$(docker inspect -f "{{with index . \"State\"}}$process
{{with \$}}$attached{{end}}{{else}}\
{{if index . \"Scope\"}}$network{{else}}$image{{end}}{{end}}" "$@" 2>/dev/null)
printf '%s\n' "$things" | grep -E '^(image|network|attached) ' >"$parts/2"
process() { printf '%s\n' "$things" | sed -n "s|^process /$1 \([1-9][0-9]*\) .*|\1|p"; }

# quiet: what has ended since then is as good as one that did not run.
pid=$(process borgstack_redis)
if [ -n "$pid" ]; then
  # shellcheck disable=SC2086
  timeout 10 nsenter -t "$pid" -n bash -s $redis 3<<SECRET >"$parts/6" 2>/dev/null <<'INNER' &
$(printf '%s\n' "$things" | sed -n 's/^process [^=]* REDISCLI_AUTH=//p')
SECRET
@redis_state.sh@
INNER
fi
stored() { [ -e "$1" ] || [ -e "$2" ]; }
pid=$(process borgstack_caddy)
if [ -n "$pid" ]; then
  folder=/proc/$pid/root/data/caddy/certificates
  for name in $names; do # a certificate of its own, or the wildcard that covers it
    stored "$folder"/*/"$name"/*.crt "$folder"/*/"wildcard_.${name#*.}"/*.crt ||
      echo "caddy-unstored $name"
  done >"$parts/5"
  timeout 10 nsenter -t "$pid" -n bash -s "$caddyfile" >>"$parts/5" 2>/dev/null <<'INNER' &
@caddy_state.sh@
INNER
fi

# A daemon that ends meanwhile is told of as stopped; a disk that is full is none.
said=$(docker ps -a --no-trunc --format 'container {{.Names}}|{{.Label "com.docker.compose.project"}}|{{.Label "com.docker.compose.service"}}|{{.Label "com.docker.compose.config-hash"}}|{{.Label "com.docker.compose.image"}}|{{.State}}|{{.Status}}|{{.Networks}}|{{.Image}}|{{.Ports}}|{{.Label "com.docker.compose.project.working_dir"}}
mounts {{.Names}}|{{.Mounts}}' 2>&1 >"$parts/1") || {
  wait
  case $said in
  *"no space left"*)
    printf '%s\n' "$said" >&2
    exit 1
    ;;
  esac
  echo "engine stopped"
  exit 0
}
wait

# A daemon that was restarted shows the health that it had saved, perhaps from long ago: an
# "unhealthy" without a check since then is no more than "starting".
for name in $(sed -n 's/^container \([^|]*\)|.*(unhealthy).*/\1/p' "$parts/1"); do
  began=$(TZ=UTC systemctl show -p ExecMainStartTimestamp --value docker.service)
  began=$(date -d "${began:-@0}" +%s)
  # A clock that was ahead when the daemon started says nothing.
  [ "${began:-0}" -le "$(date +%s)" ] || began=0
  last=$(docker inspect -f '{{range .State.Health.Log}}{{.Start.Unix}} {{end}}' "$name" | awk '{ print $NF }')
  [ "${last:-0}" -ge "${began:-0}" ] ||
    sed -i "/^container $name|/s/(unhealthy)/(health: starting)/" "$parts/1"
done
# quiet: a handshake that fails shows that nothing is served.
# A certificate that is neither stored nor served is still being obtained.
for name in $(sed -n 's/^caddy-unstored //p' "$parts/5" 2>/dev/null); do
  timeout 5 openssl s_client -connect 127.0.0.1:443 -servername "$name" </dev/null 2>/dev/null |
    openssl x509 -noout -checkend 0 >/dev/null 2>&1 || sed -i "/^caddy-unstored $name\$/d" "$parts/5"
done
# Compose quotes what it takes offence at, values of .env among it.
if [ -s "$parts/said" ] && [ ! -s "$parts/3" ]; then
  mask='
@env.awk@
@mask.awk@
'
  env=$directory/.env
  [ -r "$env" ] || env=/dev/null
  awk "$mask" part=env "$env" part=log "$parts/said" | tail -n 3 | sed 's/^/rejected /'
fi
# An operator's symbolic link is another name for the same folder.
sed -n 's/^container [^|]*|borgstack|.*|\([^|]*\)$/\1/p' "$parts/1" | sort -u | while IFS= read -r folder; do
  if [ "$folder" != "$directory" ] && [ "$folder" -ef "$directory" ]; then echo "same-folder $folder"; fi
done
echo "engine running"
for file in "$directory"/first-passwords/*@*; do
  [ ! -e "$file" ] || echo "first-password ${file##*/}"
done
cat "$parts"/[0-9]*
