#!/bin/bash
# The official PostgreSQL 18 image's contract, written anew: its steps in their order, and its words
# where it refuses.
set -Eeo pipefail

# NAME or NAME_FILE, not both, else the default.
from_file() {
	local name=$1 file_name=$1_FILE
	if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
		printf >&2 'error: both %s and %s are set (but are exclusive)\n' "$name" "$file_name"
		exit 1
	elif [ -n "${!file_name:-}" ]; then
		export "$name"="$(< "${!file_name}")"
	else
		export "$name"="${!name:-${2:-}}"
	fi
	unset "$file_name"
}

# Asked as root first, so that a file which root alone may read will do.
environment() {
	from_file POSTGRES_PASSWORD
	from_file POSTGRES_USER postgres
	from_file POSTGRES_DB "$POSTGRES_USER"
	from_file POSTGRES_INITDB_ARGS
	: "${POSTGRES_HOST_AUTH_METHOD:=}"
	old=()
	if [ -s "$PGDATA/PG_VERSION" ]; then
		exists=true
	elif [ "$PGDATA" = "/var/lib/postgresql/$PG_MAJOR/docker" ]; then
		# Data of an older layout, or a mount where the older images kept theirs.
		local directory
		for directory in /var/lib/postgresql /var/lib/postgresql/data /var/lib/postgresql/*/docker; do
			[ ! -s "$directory/PG_VERSION" ] || old+=("$directory")
		done
		if [ ${#old[@]} -eq 0 ] && mountpoint -q /var/lib/postgresql/data; then
			old+=('/var/lib/postgresql/data (unused mount/volume)')
		fi
	fi
}

directories() {
	local user
	user=$(id -u)
	mkdir -p "$PGDATA"
	chmod 00700 "$PGDATA" || :
	mkdir -p /var/run/postgresql || :
	chmod 03775 /var/run/postgresql || :
	if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
		mkdir -p "$POSTGRES_INITDB_WALDIR"
		[ "$user" != 0 ] || find "$POSTGRES_INITDB_WALDIR" \! -user postgres -exec chown postgres '{}' +
		chmod 700 "$POSTGRES_INITDB_WALDIR"
	fi
	if [ "$user" = 0 ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	fi
}

require_password() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
		cat >&2 <<-'END'
			Error: Database is uninitialized and superuser password is not specified.
			       You must specify POSTGRES_PASSWORD to a non-empty value for the
			       superuser.
		END
		exit 1
	fi
	if [ "$POSTGRES_HOST_AUTH_METHOD" = trust ]; then
		echo >&2 'WARNING: POSTGRES_HOST_AUTH_METHOD has been set to "trust".'
	fi
}

refuse_old_layout() {
	[ ${#old[@]} -gt 0 ] || return 0
	cat >&2 <<-'END'
		Error: in 18+, these Docker images are configured to store database data in a
		       format which is compatible with "pg_ctlcluster".

		       Counter to that, there appears to be PostgreSQL data in:
	END
	printf >&2 '         %s\n' "${old[@]}"
	exit 1
}

make_cluster() {
	local uid
	uid=$(id -u)
	# initdb wants a name for whoever it runs as.
	if ! getent passwd "$uid" >/dev/null; then
		local wrapper
		for wrapper in /usr/lib/*/libnss_wrapper.so; do
			NSS_WRAPPER_PASSWD=$(mktemp)
			NSS_WRAPPER_GROUP=$(mktemp)
			export LD_PRELOAD=$wrapper NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
			printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$uid" "$(id -g)" "$PGDATA" \
				> "$NSS_WRAPPER_PASSWD"
			printf 'postgres:x:%s:\n' "$(id -g)" > "$NSS_WRAPPER_GROUP"
		done
	fi
	if [ -n "${POSTGRES_INITDB_WALDIR:-}" ]; then
		set -- --waldir "$POSTGRES_INITDB_WALDIR" "$@"
	fi
	# shellcheck disable=SC2086 # the arguments are meant to be split
	eval 'initdb --username="$POSTGRES_USER" --pwfile=<(printf "%s\n" "$POSTGRES_PASSWORD") '"$POSTGRES_INITDB_ARGS"' "$@"'
	if [[ "${LD_PRELOAD:-}" == */libnss_wrapper.so ]]; then
		rm -f "$NSS_WRAPPER_PASSWD" "$NSS_WRAPPER_GROUP"
		unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP
	fi
}

# The arguments are the server's options, which may hold the configuration file.
open_to_passwords() {
	local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption "$@")}
	printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

sql() {
	PGHOST='' PGHOSTADDR='' psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --no-password \
		--no-psqlrc --dbname "$POSTGRES_DB" "$@"
}

run_init_file() {
	case "$1" in
	*.sh)
		if [ -x "$1" ]; then
			printf '%s: running %s\n' "$0" "$1"
			"$1"
		else
			printf '%s: sourcing %s\n' "$0" "$1"
			# shellcheck source=/dev/null
			. "$1"
		fi
		;;
	*.sql) printf '%s: running %s\n' "$0" "$1"; sql -f "$1" ;;
	*.sql.gz) printf '%s: running %s\n' "$0" "$1"; gunzip -c "$1" | sql ;;
	*.sql.xz) printf '%s: running %s\n' "$0" "$1"; xzcat "$1" | sql ;;
	*.sql.zst) printf '%s: running %s\n' "$0" "$1"; zstd -dc "$1" | sql ;;
	*) printf '%s: ignoring %s\n' "$0" "$1" ;;
	esac
}

# The arguments are the server's options.
initialise() {
	require_password
	refuse_old_layout
	# Unreadable init files stop this before anything is made.
	ls /docker-entrypoint-initdb.d/ >/dev/null
	make_cluster
	open_to_passwords "$@"
	export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
	# Only the Unix socket, whatever the options before say: nobody from outside meets a database
	# that is half made.
	NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -w start \
		-o "$(printf '%q ' "$@" -c listen_addresses= -p "${PGPORT:-5432}")"
	if [ -z "$(POSTGRES_DB='' sql --dbname postgres --tuples-only -v name="$POSTGRES_DB" \
		<<< "SELECT 1 FROM pg_database WHERE datname = :'name'")" ]; then
		POSTGRES_DB='' sql --dbname postgres -v name="$POSTGRES_DB" <<< 'CREATE DATABASE :"name"'
	fi
	local file
	for file in /docker-entrypoint-initdb.d/*; do
		[ ! -e "$file" ] || run_init_file "$file"
	done
	pg_ctl -D "$PGDATA" -m fast -w stop
	unset PGPASSWORD
	printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

wants_help() {
	local argument
	for argument; do
		case "$argument" in
		-'?' | --help | --describe-config | -V | --version) return 0 ;;
		esac
	done
	return 1
}

case "${1:-}" in
-*) set -- postgres "$@" ;;
esac

if [ "${1:-}" = postgres ] && ! wants_help "$@"; then
	environment
	directories
	if [ "$(id -u)" = 0 ]; then
		exec gosu postgres "$BASH_SOURCE" "$@"
	fi
	if [ -n "${exists:-}" ]; then
		printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
	else
		initialise "${@:2}"
	fi
fi

exec "$@"
