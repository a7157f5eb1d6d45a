# What `borgstack status` shows, in one look that changes nothing.
#
# Usage: whatsapp_status DIRECTORY INSTANCE INBOX INBOUND-URL REPLY-URL
# The arguments are those of whatsapp_state.sh. Prints lines of `KIND …`; borgstack/bridge.py reads them.
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
@whatsapp_state.sh@
