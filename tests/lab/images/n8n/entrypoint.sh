#!/bin/sh
# The official image's contract: certificates of one's own are trusted, then all words go to n8n,
# which without any starts the server.
if [ -d /opt/custom-certificates ]; then
	echo 'Trusting custom certificates from /opt/custom-certificates.'
	export NODE_OPTIONS="--use-openssl-ca $NODE_OPTIONS"
	export SSL_CERT_DIR=/opt/custom-certificates
	c_rehash /opt/custom-certificates
fi
exec n8n "$@"
