#!/bin/sh
# Has Chromium trust the lab's authority, as a person does who adds a root to the own browser.
set -eu
store=$HOME/.pki/nssdb
rm -rf "$store"
mkdir -p "$store"
certutil -d "sql:$store" -N --empty-password
certutil -d "sql:$store" -A -t C,, -n lab -i /etc/lab-ca-root.pem
exec "$@"
