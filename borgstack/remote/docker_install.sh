# Installs Docker Engine and the Compose plugin from the wanted source, and removes what conflicts.
# Running it again, also after a kill in the middle, brings the same state about.
#
# Usage: docker_install SOURCE PACKAGES CONFLICTS KEY-URL FINGERPRINT [DOUBLED]  <docker.sources
#   SOURCE docker: KEY-URL and FINGERPRINT name the only key that is accepted
#   SOURCE distribution: these two and stdin are empty
#   DOUBLED     words: files of apt's that name the same repository; they are set aside
set -eu
# needrestart, which Ubuntu has installed, would restart services of others after each apt-get.
export LC_ALL=C DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1
umask 022
source=$1 packages=$2 conflicts=$3 key_url=$4 fingerprint=$5 doubled=${6:-}
started=$(date +%s)
own=/etc/apt/sources.list.d/docker.sources
keyring=/etc/apt/keyrings/docker.asc
ran_before=/var/lib/borgstack/ran-before
# What apt had before, until an update has gone well with what took its place.
apt_before=/var/lib/borgstack/apt-before

# Docker's documentation has people write a file of that name.
is_ours() { [ -e "$own" ] && head -n 1 "$own" | grep -q '^# Written by borgstack'; }
say() { echo "$1 ($(($(date +%s) - started)) s)"; }
# A new cloud server often has its own upgrade running: wait for its locks instead of failing. apt-get
# waits for dpkg's alone, not for those of its lists and archives.
apt_get() {
  until log=$(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3 \
    -o Dpkg::Options::=--force-confold "$@" 2>&1); do
    case $log in
    *"Could not get lock"* | *"Unable to lock"*) busy=yes ;;
    *) busy=no ;;
    esac
    if [ "$busy" = no ] || [ $(($(date +%s) - started)) -ge 600 ]; then
      printf '%s\n' "$log" | tail -n 15 >&2
      taken_back
      echo "apt-get $1 failed (see above). Correct the cause on the host and run again." >&2
      exit 1
    fi
    say "waiting for another apt or dpkg to end"
    sleep 2
  done
}
note_apt() {
  [ ! -d "$apt_before" ] || return 0
  rm -rf "$apt_before.new"
  mkdir -p "$apt_before.new"
  for file in "$own" "$keyring"; do
    case " $doubled " in *" $file "*) continue ;; esac # set aside below
    [ ! -e "$file" ] || cp -p "$file" "$apt_before.new/${file##*/}"
  done
  for file in $doubled; do
    aside=$file.disabled
    while [ -e "$aside" ]; do aside=$aside.disabled; done
    printf '%s %s\n' "$file" "$aside"
  done >"$apt_before.new/aside"
  mv -f "$apt_before.new" "$apt_before"
}
# A source that cannot be used must break no other upgrade of the host.
taken_back() {
  [ -d "$apt_before" ] || return 0
  for file in "$own" "$keyring"; do
    if [ -e "$apt_before/${file##*/}" ]; then cp -p "$apt_before/${file##*/}" "$file"; else rm -f "$file"; fi
  done
  while read -r file aside; do
    [ -e "$file" ] || [ ! -e "$aside" ] || mv -f "$aside" "$file"
  done <"$apt_before/aside"
  rm -rf "$apt_before"
  echo "The sources of apt are as they were before." >&2
}
# Puts a text in place by a rename. Where it is in place nothing is written, so that a killed run
# leaves a half-written file only where the next one writes it again.
# quiet: what is not there yet is written.
put() {
  [ "$(stat -c '%a|%u|%g' "$1" 2>/dev/null) $(cat "$1" 2>/dev/null)" != "644|0|0 $2" ] || return 0
  half=${1%/*}/.${1##*/}
  mkdir -p "${1%/*}"
  printf '%s\n' "$2" >"$half"
  mv -f "$half" "$1"
}
sources=$(cat)

# dpkg does not wait for its lock, as apt-get does.
until message=$(dpkg --force-confold --configure -a 2>&1 >/dev/null); do
  case $message in
  *"locked by another process"*) busy=yes ;;
  *) busy=no ;;
  esac
  if [ "$busy" = no ] || [ $(($(date +%s) - started)) -ge 600 ]; then
    printf '%s\n' "$message" | tail -n 15 >&2
    echo "dpkg --configure -a failed (see above). Correct the cause on the host and run again." >&2
    exit 1
  fi
  say "waiting for another apt or dpkg to end"
  sleep 2
done
present=''
# quiet: dpkg-query complains of a package that it has never heard of.
for package in $conflicts; do
  if dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null | grep -q '^.[^nc]'; then
    present="$present $package"
  fi
done
# What else would go with them is somebody's own.
refuse_more() {
  [ -n "$present" ] || return 0
  # shellcheck disable=SC2046,SC2086
  with_them=$(apt-get -s -q remove $present | sed -n 's/^Remv \([^ ]*\).*/\1/p' |
    grep -vxF "$(printf '%s\n' $conflicts)" | tr '\n' ' ') || true
  [ -n "$with_them" ] || return 0
  echo "With$present these would go as well: $with_them- they are left alone, so nothing was removed." >&2
  echo "Remove them yourself if nothing needs them, or set the other docker_source." >&2
  exit 1
}
# Before anything is touched; once more when apt, whose sources may be wrong now, surely answers.
refuse_more
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
    [ -e "$keyring" ] || ! is_ours || rm -f "$own"
    apt_get update
    updated=yes
    # shellcheck disable=SC2086 # words on purpose
    apt_get install --no-remove --no-install-recommends $tools
  fi

  key=$(curl -fsSL --retry 3 "$key_url") || {
    taken_back
    echo "Docker's apt key cannot be fetched from $key_url (see above)." >&2
    exit 1
  }
  # gpg wants some home; without a keyring it writes nothing there.
  # quiet: a key without a fingerprint is told of as unreadable.
  found=$(printf '%s\n' "$key" | gpg --homedir /run --no-options --batch --no-keyring \
    --trust-model always --show-keys --with-colons 2>/dev/null |
    awk -F: '$1 == "pub" { primary = 1 } $1 == "fpr" && primary { print $10; primary = 0 }' | tr '\n' ' ')
  if [ "$found" != "$fingerprint " ]; then
    taken_back
    echo "The key at $key_url has the fingerprint ${found:-(unreadable) }- expected $fingerprint." >&2
    echo "It was not installed. If Docker has announced a new key, set docker_apt_fingerprint." >&2
    exit 1
  fi
  note_apt
  # apt passes over a file of that name. Two entries whose keys differ make it refuse every source.
  while read -r file aside; do
    [ ! -e "$file" ] || mv -f "$file" "$aside"
  done <"$apt_before/aside"
  put "$keyring" "$key"
  put "$own" "$sources"
  updated=no
fi
[ "$source" = docker ] || ! is_ours || rm -f "$own"

[ "$updated" = yes ] || apt_get update
rm -rf "$apt_before"
refuse_more
if [ -n "$present" ]; then
  # A daemon that is stopped is not asked: that would start it.
  running=''
  if command -v docker >/dev/null 2>&1 && systemctl is-active -q docker.service; then
    running=$(docker ps -q --no-trunc) || {
      echo "Docker runs and does not say what runs in it (see above); nothing was removed." >&2
      exit 1
    }
  fi
  if [ ! -e "$ran_before" ] && [ -n "$running" ]; then
    mkdir -p "${ran_before%/*}"
    printf '%s\n' "$running" >"$ran_before.new"
    mv -f "$ran_before.new" "$ran_before"
  fi
  say "removing$present"
  # shellcheck disable=SC2086
  apt_get remove $present
fi
say "installing $packages"
# What these exclude beside the above is somebody's own: apt-get says what, and stops.
# shellcheck disable=SC2086
apt_get install --no-remove --no-install-recommends $packages
say "installed $packages"
if [ -e "$ran_before" ]; then
  say "starting what ran before the engine was replaced"
  systemctl start docker.service
  while read -r container; do
    # One that was removed by itself when it stopped is not there any more.
    docker start "$container" >/dev/null || echo "$container was not started (see above)." >&2
  done <"$ran_before"
  rm -f "$ran_before"
fi
