# How Docker is installed and configured, and whether the running daemon has read its configuration.
#
# Usage: docker_state PACKAGE...
# Prints lines of `KEY VALUE`; borgstack/docker.py compares them.
set -u
export LC_ALL=C
# quiet: dpkg-query complains of each package that it has never heard of.
dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' "$@" 2>/dev/null |
  awk -F'|' '$1 ~ /^i/ { print ($1 ~ /^ii/ ? "package " : "broken ") $2 " " $3 }'

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
for file in /etc/apt/sources.list.d/docker.list /etc/apt/trusted.gpg.d/docker.gpg; do
  [ -e "$file" ] && echo "legacy $file"
done

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
if [ "${pid:-0}" != 0 ] && [ -e /etc/docker/daemon.json ]; then
  echo "written $(stat -c %Y /etc/docker/daemon.json)"
  echo "now $(date +%s)"
  if [ "$(cat /run/borgstack/dockerd 2>/dev/null)" = "$pid $(sha256sum </etc/docker/daemon.json)" ]; then
    echo "loaded by this process"
  fi
fi
exit 0
