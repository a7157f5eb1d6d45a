#!/bin/sh
# Sign the repository with the lab's key, made at the first start and kept in /keys, then serve it.
set -eu
export GNUPGHOME=/run/gnupg
rm -rf "$GNUPGHOME" && mkdir -m 700 "$GNUPGHOME"

if [ ! -s /keys/private.asc ]; then
	gpg --batch --quiet --passphrase '' --quick-gen-key 'Borgstack lab (Docker apt)' rsa3072 sign never
	gpg --batch --export-secret-keys --armor > /keys/private.asc.new
	mv /keys/private.asc.new /keys/private.asc
else
	gpg --batch --quiet --import /keys/private.asc
fi

cd /srv/linux/debian
gpg --batch --export --armor > gpg
for suite in dists/*; do
	gpg --batch --yes --armor --detach-sign --output "$suite/Release.gpg" "$suite/Release"
	gpg --batch --yes --clear-sign --output "$suite/InRelease" "$suite/Release"
done
gpg --batch --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }' > /keys/fingerprint.new
mv /keys/fingerprint.new /keys/fingerprint
gpgconf --kill all
exec "$@"
