#!/bin/sh
# What the entry point of redis:8.2-alpine does, in its order and with its words, written anew: the
# server steps down to redis where it can, and loads whatever module the image brings by an option
# that stands behind all others.
set -e

case "$1" in
-* | *.conf) set -- redis-server "$@" ;;
esac

# The server is what resolves to it, whatever name it goes by.
server='' sentinel=''
program=$(command -v "$1" || :)
if [ -n "$program" ] && [ "$(readlink -f "$program")" = /usr/local/bin/redis-server ]; then
	server=yes
	case "${program##*/} $* " in
	redis-sentinel\ * | *\ --sentinel\ *) sentinel=yes ;;
	esac
fi
config=''
case "${2:-}" in
-* | '') ;;
*) config=$2 ;;
esac

# has CAPABILITY: whether it is in the bounding set.
has() {
	setpriv -d | sed -n 's/^Capability bounding set: //p' | tr , '\n' | grep -qx "$1"
}
as_redis() {
	setpriv --reuid redis --regid redis --clear-groups "$@"
}
# usable PATH TEST...: gives to redis what redis cannot use; a refusal is no more than a warning.
usable() {
	path=$1
	shift
	for check; do
		as_redis test "$check" "$path" || break
	done && as_redis test "$1" "$path" && return
	chown redis "$path" 2>/dev/null ||
		echo >&2 "Warning: cannot change owner to 'redis' for '$path'. It may cause permission issues."
	mode=u+rw
	[ ! -d "$path" ] || mode=u+rwx
	chmod "$mode" "$path" 2>/dev/null || :
}
known() { # FOLDER PATTERN...: whether nothing else lies there
	folder=$1
	shift
	for file in "$folder"/* "$folder"/.[!.]*; do
		[ -e "$file" ] || continue
		name=${file##*/}
		for pattern; do
			# shellcheck disable=SC2254 # a pattern on purpose
			case $name in $pattern) continue 2 ;; esac
		done
		echo "Notice: Unknown file '$file' found in ${FOLDER_NAME} dir. Permissions will not be modified."
		return 1
	done
}

if [ "$server" ] && [ -z "$SKIP_DROP_PRIVS" ] && [ "$(id -u)" = 0 ] && has setuid && has setgid; then
	if [ -z "$SKIP_FIX_PERMS" ]; then
		if FOLDER_NAME=data known "$PWD" '*.rdb' appendonlydir; then
			find "$PWD" | while read -r file; do usable "$file" -r -w; done
		fi
		if [ "$config" ] && [ -e "$config" ] &&
			FOLDER_NAME=config known "$(dirname "$config")" "${config##*/}"; then
			usable "$(dirname "$config")" -r
			usable "$config" -r
		fi
	fi
	bounding=-all
	if has sys_resource; then bounding=-all,+sys_resource; fi
	# Alpine's library passes over a bounding set that cannot be dropped; Debian's ends with 127.
	set -- "$0" "$@"
	if has setpcap; then set -- "--bounding-set=$bounding" "$@"; fi
	exec setpriv --reuid redis --regid redis --clear-groups --nnp --inh-caps="$bounding" \
		--ambient-caps=-all "$@"
fi

if [ "$(umask)" = 0022 ]; then
	umask 0077
fi

if [ "$server" ] && [ -z "$sentinel" ]; then
	echo 'Starting Redis Server'
	for module in /usr/local/lib/redis/modules/*.so; do
		if [ -s "$module" ] && [ -r "$module" ] && [ -x "$module" ]; then
			set -- "$@" --loadmodule "$module"
		fi
	done
fi
exec "$@"
