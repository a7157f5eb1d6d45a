#!/bin/sh
# The web container's entry point: clears leftovers, waits for PostgreSQL, then becomes the command.
# It never migrates (facts 2). There is no `set -e`: a step that fails is simply passed over.
set -x

rm -rf /app/tmp/pids/server.pid
rm -rf /app/tmp/cache/*

# Trap (facts 2): when the helper dies on an invalid DATABASE_URL nothing is exported, and nobody looks.
# Executed as a command after word splitting, not evaluated: quotes and `;` in it would be taken literally.
$(docker/entrypoints/helpers/pg_database_url.rb)

# Trap (facts 2): unquoted, so an empty port makes this `pg_isready -h HOST -p -U USER`: a usage error, for ever.
# It asks only whether a server answers, not whether the database, the role or the password is right.
until pg_isready -h $POSTGRES_HOST -p $POSTGRES_PORT -U $POSTGRES_USERNAME
do
  sleep 2
done

# Both are satisfied by what is in the image; nothing is fetched.
bundle install --local --quiet

until bundle check
do
  sleep 2
done

exec "$@"
