#!/bin/sh
# The official image's contract: options or a .conf file mean redis-server; root hands /data to
# redis and steps down; what redis writes is private.
set -e

case "$1" in
-* | *.conf) set -- redis-server "$@" ;;
esac

if [ "$1" = redis-server ] && [ "$(id -u)" = 0 ]; then
	find . ! -user redis -exec chown redis '{}' +
	exec setpriv --reuid redis --regid redis --clear-groups "$0" "$@"
fi

if [ "$(umask)" = 0022 ]; then
	umask 0077
fi
exec "$@"
