# The running settings of Redis, and whether a key exists. Runs on the host, in the network of the
# container, in bash: no other shell opens a connection, and nothing of the image is executed.
#
# Usage: redis_state KEY NAME...  3<the password, as the container was given it
# Prints: redis-password ok|refused
#         redis-onboarding 0|1           whether KEY exists
#         redis-setting NAME VALUE       for each NAME
# shellcheck shell=bash
set -u
key=$1
shift
line=''
reply() { IFS= read -r line <&4 && line=${line%?}; } # without the carriage return
IFS= read -r password <&3
exec 4<>/dev/tcp/127.0.0.1/6379 || { echo "redis-password ok"; exit 0; }
[ -z "$password" ] || printf 'AUTH "%s"\r\n' "$password" >&4
printf 'PING\r\nEXISTS %s\r\nCONFIG GET %s\r\n' "$key" "$*" >&4
verdict=ok
[ -z "$password" ] || reply
case $line in -*) verdict=refused ;; esac
echo "redis-password $verdict"
reply
[ "$line" = +PONG ] || exit 0
reply
echo "redis-onboarding ${line#:}"
# Each name and each value stands in a line of its own, behind one with its length.
reply
for _ in $(seq 2 2 "${line#\*}"); do
  reply && reply && name=$line && reply && reply && echo "redis-setting $name $line" || break
done
