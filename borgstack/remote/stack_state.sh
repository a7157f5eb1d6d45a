# The whole stack in one look: images, containers, networks, the hashes that Compose would give the
# containers, and what services hold. The parts are read side by side. Hashes are those of the wanted
# file, not of what lies on the disk: so the look tells what a deploy will do before it has put a file
# in place.
#
# Usage: stack_state DIRECTORY PLAIN COMPOSE STATES THING...
#   PLAIN     words NAME=VALUE: the entries of .env that are no secrets, as they have to be
#   COMPOSE   the wanted file, in base64
#   STATES    what asks single services, see `remote.state_program`; it prints lines `state SERVICE …`
#   THING     the name of an image, a network or a container
set -u
export LC_ALL=C
directory=$1 plain=$2 compose_file=$3 states=$4
shift 4
command -v docker >/dev/null 2>&1 || { echo "engine missing"; exit 0; }
@docker_settled.sh@
docker_settled
# Asked through its socket, a stopped daemon would be started by systemd: a look starts nothing.
systemctl is-active -q docker.service || { echo "engine stopped"; exit 0; }

parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM PIPE

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
# One call for images, networks and containers, of which some are asked from here, in their network: an
# exec costs the host ten times as much. Like an exec, that leaves out what is paused. What a thing of
# another kind does not have, `index` takes for nothing. `docker ps` has networks by their names alone,
# and a container can be left in one that is gone, while another has its name.
process="process {{\$.Name}} {{if not (index . \"Paused\")}}{{.Pid}}{{end}}"
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
process() { printf '%s\n' "$things" | sed -n "s|^process /$1 \([1-9][0-9]*\)$|\1|p"; }

# Secrets go through pipes alone; salted digests say whether others hold the same ones. A container that
# is not there yet tells nothing: what cannot be told is None to the comparison, and a healthy one that
# does not answer stops the run.
eval "$states"

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
cat "$parts"/[0-9]*
