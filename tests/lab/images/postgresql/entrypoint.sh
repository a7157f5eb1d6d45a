#!/bin/bash
# The official PostgreSQL 18 image's contract, written anew: see its documentation on Docker Hub.
set -Eeo pipefail

fail() {
	printf >&2 'Error: %s\n' "$@"
	exit 1
}

# NAME or NAME_FILE, not both, else the default.
from_file() {
	local name=$1 file_name=$1_FILE
	if [ -n "${!name:-}" ] && [ -n "${!file_name:-}" ]; then
		fail "both $name and $file_name are set (but are exclusive)"
	elif [ -n "${!file_name:-}" ]; then
		export "$name"="$(< "${!file_name}")"
	else
		export "$name"="${!name:-${2:-}}"
	fi
	unset "$file_name"
}

directories() {
	mkdir -p "$PGDATA" /var/run/postgresql
	chmod 00700 "$PGDATA" || :
	chmod 03775 /var/run/postgresql || :
	if [ "$(id -u)" = 0 ]; then
		find "$PGDATA" \! -user postgres -exec chown postgres '{}' +
		find /var/run/postgresql \! -user postgres -exec chown postgres '{}' +
	fi
}

# Data of an older layout, or a mount where the older images kept theirs, would be lost silently.
refuse_old_layout() {
	local old=() directory
	for directory in /var/lib/postgresql /var/lib/postgresql/data /var/lib/postgresql/*/docker; do
		[ ! -s "$directory/PG_VERSION" ] || old+=("$directory")
	done
	if [ ${#old[@]} -eq 0 ] && mountpoint -q /var/lib/postgresql/data; then
		old+=('/var/lib/postgresql/data (unused mount/volume)')
	fi
	[ ${#old[@]} -eq 0 ] || fail \
		"in 18+, these Docker images are configured to keep the data in $PGDATA." \
		"There is a mount or a database of an older layout in: ${old[*]}" \
		'Mount a single volume at /var/lib/postgresql, and upgrade old data with pg_upgrade.'
}

require_password() {
	if [ -z "$POSTGRES_PASSWORD" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
		fail 'Database is uninitialized and superuser password is not specified.' \
			'You must specify POSTGRES_PASSWORD to a non-empty value for the superuser.'
	fi
}

make_cluster() {
	# shellcheck disable=SC2086 # the arguments are meant to be split
	eval "initdb --username=\"\$POSTGRES_USER\" --pwfile=<(printf '%s\n' \"\$POSTGRES_PASSWORD\") \
		$POSTGRES_INITDB_ARGS"
	local method=${POSTGRES_HOST_AUTH_METHOD:-$(postgres -C password_encryption "$@")}
	printf '\nhost all all all %s\n' "$method" >> "$PGDATA/pg_hba.conf"
}

sql() {
	PGHOST= PGHOSTADDR= psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password \
		--username "$POSTGRES_USER" --dbname "$POSTGRES_DB" "$@"
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
	*) printf '%s: ignoring %s\n' "$0" "$1" ;;
	esac
}

# The arguments are the server's options.
initialise() {
	require_password
	refuse_old_layout
	make_cluster "$@"
	export PGPASSWORD="${PGPASSWORD:-$POSTGRES_PASSWORD}"
	# Only the Unix socket: nobody from outside meets a database that is half made.
	NOTIFY_SOCKET='' pg_ctl -D "$PGDATA" -o "$(printf '%q ' -c listen_addresses= "$@")" -w start
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
	directories
	if [ "$(id -u)" = 0 ]; then
		exec setpriv --reuid postgres --regid postgres --init-groups "$BASH_SOURCE" "$@"
	fi
	from_file POSTGRES_PASSWORD
	from_file POSTGRES_USER postgres
	from_file POSTGRES_DB "$POSTGRES_USER"
	from_file POSTGRES_INITDB_ARGS
	if [ -s "$PGDATA/PG_VERSION" ]; then
		printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
	else
		initialise "${@:2}"
	fi
fi

exec "$@"
