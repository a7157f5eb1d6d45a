# What `borgstack status` shows, in one look that changes nothing.
#
# Usage: whatsapp_status STATES INBOX INBOUND-URL REPLY-URL
#   STATES   what asks single services, see `remote.state_program`
# The others are those of whatsapp_state.sh. Prints lines of `KIND …`; borgstack/bridge.py reads them.
set -u
export LC_ALL=C
if [ "$(id -u)" != 0 ]; then
  echo "blind the login user $(id -un) is not root, and _sudo is not set"
  exit 0
fi
# Asked through its socket, a stopped daemon would be started by systemd: a look starts nothing.
if ! systemctl is-active -q docker.service; then
  echo "blind Docker does not run"
  exit 0
fi
states=$1
shift
parts=$(mktemp -d) || exit 1
trap 'rm -rf "$parts"' EXIT
trap 'exit 1' HUP INT TERM PIPE
process() { docker inspect -f '{{.State.Pid}}' "$1" | grep -v '^0$'; }
eval "$states"
(
@whatsapp_state.sh@
)
wait
cat "$parts"/*
