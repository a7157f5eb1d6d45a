# What a server is like, before anything is touched. Runs as the login user; looks through sudo at
# what only root may see.
#
# Usage: preflight PUBLIC-NAME...
# Prints lines of `KEY VALUE`; Python judges them (borgstack/preflight.py).
set -u
export LC_ALL=C
uid=$(id -u)
echo "uid $uid"
echo "user $(id -un)"
# quiet: a refusal of sudo is the answer.
root='' is_root=no
if [ "$uid" = 0 ]; then
  is_root=yes
elif sudo -n true 2>/dev/null; then
  is_root=yes root='sudo -n'
fi
echo "root $is_root"

if [ -r /etc/os-release ]; then
  # shellcheck source=/dev/null
  (. /etc/os-release; echo "os ${ID:-unknown} ${VERSION_ID:-unknown} ${VERSION_CODENAME:-unknown}")
fi
echo "machine $(uname -m)"
[ ! -d /run/systemd/system ] || echo "init systemd"
awk '/^MemTotal:/ { print "memory " $2 * 1024 }' /proc/meminfo
@docker_root.sh@
# quiet: without systemd no daemon is asked for.
data=$(docker_root "$(systemctl show -p MainPID --value docker.service 2>/dev/null)")
there=$data
while [ ! -d "$there" ]; do there=${there%/*} there=${there:-/}; done
df -Pk "$there" | awk 'NR == 2 { print "disk " $4 * 1024 }'
echo "folder $data"
# quiet: pgrep may be missing; a clock that nobody keeps is only warned of.
echo "clock $(date +%s)"
if [ -e /run/systemd/timesync/synchronized ]; then echo "time synchronised"
elif pgrep -x 'chronyd|ntpd|ntpd-rs|systemd-timesyn' >/dev/null 2>&1; then echo "time daemon"
fi

# quiet: a kernel without this kind of socket; then Caddy says which port it did not get.
if command -v ss >/dev/null 2>&1; then
  who='{
    port = $4; sub(/.*:/, " ", port)
    if (kind == "udp") port = "" # one port is asked for
    who = "an unknown process"
    if (match($0, /\(\("[^"]*"/)) who = substr($0, RSTART + 3, RLENGTH - 4)
    print kind port " " who
  }'
  $root ss -Hltnp 'sport = :80 or sport = :443' 2>/dev/null | awk -v kind=port "$who" | sort -u
  $root ss -Hlunp 'sport = :443' 2>/dev/null | awk -v kind=udp "$who" | sort -u # for HTTP/3
fi

# quiet: a host without an address is told of by its names.
hostname -I 2>/dev/null | tr ' ' '\n' | sed -n 's/..*/address &/p'
if command -v ip >/dev/null 2>&1; then
  # The kernel's own answer: a default route may be one of several, or stand in another table.
  # The second address is somebody's: the first, for documents alone, may be shut out. None is called.
  # quiet: without a way out it is an error.
  link=$(for to in 192.0.2.1 1.1.1.1; do ip -4 route get "$to" 2>/dev/null; done |
    sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
  [ -n "$link" ] || ! ip -6 route get 2001:db8::1 >/dev/null 2>&1 || echo "out ipv6"
  [ -z "$link" ] || echo "mtu $(cat "/sys/class/net/$link/mtu")"
fi
# What the world's DNS says of a name: /etc/hosts often has the host's own name at 127.0.1.1, and may
# hide a wrong record. systemd-resolved answers from that file, too, unless it is told not to.
resolver=dns
if grep -qs '^nameserver 127\.0\.0\.53$' /etc/resolv.conf && command -v resolvectl >/dev/null 2>&1; then
  case $(resolvectl --help) in *--synthesize*) resolver=resolved ;; esac
fi
# With a dot at its end a name is asked for as it is: else `search` of resolv.conf gives it another end.
addresses_of() {
  case $resolver in
  # `ahosts` leaves IPv6 out where the host has none, `hosts` shows nothing else where the name has it.
  dns)
    getent -s dns ahosts "$1." &
    getent -s dns hosts "$1."
    wait
    ;;
  # `NAME: ADDRESS -- link: eth0`, further ones below it, `(ALIAS)` among them.
  resolved) resolvectl query --synthesize=no --legend=no "$1" 2>&1 |
    sed -n 's/^\([^ ]*:\)\{0,1\}  *\([0-9a-fA-F.:%]*[0-9a-fA-F]\)\( .*\)\{0,1\}$/\2/p'
    # `NAME IN AAAA ADDRESS -- link: eth0`; the above leaves IPv6 out where the host has none.
    resolvectl query --synthesize=no --legend=no --type=AAAA "$1" 2>&1 |
      sed -n 's/^[^ ]* IN AAAA \([0-9a-fA-F:]*\).*/\1/p' ;;
  esac
}
for name in "$@"; do
  addresses_of "$name" | awk -v name="$name" '!seen[$1]++ { print "name " name " " $1 }' &
done
wait

# Where the image's entry point looks for a database, of its own version and of older ones.
# quiet: there is no volume yet.
volume=$data/volumes/borgstack_postgresql_data/_data
# shellcheck disable=SC2016,SC2086 # for the inner shell; no word or two
$root sh -c '
  cd "$1" 2>/dev/null || exit 0
  for file in PG_VERSION data/PG_VERSION */docker/PG_VERSION; do
    [ ! -s "$file" ] || echo "cluster $file"
  done' sh "$volume"
