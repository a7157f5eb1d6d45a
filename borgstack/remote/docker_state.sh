# How Docker is installed and configured, and whether the running daemon has read its configuration.
#
# Usage: docker_state PACKAGE...
# Prints lines of `KEY VALUE`; Python compares them (borgstack/docker_*.py).
set -u
export LC_ALL=C
# quiet: dpkg-query complains of each package that it has never heard of.
# The second letter is what is so; the first is what somebody wants, as to hold it.
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' "$@" 2>/dev/null | awk -F'|' '
  $1 ~ /^.[nc]/ { next }
  $1 ~ /^h/ { print "held " $2 }
  { print ($1 ~ /^.i *$/ ? "package " : "broken ") $2 " " $3 }'

key=/etc/apt/keyrings/docker.asc
if [ -e "$key" ]; then
  # gpg wants some home; without a keyring it writes nothing there.
  # quiet: a key without a fingerprint is told of as unreadable.
  fingerprints=$(gpg --homedir /run --no-options --batch --no-keyring --trust-model always \
    --show-keys --with-colons "$key" 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }' | sort | tr '\n' ' ')
  echo "key $(stat -c '%a|%u|%g' "$key") ${fingerprints:-unreadable}"
fi
for file in /etc/apt/sources.list.d/docker.sources /etc/docker/daemon.json \
  /etc/docker/borgstack.json; do
  [ -e "$file" ] && echo "file $file $(stat -c '%a|%u|%g' "$file") $(base64 -w 0 "$file")"
done
# What each file gives apt, `source FILE ADDRESS SUITE KEYRING`: lines of `deb [options] ADDRESS SUITE …`,
# and stanzas. Files of other names are not read by apt.
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
  case ${file##*/} in *[!A-Za-z0-9_.-]*) continue ;; esac
  [ ! -f "$file" ] || awk -v file="$file" '
    function stanza(i, j, many, few) {
      many = split(of["uris"], uri, " "); few = split(of["suites"], suite, " ")
      split(of["signed-by"], key, " ")
      if (tolower(of["enabled"]) !~ /^[ \t]*(no|false|without|off|disable|0)/)
        for (i = 1; i <= many; i++) for (j = 1; j <= few; j++)
          print "source", file, uri[i], suite[j], (key[1] == "" ? "-" : key[1])
      split("", of); name = ""
    }
    { sub(/\r$/, "") }
    /^[ \t]*#/ { next }
    file !~ /\.sources$/ {
      if ($1 != "deb" && $1 != "deb-src") next
      of["signed-by"] = ""
      if (match($0, /\[[^]]*\]/)) {
        options = substr($0, RSTART + 1, RLENGTH - 2)
        sub(/\[[^]]*\]/, "")
        if (match(options, /signed-by=[^ \t]*/)) of["signed-by"] = substr(options, RSTART + 10, RLENGTH - 10)
      }
      of["uris"] = $2; of["suites"] = $3
      stanza()
      next
    }
    /^[ \t]*$/ { stanza(); next }
    {
      value = $0
      if (value ~ /^[^ \t:]+:/) { name = tolower(value); sub(/:.*/, "", name); sub(/^[^:]*:/, "", value) }
      of[name] = of[name] " " value
    }
    END { stanza() }' "$file"
done

# A plugin in one of these goes before the package's.
for folder in "${DOCKER_CONFIG:-${HOME:-/root}/.docker}" /usr/local/lib/docker /usr/local/libexec/docker; do
  plugin=$folder/cli-plugins/docker-compose
  # quiet: one that cannot be run has no version.
  [ ! -e "$plugin" ] || echo "plugin $plugin $("$plugin" version --short 2>/dev/null | head -n 1)"
done
# Compose hands the proxies of root's own settings to every container.
own=${DOCKER_CONFIG:-${HOME:-/root}/.docker}/config.json
! grep -q -s -E '"https?Proxy"' "$own" || echo "proxies $own"
for left in /var/lib/borgstack/ran-before /var/lib/borgstack/apt-before; do
  [ ! -e "$left" ] || echo "unfinished $left"
done
# Whose containers containerd holds beside Docker's own: it is replaced with the engine.
# quiet: pgrep may be missing, and nothing may run.
pgrep -ax containerd-shim 2>/dev/null | sed -n \
  's|.* -namespace \([^ ]*\) .*-address /run/containerd/containerd\.sock.*|\1|p' | sort -u |
  grep -vE '^(plugins\.)?moby$' | sed 's/^/namespace /'
if [ -e /snap/bin/docker ] || [ -e /etc/systemd/system/snap.docker.dockerd.service ]; then echo "snap"; fi

@docker_settled.sh@
docker_settled
# The properties of the one, an empty line, those of the other. The systemctl of Ubuntu 22.04 knows no
# `--timestamp=unix`; in UTC, `date` reads what every systemctl prints.
units=$(TZ=UTC systemctl show docker.service docker.socket -p LoadState -p ActiveState \
  -p UnitFileState -p MainPID -p ExecMainStartTimestamp) || {
  [ ! -d /run/systemd/system ] || exit 1 # what it said is the reason
  units=''
}
units=$(printf '%s\n' "$units" | awk '$0 == "" { socket = 1 } !socket { print "unit " $0 }
    socket && /^LoadState=/ { print "socket " $0 }')
started=$(printf '%s\n' "$units" | sed -n 's/^unit ExecMainStartTimestamp=//p')
[ -z "$started" ] || echo "started $(date -d "$started" +%s)"
[ -z "$units" ] || printf '%s\n' "$units"
# quiet: a daemon that was started by hand has no note.
pid=$(printf '%s\n' "$units" | sed -n 's/^unit MainPID=//p')
flags=''
[ ! -r "/proc/${pid:-0}/cmdline" ] || flags=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed '1d; s/^/flag /')
[ -z "$flags" ] || printf '%s\n' "$flags"
@docker_root.sh@
[ ! -e "$(docker_root "${pid:-0}")/swarm/docker-state.json" ] || echo "swarm"
if [ "${pid:-0}" != 0 ] && [ -e /etc/docker/daemon.json ]; then
  echo "written $(stat -c %Y /etc/docker/daemon.json)"
  echo "now $(date +%s)"
  if [ "$(cat /run/borgstack/dockerd 2>/dev/null)" = "$pid $(sha256sum </etc/docker/daemon.json)" ]; then
    echo "loaded by this process"
  fi
fi
exit 0
