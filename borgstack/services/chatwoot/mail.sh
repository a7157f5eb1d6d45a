# Sends a mail to ADDRESS by the settings that Chatwoot's worker has, with the library that Chatwoot
# sends by.
#
# Usage: chatwoot_mail ADDRESS
# Prints `mail JSON`; borgstack/checks/delivery.py judges it.
set -u
export LC_ALL=C
timeout 90 docker exec chatwoot-worker bundle exec ruby -rjson -rmail -rnet/smtp -rsecurerandom -e '
@chatwoot_mail.rb@
' -- "$1"
