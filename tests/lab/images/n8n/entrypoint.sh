#!/bin/sh
# The official image's contract: all words go to n8n, which without any starts the server.
exec n8n "$@"
