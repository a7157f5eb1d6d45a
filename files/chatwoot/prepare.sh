#!/bin/sh
# Runs in the one-shot container chatwoot-prepare, before web and worker of an image start: once
# for each image and each change of this folder. Running it again changes nothing.
set -eu
cd /app

echo "prepare: database schema"
bundle exec rails db:chatwoot_prepare

echo "prepare: account, administrator, settings"
bundle exec rails runner /etc/borgstack/provision.rb

# Files of earlier images stay: open browser tabs still ask for them by their fingerprints.
echo "prepare: assets"
mkdir -p /mnt/public
cp -R -f /app/public/. /mnt/public/
echo "prepare: done"
