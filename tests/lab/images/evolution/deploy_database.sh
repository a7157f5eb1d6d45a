#!/bin/bash
# Sourced by the entry point. Migrates the database before the server listens. DATABASE_PROVIDER has to
# be in the container's environment: .env does not count here. DATABASE_URL, which nothing reads, ends
# up in the log.
case "$DATABASE_PROVIDER" in
postgresql | mysql)
	echo "Deploying migrations for $DATABASE_PROVIDER"
	echo "Database URL: $DATABASE_URL"
	if ! npm run db:deploy; then
		echo "Migration failed"
		exit 1
	fi
	echo "Migration succeeded"
	if ! npm run db:generate; then
		echo "Prisma generate failed"
		exit 1
	fi
	echo "Prisma generate succeeded"
	;;
*)
	echo "Error: Database provider $DATABASE_PROVIDER invalid."
	exit 1
	;;
esac
