# Installs Docker Engine and the Compose plugin from the wanted source, and removes what conflicts.
# Running it again, also after a kill in the middle, brings the same state about.
#
# Usage: docker_install SOURCE PACKAGES CONFLICTS KEY-URL FINGERPRINT  <docker.sources
#   SOURCE docker: KEY-URL and FINGERPRINT name the only key that is accepted
#   SOURCE distribution: the last two and stdin are empty
set -eu
export LC_ALL=C DEBIAN_FRONTEND=noninteractive
umask 022
source=$1 packages=$2 conflicts=$3 key_url=$4 fingerprint=$5
started=$(date +%s)

say() { echo "$1 ($(($(date +%s) - started)) s)"; }
apt_get() {
  # A new cloud server often has its own upgrade running: wait for its lock instead of failing.
  apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 -o Dpkg::Options::=--force-confold \
    "$@" >"$work/log" 2>&1 || {
    tail -n 15 "$work/log" >&2
    echo "apt-get $1 failed (see above). Correct the cause on the host and run again." >&2
    exit 1
  }
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cat >"$work/docker.sources"

dpkg --configure -a >/dev/null
updated=no
if [ "$source" = docker ]; then
  tools=''
  for tool in curl gpg; do
    command -v "$tool" >/dev/null 2>&1 || tools="$tools $tool"
  done
  [ -e /etc/ssl/certs/ca-certificates.crt ] || tools="$tools ca-certificates"
  if [ -n "$tools" ]; then
    say "installing$tools"
    # A source of an earlier attempt whose key is not there would fail the update.
    [ -e /etc/apt/keyrings/docker.asc ] || rm -f /etc/apt/sources.list.d/docker.sources
    apt_get update
    updated=yes
    # shellcheck disable=SC2086 # words on purpose
    apt_get install --no-install-recommends $tools
  fi

  curl -fsSL --retry 3 -o "$work/key" "$key_url" || {
    echo "Docker's apt key cannot be fetched from $key_url (see above)." >&2
    exit 1
  }
  mkdir -m 700 "$work/gpg"
  found=$(gpg --homedir "$work/gpg" --batch --show-keys --with-colons "$work/key" 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }' | tr '\n' ' ')
  if [ "$found" != "$fingerprint " ]; then
    echo "The key at $key_url has the fingerprint ${found:-(unreadable) }- expected $fingerprint." >&2
    echo "It was not installed. If Docker has announced a new key, set docker_apt_fingerprint." >&2
    exit 1
  fi
  mkdir -p /etc/apt/keyrings
  chmod 644 "$work/key"
  cp "$work/key" /etc/apt/keyrings/.docker.asc
  mv -f /etc/apt/keyrings/.docker.asc /etc/apt/keyrings/docker.asc
  cp "$work/docker.sources" /etc/apt/sources.list.d/.docker.sources
  mv -f /etc/apt/sources.list.d/.docker.sources /etc/apt/sources.list.d/docker.sources
  updated=no
fi
rm -f /etc/apt/sources.list.d/docker.list /etc/apt/trusted.gpg.d/docker.gpg
[ "$source" = docker ] || rm -f /etc/apt/sources.list.d/docker.sources

[ "$updated" = yes ] || apt_get update
present=''
for package in $conflicts; do
  if dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^i'; then
    present="$present $package"
  fi
done
if [ -n "$present" ]; then
  say "removing$present"
  # shellcheck disable=SC2086
  apt_get remove $present
fi
say "installing $packages"
# shellcheck disable=SC2086
apt_get install --no-install-recommends $packages
say "installed $packages"
